"""Strips: a network applied to parts of a large latent, one after the other, to save memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from napari_dip.core.hardware.fit_cost import STRIP

if TYPE_CHECKING:
    from napari_dip.core.networks.build import PriorNetwork


def in_strips(network: PriorNetwork, latent: Tensor, most: int = STRIP) -> Tensor:
    """Return the output of a network, computed in overlapping strips where that is possible.

    Parameters
    ----------
    network : PriorNetwork
        Network. Only one whose output depends on near pixels alone (`reach`) is applied to
        strips.
    latent : (1, L, Y, X) Tensor
        Latent, which needs no gradient.
    most : int
        Largest number of pixels that a strip yields, without the overlap.

    Returns
    -------
    (1, C, n Y, n X) Tensor
        Output; at the borders of strips it differs by less than a thousandth of the noise.
    """
    factor, reach = network.pixel_shuffle, network.reach
    rows, columns = latent.shape[-2:]
    if reach is None or rows * columns * factor**2 <= most:
        return network(latent)  # type: ignore[no-any-return]
    stride = network.strides[-2] // factor
    height = max(most // (columns * factor**2) // stride, 1) * stride
    strips = []
    for start in range(0, rows, height):
        stop = min(start + height, rows)
        first, last = max(start - reach, 0), min(stop + reach, rows)
        output = network(latent[..., first:last, :])
        strips.append(output[..., (start - first) * factor : (stop - first) * factor, :])
    return torch.cat(strips, dim=-2)
