"""Filling of hidden pixels of each plane from its visible pixels."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

# Weight of the diagonal neighbours of a pixel; the other four have weight 1.
_CORNER = 0.5
_TINY = 1e-30


def mean_of_neighbours(values: Tensor, visible: Tensor) -> Tensor:
    """Return the weighted mean of the visible neighbours of each pixel; 0 without any.

    Parameters
    ----------
    values : (1, C, [Z,] Y, X) Tensor
        Pixels; hidden ones may hold any finite value.
    visible : (1, C or 1, [Z,] Y, X) Tensor
        Mask: 1 at visible pixels, 0 at hidden ones.
    """
    total, weight = _sum_of_neighbours(values * visible), _sum_of_neighbours(visible)
    return total / weight.clamp(min=_CORNER)


def _sum_of_neighbours(values: Tensor) -> Tensor:
    """Return the weighted sum of the eight neighbours, by fast sums of shifted rows and columns."""
    values = functional.pad(values, (1, 1, 1, 1))
    beside = values[..., :-2, :] + values[..., 2:, :]
    column = torch.add(values[..., 1:-1, :], beside, alpha=_CORNER)
    return column[..., :-2] + column[..., 2:] + beside[..., 1:-1]


def smoothest_surface(
    values: Tensor,
    visible: Tensor,
    start: Tensor,
    iterations: int,
    ended: Callable[[], bool] = lambda: False,
) -> Tensor:
    """Return the surface of least curvature through the visible pixels (biharmonic).

    Conjugate gradients on the sum of squared Laplacians, for all planes at once.

    Parameters
    ----------
    values : (1, C, [Z,] Y, X) Tensor
        Pixels; hidden ones may hold any finite value.
    visible : (1, C or 1, [Z,] Y, X) Tensor
        Mask: 1 at visible pixels, 0 at hidden ones.
    start : (1, C, [Z,] Y, X) Tensor
        Start values of the hidden pixels.
    iterations : int
        Number of iterations; 20 are enough for gaps of a few pixels.
    ended : callable
        Function that returns True to stop early; the present surface is then returned.

    References
    ----------
    S. Damelin, N. Hoang, "On surface completion and image inpainting by
    biharmonic functions", Int. J. Math. Math. Sci. 2018.

    Examples
    --------
    >>> ramp = torch.arange(36.0).reshape(1, 1, 6, 6)
    >>> visible = torch.ones(1, 1, 6, 6)
    >>> visible[..., 2:4, 3] = 0
    >>> bool(torch.allclose(smoothest_surface(ramp, visible, 0 * ramp, 20), ramp, atol=1e-3))
    True
    """
    planes = (-1, 1, *values.shape[-2:])
    hidden = (1 - visible).expand_as(values).reshape(planes)

    def curvature(surface: Tensor) -> Tensor:
        return hidden * _laplacian(_laplacian(surface))

    surface = torch.where(visible > 0, values, start).reshape(planes)
    residual = -curvature(surface)
    direction, energy = residual, residual.square().sum()
    for _ in range(iterations):
        if ended():
            break
        curved = curvature(direction)
        length = energy / (direction * curved).sum().clamp(min=_TINY)
        surface = surface + length * direction
        residual = residual - length * curved
        before, energy = energy, residual.square().sum()
        direction = residual + energy / before.clamp(min=_TINY) * direction
    return surface.reshape(values.shape)


def _laplacian(planes: Tensor) -> Tensor:
    """Return the sum of the differences to the neighbours inside the plane (up to four)."""
    curvature = torch.zeros_like(planes)
    down, right = planes.diff(dim=-2), planes.diff(dim=-1)
    curvature[..., :-1, :] += down
    curvature[..., 1:, :] -= down
    curvature[..., :-1] += right
    curvature[..., 1:] -= right
    return curvature
