"""Training pairs: crops of scenes with noise, and what the network sees of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from napari_dip.core.image.infill import mean_of_neighbours
from napari_dip.core.latents.level_input import network_input
from napari_dip.core.networks.build import GAIN, MIDDLE, PriorNetwork
from training.noise import FINE_NOISE, NoiseMix, with_contrast, with_noise
from training.stacks import with_neighbours

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
    neighbours : (N, K, Y, X) Tensor
        Noisy neighbours of each plane; K is 0 for images without neighbours.
    """

    observation: Tensor
    clean: Tensor
    visible: Tensor
    neighbours: Tensor

    def to(self, device: torch.device) -> Batch:
        return Batch(*(values.to(device) for values in self))


def draw_batch(
    random: np.random.Generator,
    bank: Bank,
    size: int,
    count: int,
    scenes: range,
    mix: NoiseMix = FINE_NOISE,
    neighbours: int = 0,
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
    mix : NoiseMix
        Noise of the examples. Default: no coarse noise.
    neighbours : int
        K: the scenes are stacks of K + 1 planes. Default 0, for images.
    """
    drawn = []
    for _ in range(count):
        scene = bank[random.integers(scenes.start, scenes.stop)]
        if neighbours:
            scene = with_neighbours(random, scene)
        noisy, clean, visible = _draw_example(random, scene, size, mix)
        images = len(noisy) - neighbours
        drawn.append((noisy[:images], clean[:images], visible, noisy[images:]))
    return Batch(*(torch.from_numpy(np.stack(arrays)) for arrays in zip(*drawn, strict=True)))


def estimate(network: PriorNetwork, batch: Batch) -> Tensor:
    """Return the clean images that a network estimates, in units of the noise (N, C, Y, X).

    Hidden pixels are replaced by the mean of their neighbours. The network sees standardised
    images, the mask of the hidden pixels and the standard deviation of the noise, and returns
    the change of the image.

    Parameters
    ----------
    network : PriorNetwork
        Network whose latent is `network_input`, with C output channels.
    batch : Batch
        Images of C channels.
    """
    observation, _, visible, neighbours = batch
    mean = observation.mean((1, 2, 3), keepdim=True)
    deviation = observation.std((1, 2, 3), keepdim=True).clamp(min=_LEAST_DEVIATION)
    noise = 1 / deviation
    standard = (observation - mean) / deviation
    filled = mean_of_neighbours(standard, visible.expand_as(standard))
    seen = torch.lerp(filled, standard, visible)
    context = (neighbours - mean) / deviation
    shown = network_input(torch.cat([seen, context], 1), visible, noise, network.pixel_shuffle)
    change = (network(shown) - MIDDLE) / GAIN
    return (seen + change) * deviation + mean  # type: ignore[no-any-return]


def _draw_example(
    random: np.random.Generator, scene: Bank, size: int, mix: NoiseMix
) -> tuple[Plane, Plane, Plane]:
    """Return observation, clean image and mask of one crop of a scene (C, Y, X)."""
    pixels: Plane = np.asarray(scene, np.float32)
    if size <= _HALVED_UP_TO and random.random() < 0.5:
        pixels = _halved(pixels)
    pixels = with_contrast(random, _turned(random, _crop(random, pixels, size)))
    if random.random() < 0.02:  # an empty field
        pixels = np.full_like(pixels, pixels.mean())
    noisy, clean = with_noise(random, pixels, mix)
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
