"""Regional means of an image: smooth maps at a coarse resolution."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

# Means are taken over cells of this side [pixels], then over 5 x 5 and 3 x 3 cells. The weights
# resemble a Gaussian with a standard deviation of 13 pixels.
_CELL, _AVERAGES = 8, (5, 3)
DEVIATION = 13.0


def regional_means(values: Tensor, *, beyond: bool = False) -> Tensor:
    """Return the mean over the region around each cell.

    Parameters
    ----------
    values : (1, C, [Z,] Y, X) Tensor
        Image; each plane is averaged separately.
    beyond : bool
        Count pixels beyond the border as 0. By default they are ignored.

    Returns
    -------
    (1, C * Z, Y / 8, X / 8) Tensor
        Means, one per cell; sizes are rounded up.
    """
    planes = values.reshape(1, -1, *values.shape[-2:])
    means = functional.avg_pool2d(planes, _CELL, ceil_mode=True, count_include_pad=False)
    for width in _AVERAGES:
        means = functional.avg_pool2d(
            means, width, stride=1, padding=width // 2, count_include_pad=beyond
        )
    return means


def at_pixels(cells: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Interpolate cell values (1, C * Z, Y / 8, X / 8) to pixels, (1, C, [Z,] Y, X)."""
    planes = functional.interpolate(cells, shape[-2:], mode="bilinear", align_corners=False)
    return planes.reshape(shape)
