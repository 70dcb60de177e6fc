"""Grid of the pixel shuffle: outputs of the head that differ, seen as a pattern of 2 x 2 pixels."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from napari_dip.core.image.regional_means import at_pixels, regional_means


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
    for pattern in patterns:
        strength = at_pixels(regional_means(details * pattern), planes.shape)
        planes = planes - strength * pattern
    return planes.reshape(estimate.shape)


def _smoothed(planes: Tensor) -> Tensor:
    """Return planes (1, N, Y, X) with the weights 1, 2, 1 along Y and X."""
    padded = functional.pad(planes, (1, 1, 1, 1), mode="reflect")
    rows = padded[..., :-2, :] + 2 * padded[..., 1:-1, :] + padded[..., 2:, :]
    return (rows[..., :-2] + 2 * rows[..., 1:-1] + rows[..., 2:]) / 16
