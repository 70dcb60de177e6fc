"""Plug and play: complete k-space with the learned weights of the package as denoiser."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from napari_dip.config import LEARNED_NETWORK
from napari_dip.core.latents.augment import FLIPS
from napari_dip.core.latents.base import Mirror
from napari_dip.core.latents.recorrupted import input_channels, network_input
from napari_dip.core.networks.build import PriorNetwork, build_network
from napari_dip.core.networks.learned_weights import find_weights, load_learned_weights
from napari_dip.core.networks.strips import in_strips

if TYPE_CHECKING:
    from napari_dip.core.operators.kspace import KSpace

# Number of steps, and first and last noise level relative to the standard deviation of the image.
_STEPS, _FIRST, _LAST = 24, 0.3, 0.02
# Factor of each change that the denoiser proposes; a larger one needs fewer steps.
_RELAXATION = 1.5
# Lowest noise level relative to that of the recorded frequencies, if they are noisy.
_FLOOR = 0.85


class PlugAndPlay:
    """Iteration of a learned denoiser and the recorded frequencies.

    The aliasing of undersampled k-space is treated as noise whose level decreases. At each step
    the network removes noise of the present level; the recorded frequencies then replace those
    of the result.

    Parameters
    ----------
    network : PriorNetwork
        Network for one channel that sees the noise level.
    sha256 : str
        SHA-256 of the file of its weights.

    References
    ----------
    K. Zhang et al., "Plug-and-play image restoration with deep denoiser prior", IEEE TPAMI 44
    (2022): half-quadratic splitting with decreasing noise levels.

    Examples
    --------
    >>> from napari_dip.core.operators.kspace import KSpace
    >>> complete = PlugAndPlay.with_learned_weights(torch.device("cpu"))
    >>> fourier = KSpace(torch.ones(16, 16, dtype=torch.bool), paired=False)
    >>> image = torch.eye(16)[None, None]
    >>> result = complete(fourier, fourier(image), torch.ones_like(image), image)
    >>> torch.allclose(result, image, atol=1e-4)
    True
    """

    def __init__(self, network: PriorNetwork, sha256: str) -> None:
        self._network, self.sha256 = network, sha256

    @classmethod
    def with_learned_weights(cls, device: torch.device) -> PlugAndPlay | None:
        """Return the iteration with the weights of the package; None if there are none."""
        file = find_weights(LEARNED_NETWORK, 1)
        if file is None:
            return None
        channels = input_channels(1, LEARNED_NETWORK.pixel_shuffle)
        with torch.random.fork_rng(devices=[]):
            network = build_network(LEARNED_NETWORK, channels, 1)
        sha256 = load_learned_weights(network, file, torch.ones(()))
        return cls(network.to(device), sha256)

    @torch.no_grad()
    def __call__(
        self,
        fourier: KSpace,
        spectrum: Tensor,
        known: Tensor,
        image: Tensor,
        noise: float = 0.0,
        ended: Callable[[], bool] = lambda: False,
    ) -> Tensor:
        """Return an image (1, C, [Z,] Y, X) that matches the known frequencies up to noise.

        Parameters
        ----------
        fourier : KSpace
            Fourier operator.
        spectrum : (1, C, [Z,] Y, X) Tensor
            Recorded frequencies.
        known : (1, C, [Z,] Y, X) Tensor
            Mask: 1 at frequencies that must match, 0 elsewhere.
        image : (1, C, [Z,] Y, X) Tensor
            First image, such as that of least total variation.
        noise : float
            Standard deviation of the noise of the recorded frequencies, in units of the image.
            Default 0.0.
        ended : callable
            Function that returns True to stop early; the present image is then returned.
        """
        deviation = _deviation(image)
        for step in range(_STEPS):
            if ended():
                break
            level = deviation * _FIRST * (_LAST / _FIRST) ** (step / (_STEPS - 1))
            level = max(level, _FLOOR * noise)
            change = self._denoised(image, level, FLIPS[step % len(FLIPS)]) - image
            image = image + _RELAXATION * change
            # The share of each recorded value that the noise leaves certain.
            share = level**2 / (level**2 + noise**2) if level else 1.0
            image = image + share * fourier.zero_filled(spectrum - fourier(image), known)
        return image

    def _denoised(self, image: Tensor, level: float, flips: tuple[int, ...]) -> Tensor:
        """Return the image without noise of this level; real and imaginary parts one by one."""
        size = image.shape[-2:]
        planes = image.reshape(-1, 1, *size)
        mean = planes.mean((2, 3), keepdim=True)
        deviation = max(_deviation(image), 1e-6)
        to_canvas = Mirror(tuple(size), self._network.canvas(tuple(size)), image.device)
        standard = to_canvas((planes - mean) / deviation).flip(flips)
        levels = standard.new_full((len(planes), 1, 1, 1), level / deviation)
        latent = network_input(
            standard, torch.ones_like(standard), levels, self._network.pixel_shuffle
        )
        clean = (standard + in_strips(self._network, latent)).flip(flips)
        return (clean[..., : size[0], : size[1]] * deviation + mean).reshape(image.shape)


def _deviation(image: Tensor) -> float:
    """Return the standard deviation of an image inside its planes."""
    return float((image - image.mean((-2, -1), keepdim=True)).square().mean().sqrt())
