"""Means over regions of an image, for maps that change slowly."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

# Means are taken over cells of this side, then over 5 x 5 and 3 x 3 cells: about the weights
# of a Gaussian of 13 pixels.
_CELL, _AVERAGES = 8, (5, 3)
DEVIATION = 13.0


def regional_means(values: Tensor, *, beyond: bool = False) -> Tensor:
    """Return the mean over the region around each cell.

    Parameters
    ----------
    values : (1, C, [Z,] Y, X) Tensor
        Planes are averaged one by one.
    beyond : bool
        What lies beyond the border counts as 0; by default it does not count.

    Returns
    -------
    (1, C * Z, Y / 8, X / 8) Tensor
    """
    planes = values.reshape(1, -1, *values.shape[-2:])
    means = functional.avg_pool2d(planes, _CELL, ceil_mode=True, count_include_pad=False)
    for width in _AVERAGES:
        means = functional.avg_pool2d(
            means, width, stride=1, padding=width // 2, count_include_pad=beyond
        )
    return means


def at_pixels(cells: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Interpolate values of cells, (1, C * Z, Y / 8, X / 8), to (1, C, [Z,] Y, X)."""
    planes = functional.interpolate(cells, shape[-2:], mode="bilinear", align_corners=False)
    return planes.reshape(shape)
