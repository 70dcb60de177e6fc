"""Grid of the pixel shuffle: outputs of the head that differ, seen as a pattern of 2 x 2 pixels."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

# The strength of the grid is averaged over squares of this side, twice [pixels].
_SIDE = 16


@torch.no_grad()
def without_grid(estimate: Tensor) -> Tensor:
    """Return an estimate (1, C, [Z,] Y, X) without a pattern that repeats after two pixels.

    Notes
    -----
    The three patterns alternate along Y, along X and along both. The weights 1, 2, 1 along
    both axes remove all of them, so the rest holds them and few details of the picture.
    Multiplied with a pattern, the rest has the strength of that pattern as its local mean;
    details have the other sign as often. What is subtracted changes slowly, so only
    frequencies close to the highest change.
    """
    if min(estimate.shape[-2:]) < 2:
        return estimate
    planes = estimate.reshape(1, -1, *estimate.shape[-2:])
    details = planes - _smoothed(planes)
    y, x = (1.0 - 2.0 * (torch.arange(n, device=planes.device) % 2) for n in planes.shape[-2:])
    patterns = [y[:, None], x[None], y[:, None] * x[None]]
    grid = sum((_local_mean(details * pattern) * pattern for pattern in patterns), start=0 * planes)
    return (planes - grid).reshape(estimate.shape)


def _smoothed(planes: Tensor) -> Tensor:
    """Return planes (1, N, Y, X) with the weights 1, 2, 1 along Y and X."""
    padded = functional.pad(planes, (1, 1, 1, 1), mode="reflect")
    rows = padded[..., :-2, :] + 2 * padded[..., 1:-1, :] + padded[..., 2:, :]
    return (rows[..., :-2] + 2 * rows[..., 1:-1] + rows[..., 2:]) / 16


def _local_mean(values: Tensor) -> Tensor:
    for inside in (slice(None, -1), slice(1, None)):  # one shifts by half a pixel, one back
        means = functional.avg_pool2d(
            values, _SIDE, stride=1, padding=_SIDE // 2, count_include_pad=False
        )
        values = means[..., inside, inside]
    return values
