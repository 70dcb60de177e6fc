"""Training pairs: crops of scenes with noise, and what the network sees of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from napari_dip.core.image.infill import mean_of_neighbours
from napari_dip.core.latents.recorrupted import network_input
from napari_dip.core.networks.build import GAIN, MIDDLE, PriorNetwork
from training.noise import Fluctuations, with_contrast, with_noise

if TYPE_CHECKING:
    from training.bank import Bank
    from training.fields import Plane

# Shares of hidden pixels, and how often each is drawn.
_HIDDEN = {0.0: 0.6, 0.1: 0.1, 0.2: 0.2, 0.3: 0.1}
# Side of the largest crop that is taken at half the resolution, too [pixels].
_HALVED_UP_TO = 96
_LEAST_DEVIATION = 1e-3


class Batch(NamedTuple):
    """Images in units of the noise, whose standard deviation is about 1.

    Attributes
    ----------
    observation, clean : (N, C, Y, X) Tensor
        Noisy and clean images.
    visible : (N, 1, Y, X) Tensor
        1 at pixels that the network sees, 0 at hidden ones.
    """

    observation: Tensor
    clean: Tensor
    visible: Tensor

    def to(self, device: torch.device) -> Batch:
        return Batch(*(values.to(device) for values in self))


def draw_batch(
    random: np.random.Generator,
    bank: Bank,
    size: int,
    count: int,
    scenes: range,
    fluctuations: Fluctuations = "weak",
) -> Batch:
    """Draw examples.

    Parameters
    ----------
    random : numpy.random.Generator
        Source of all random numbers.
    bank : (N, C, Y, X) float16
        Clean scenes.
    size : int
        Side of the crops [pixels].
    count : int
        Number of examples.
    scenes : range
        Indices of the scenes that are drawn from.
    fluctuations : {"none", "weak", "strong"}
        Fluctuations of the brightness of some images. Default "weak".
    """
    drawn = [
        _draw_example(random, bank[random.integers(scenes.start, scenes.stop)], size, fluctuations)
        for _ in range(count)
    ]
    return Batch(*(torch.from_numpy(np.stack(arrays)) for arrays in zip(*drawn, strict=True)))


def estimate(network: PriorNetwork, observation: Tensor, visible: Tensor) -> Tensor:
    """Return the clean images that a network estimates.

    Hidden pixels are replaced by the mean of their neighbours. The network sees standardised
    images, the mask of the hidden pixels and the standard deviation of the noise, and returns
    the change of the image.

    Parameters
    ----------
    network : PriorNetwork
        Network with 4 C + 5 latent channels, C output channels and a pixel shuffle of 2.
    observation : (N, C, Y, X) Tensor
        Noisy images in units of the noise.
    visible : (N, 1, Y, X) Tensor
        1 at pixels that the network sees, 0 at hidden ones.

    Returns
    -------
    (N, C, Y, X) Tensor
        Estimate in units of the noise.
    """
    mean = observation.mean((1, 2, 3), keepdim=True)
    deviation = observation.std((1, 2, 3), keepdim=True).clamp(min=_LEAST_DEVIATION)
    noise = 1 / deviation
    standard = (observation - mean) / deviation
    filled = mean_of_neighbours(standard, visible.expand_as(standard))
    seen = torch.lerp(filled, standard, visible)
    shown = network_input(seen, visible, noise, network.pixel_shuffle)
    change = (network(shown) - MIDDLE) / GAIN
    return (seen + change) * deviation + mean  # type: ignore[no-any-return]


def _draw_example(
    random: np.random.Generator, scene: Bank, size: int, fluctuations: Fluctuations
) -> tuple[Plane, Plane, Plane]:
    """Return observation, clean image and mask of one crop of a scene (C, Y, X)."""
    pixels: Plane = np.asarray(scene, np.float32)
    if size <= _HALVED_UP_TO and random.random() < 0.5:
        pixels = _halved(pixels)
    pixels = with_contrast(random, _turned(random, _crop(random, pixels, size)))
    if random.random() < 0.02:  # an empty field
        pixels = np.full_like(pixels, pixels.mean())
    noisy, clean = with_noise(random, pixels, fluctuations)
    hidden = random.choice(list(_HIDDEN), p=list(_HIDDEN.values()))
    visible = random.random((1, size, size)) >= hidden
    return noisy, clean, visible.astype(np.float32)


def _halved(pixels: Plane) -> Plane:
    """Return the means of 2 x 2 pixels."""
    means: Plane = np.mean([pixels[..., y::2, x::2] for x in (0, 1) for y in (0, 1)], axis=0)
    return means


def _crop(random: np.random.Generator, pixels: Plane, size: int) -> Plane:
    y, x = random.integers(0, pixels.shape[-1] - size + 1, 2)
    return pixels[..., y : y + size, x : x + size]


def _turned(random: np.random.Generator, pixels: Plane) -> Plane:
    """Return one of the eight orientations of an image."""
    if random.random() < 0.5:
        pixels = pixels[..., ::-1]
    if random.random() < 0.5:
        pixels = pixels[..., ::-1, :]
    if random.random() < 0.5:
        pixels = pixels.swapaxes(-1, -2)
    return pixels
