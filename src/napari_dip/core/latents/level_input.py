"""Input of a network that knows the noise level: images, hidden pixels and the level."""

from __future__ import annotations

import torch
from torch import Tensor

from napari_dip.core.networks.layers import channels_last, pixel_unshuffle


def input_channels(channels: int, shuffle: int) -> int:
    """Return the number of channels of `network_input` for C channels and neighbours."""
    return shuffle**2 * (channels + 1) + 1


def network_input(standard: Tensor, visible: Tensor, level: Tensor, shuffle: int) -> Tensor:
    """Return what a network that knows the noise level sees.

    Parameters
    ----------
    standard : (N, C, Y, X) Tensor
        Standardised images, with hidden pixels filled, and their neighbours, if any.
    visible : (N, 1, Y, X) Tensor
        1 at pixels that the network sees, 0 at filled ones.
    level : (N, 1, 1, 1) Tensor
        Standard deviation of the noise of the standardised images.
    shuffle : int
        n: a pixel of the input holds n x n pixels of the images.

    Returns
    -------
    (N, n^2 (C + 1) + 1, Y / n, X / n) Tensor
        Images, noise level at filled pixels, and noise level.
    """
    coarse = pixel_unshuffle(torch.cat([standard, (1 - visible) * level], 1), shuffle)
    return channels_last(torch.cat([coarse, level.expand(-1, 1, *coarse.shape[2:])], 1))
