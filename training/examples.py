"""Training pairs: a noisy crop as the network sees it in a fit, and the clean crop."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from napari_dip.core.image.infill import mean_of_neighbours
from napari_dip.core.networks.layers import channels_last, pixel_unshuffle
from training.noise import with_contrast, with_noise
from training.scenes import make_scene

# Share of the examples in which nothing is hidden: so the first answer sees the image.
_NOTHING_HIDDEN = 0.4
_HIDDEN = 0.2
_FLATTEST = 1e-3


class Example(NamedTuple):
    """One pair in units of the observation: mean 0, standard deviation 1.

    Attributes
    ----------
    latent : (1, n^2, Y/n, X/n) Tensor
        The observation, some of its pixels replaced by the mean of their neighbours.
    observation, clean : (1, 1, Y, X) Tensor
        Noisy and clean crop.
    """

    latent: Tensor
    observation: Tensor
    clean: Tensor


def make_example(seed: tuple[int, ...], size: int, shuffle: int, hidden: float | None) -> Example:
    """Return the example of a seed, the same at every call.

    Parameters
    ----------
    seed : tuple of int
        Seed of scene, noise and hidden pixels.
    size : int
        Side of the crop [pixels].
    shuffle : int
        n: a pixel of the latent holds n x n pixels of the image.
    hidden : float or None
        Share of hidden pixels; None draws 0 or the share of the presets.
    """
    random = np.random.default_rng(seed)
    while True:
        clean = with_contrast(random, make_scene(random, size))
        noisy = with_noise(random, clean)
        if np.isfinite(noisy).all() and noisy.std() > _FLATTEST:
            break
    if hidden is None:
        hidden = 0.0 if random.random() < _NOTHING_HIDDEN else _HIDDEN
    mean, deviation = noisy.mean(), noisy.std()
    observation = torch.from_numpy((noisy - mean) / deviation)[None, None]
    visible = torch.from_numpy((random.random((1, 1, size, size)) >= hidden).astype(np.float32))
    seen = torch.lerp(mean_of_neighbours(observation, visible), observation, visible)
    return Example(
        channels_last(pixel_unshuffle(seen, shuffle)),
        observation,
        torch.from_numpy((clean - mean) / deviation)[None, None],
    )
