"""Learned denoiser: the weights of the package, applied to an image at a given noise level."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from napari_dip.config import LEARNED_NETWORK
from napari_dip.core.latents.augment import FLIPS
from napari_dip.core.latents.base import Mirror
from napari_dip.core.latents.level_input import input_channels, network_input
from napari_dip.core.networks.build import build_network
from napari_dip.core.networks.learned_weights import find_weights, load_learned_weights
from napari_dip.core.networks.strips import in_strips

if TYPE_CHECKING:
    from torch import Tensor

_RGB = 3


class LearnedDenoiser:
    """Network with the weights of the package that removes white noise of a given level.

    Three channels of a plane are denoised together; otherwise each plane of each channel is.

    Parameters
    ----------
    channels : int
        Number of channels of the images.
    volumes : bool
        Whether the images have planes along Z.
    device : torch.device
        Device of the images.

    Attributes
    ----------
    sha256 : str
        SHA-256 of the file of the weights.
    parameters : int
        Number of weights.

    Examples
    --------
    >>> denoise = LearnedDenoiser(1, volumes=False, device=torch.device("cpu"))
    >>> image = torch.zeros(1, 1, 64, 64)
    >>> image[..., 32:] = 1.0
    >>> noisy = image + 0.1 * torch.randn(image.shape, generator=torch.Generator().manual_seed(0))
    >>> float((denoise(noisy, 0.1) - image).std()) < 0.02
    True
    """

    def __init__(self, channels: int, *, volumes: bool, device: torch.device) -> None:
        self._together = _RGB if channels == _RGB and not volumes else 1
        file = find_weights(LEARNED_NETWORK, self._together)
        assert file is not None  # a test of the package checks that it holds both
        with torch.random.fork_rng(devices=[]):
            inputs = input_channels(self._together, LEARNED_NETWORK.pixel_shuffle)
            network = build_network(LEARNED_NETWORK, inputs, self._together)
        self.sha256 = load_learned_weights(network, file, torch.ones(()))
        self.parameters = sum(parameter.numel() for parameter in network.parameters())
        self._network = network.to(device)

    @torch.no_grad()
    def __call__(self, image: Tensor, level: float, flips: tuple[int, ...] = ()) -> Tensor:
        """Return an image (1, C, [Z,] Y, X) without noise of this standard deviation.

        Parameters
        ----------
        image : (1, C, [Z,] Y, X) Tensor
            Image with noise.
        level : float
            Standard deviation of the noise, in units of the image.
        flips : tuple of int
            Axes along which the network sees the image flipped. Default none.
        """
        size = tuple(image.shape[-2:])
        planes = image.reshape(-1, self._together, *size)
        mean = planes.mean((1, 2, 3), keepdim=True)
        deviation = (planes - mean).square().mean().sqrt().clamp(min=1e-6)
        to_canvas = Mirror(size, self._network.canvas(size), image.device)
        standard = to_canvas((planes - mean) / deviation).flip(flips)
        change = torch.cat([self._change(plane[None], level / deviation) for plane in standard])
        clean = (standard + change).flip(flips)[..., : size[0], : size[1]]
        return (clean * deviation + mean).reshape(image.shape)

    def averaged(self, image: Tensor, level: float) -> Tensor:
        """Return the mean over all flipped views of the image without noise of this level."""
        return torch.stack([self(image, level, flips) for flips in FLIPS]).mean(dim=0)

    def _change(self, plane: Tensor, level: Tensor) -> Tensor:
        """Return what the network adds to a standardised plane (1, C, Y, X)."""
        visible = torch.ones_like(plane[:, :1])
        latent = network_input(
            plane, visible, level.reshape(1, 1, 1, 1), self._network.pixel_shuffle
        )
        return in_strips(self._network, latent)


def falling_level(deviation: float, first: float, last: float, step: int, steps: int) -> float:
    """Return the noise level of a step of plug and play; each step lowers it by the same factor.

    Parameters
    ----------
    deviation : float
        Standard deviation of the image.
    first, last : float
        Noise level of the first and last step, relative to `deviation`.
    step, steps : int
        Index of the step, from 0, and number of steps.

    Returns
    -------
    float
        Standard deviation of the noise, in units of the image.

    Examples
    --------
    >>> [round(falling_level(2.0, 0.4, 0.1, step, 3), 6) for step in range(3)]
    [0.8, 0.4, 0.2]
    """
    level: float = deviation * first * (last / first) ** (step / max(steps - 1, 1))
    return level
