"""Fill the pixels that are not seen from those that are, within each plane."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

# Of the eight neighbours of a pixel, those at the corners count half.
_CORNER = 0.5
_TINY = 1e-30


def mean_of_neighbours(values: Tensor, seen: Tensor) -> Tensor:
    """Return the weighted mean of the seen neighbours of each pixel; 0 where there is none.

    Parameters
    ----------
    values : (1, C, [Z,] Y, X) Tensor
        Whatever, where they are not seen.
    seen : (1, C or 1, [Z,] Y, X) Tensor
        1 where a pixel is seen, else 0.
    """
    total, weight = _sum_of_neighbours(values * seen), _sum_of_neighbours(seen)
    return total / weight.clamp(min=_CORNER)


def _sum_of_neighbours(values: Tensor) -> Tensor:
    """Return the weighted sum of eight; sums of shifted rows and columns are soonest done."""
    values = functional.pad(values, (1, 1, 1, 1))
    beside = values[..., :-2, :] + values[..., 2:, :]
    column = torch.add(values[..., 1:-1, :], beside, alpha=_CORNER)
    return column[..., :-2] + column[..., 2:] + beside[..., 1:-1]


def smoothest(
    values: Tensor,
    seen: Tensor,
    start: Tensor,
    iterations: int,
    ended: Callable[[], bool] = lambda: False,
) -> Tensor:
    """Return the surface of least curvature through the seen pixels (biharmonic).

    Conjugate gradients on the sum of squared Laplacians, for all planes at once.

    Parameters
    ----------
    values : (1, C, [Z,] Y, X) Tensor
        Whatever, where they are not seen.
    seen : (1, C or 1, [Z,] Y, X) Tensor
        1 where a pixel is seen, else 0.
    start : (1, C, [Z,] Y, X) Tensor
        First guess of the others.
    iterations : int
        Twenty settle gaps of a few pixels.
    ended : callable
        Once True, the surface is returned as it is then.

    References
    ----------
    S. Damelin, N. Hoang, "On surface completion and image inpainting by
    biharmonic functions", Int. J. Math. Math. Sci. 2018.

    Examples
    --------
    >>> ramp = torch.arange(36.0).reshape(1, 1, 6, 6)
    >>> seen = torch.ones(1, 1, 6, 6)
    >>> seen[..., 2:4, 3] = 0
    >>> bool(torch.allclose(smoothest(ramp, seen, 0 * ramp, 20), ramp, atol=1e-3))
    True
    """
    planes = (-1, 1, *values.shape[-2:])
    unseen = (1 - seen).expand_as(values).reshape(planes)

    def curvature(surface: Tensor) -> Tensor:
        return unseen * _laplacian(_laplacian(surface))

    surface = torch.where(seen > 0, values, start).reshape(planes)
    residual = -curvature(surface)
    direction, energy = residual, residual.square().sum()
    for _ in range(iterations):
        if ended():
            break
        bent = curvature(direction)
        length = energy / (direction * bent).sum().clamp(min=_TINY)
        surface = surface + length * direction
        residual = residual - length * bent
        before, energy = energy, residual.square().sum()
        direction = residual + energy / before.clamp(min=_TINY) * direction
    return surface.reshape(values.shape)


def _laplacian(planes: Tensor) -> Tensor:
    """Return the sum of differences to the four neighbours; there is none beyond the border."""
    curvature = torch.zeros_like(planes)
    down, right = planes.diff(dim=-2), planes.diff(dim=-1)
    curvature[..., :-1, :] += down
    curvature[..., 1:, :] -= down
    curvature[..., :-1] += right
    curvature[..., 1:] -= right
    return curvature
