"""Coarse pictures, which a network maps in a fraction of the time: means of squares of pixels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from napari_dip.core.image.shape import Shape


def factor_within(shape: Shape, most: int) -> int:
    """Return the least side of the squares [pixels] so that at most so many squares remain."""
    return math.ceil(math.sqrt(math.prod(shape) / most))


def shrunk(picture: Tensor, factor: int) -> Tensor:
    """Return the means of squares of a picture (1, C, Y, X); those at the far border are smaller.

    Examples
    --------
    >>> import torch
    >>> shrunk(torch.arange(6.0).reshape(1, 1, 2, 3), 2)
    tensor([[[[2.0000, 3.5000]]]])
    """
    if factor == 1:
        return picture
    # Channels as a batch, which may be empty: there may be no neighbours.
    channels = picture.transpose(0, 1)
    return functional.avg_pool2d(channels, factor, ceil_mode=True).transpose(0, 1)


def enlarged(coarse: Tensor, factor: int, shape: Shape) -> Tensor:
    """Return a picture (1, C, Y, X) of a shape (Y, X), linear between the means of its squares."""
    if factor == 1:
        return coarse
    fine = functional.interpolate(coarse, scale_factor=factor, mode="bilinear")
    height, width = shape
    return fine[..., :height, :width]
