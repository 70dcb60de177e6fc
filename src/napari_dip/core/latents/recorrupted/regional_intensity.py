"""Regional intensity: the mean around each pixel, and how much it varies without noise."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from napari_dip.core.problem import Problem

# Side of the squares whose mean intensity determines the noise at few photons [pixels].
_REGION = 5


def regional_intensity(observed: Tensor, visible: Tensor) -> Tensor:
    """Return the mean intensity (1, C, Y, X) around each pixel, over visible pixels."""
    mask = visible.expand_as(observed)
    return _sums(observed * mask) / _sums(mask).clamp(min=1)


def _sums(values: Tensor) -> Tensor:
    """Return the sums (1, C, Y, X) over the square around each pixel; pooling is slower."""
    margin = _REGION // 2
    sums = functional.pad(values, (margin,) * 4)
    for axis in (-2, -1):
        size = values.shape[axis]
        sums = reduce(torch.add, (sums.narrow(axis, start, size) for start in range(_REGION)))
    return sums


def mean_and_spread(problem: Problem, regional: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of the intensities without noise, (C, 1, 1) each."""
    count = visible.sum().clamp(min=1.0)

    def mean_of(values: Tensor) -> Tensor:
        return ((values * visible).sum((0, 2, 3)) / count)[:, None, None]

    mean = mean_of(regional)
    # The means vary by noise, and by chance twice the standard error of that variance more.
    of_noise = problem.noise.line_variance(mean) / _REGION**2
    if problem.noise.excess is not None:
        of_noise = of_noise + mean_of(problem.noise.excess) / _REGION**2
    by_chance = of_noise * (1 + 2 * _REGION * (2 / count).sqrt())
    return mean, (mean_of((regional - mean).square()) - by_chance).clamp(min=0).sqrt()
