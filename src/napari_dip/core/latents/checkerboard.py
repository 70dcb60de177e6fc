"""Removal of the 2 x 2 grid that a pixel shuffle can leave in an estimate."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from napari_dip.core.image.regional_means import at_pixels, regional_means


@torch.no_grad()
def without_grid(estimate: Tensor) -> Tensor:
    """Return an estimate (1, C, [Z,] Y, X) without patterns of a period of two pixels.

    Notes
    -----
    The three patterns alternate along Y, along X and along both. A filter with the weights
    1, 2, 1 along both axes removes them all, so the difference from the filtered image holds
    the patterns and few details. The local mean of this difference times a pattern is the
    strength of the pattern, because details have both signs equally often. The strength changes
    slowly, so only frequencies close to the highest one are affected.
    """
    if min(estimate.shape[-2:]) < 2:
        return estimate
    planes = estimate.reshape(1, -1, *estimate.shape[-2:])
    details = planes - _smoothed(planes)
    y, x = (1.0 - 2.0 * (torch.arange(n, device=planes.device) % 2) for n in planes.shape[-2:])
    patterns = [y[:, None], x[None], y[:, None] * x[None]]
    for pattern in patterns:
        strength = at_pixels(regional_means(details * pattern), planes.shape)
        planes = planes - strength * pattern
    return planes.reshape(estimate.shape)


def _smoothed(planes: Tensor) -> Tensor:
    """Return planes (1, N, Y, X) filtered with the weights 1, 2, 1 along Y and X."""
    padded = functional.pad(planes, (1, 1, 1, 1), mode="reflect")
    rows = padded[..., :-2, :] + 2 * padded[..., 1:-1, :] + padded[..., 2:, :]
    return (rows[..., :-2] + 2 * rows[..., 1:-1] + rows[..., 2:]) / 16
