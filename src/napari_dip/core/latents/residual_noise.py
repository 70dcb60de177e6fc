"""Noise of a blurred observation, measured on what a deconvolution does not explain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from napari_dip.core.noise.model import LEAST_SHARE
from napari_dip.core.operators.blur import Convolution
from napari_dip.core.operators.richardson_lucy import RichardsonLucy

if TYPE_CHECKING:
    from napari_dip.core.problem import Problem

# Share of the pixels that are hidden at a time, and number of pixels to measure. A small image
# has fewer: at most so many times pixels are hidden.
_HIDDEN, _ENOUGH, _MOST_FOLDS = 0.1, 5_000, 4
# Largest number of Richardson-Lucy iterations, and of iterations without a lower error.
_MOST, _PATIENCE = 100, 15
# Repetitions of the weighted fit of the line.
_REPETITIONS = 6


class _Line(NamedTuple):
    """Variance = slope * light + intercept of each channel, (1, C, [1,] 1, 1)."""

    slope: Tensor
    intercept: Tensor

    def variance(self, light: Tensor, weights: Tensor) -> Tensor:
        """Return the variance, at least a share of its mean."""
        line = self.slope * light + self.intercept
        return line.clamp(min=LEAST_SHARE * _sum(weights * line) / _sum(weights).clamp(min=1))


def with_residual_noise(problem: Problem) -> Problem:
    """Return a problem with the noise that its residual shows, if its noise was measured.

    Noise that the user gave stays as it is, and so does noise that the residual cannot show.

    Parameters
    ----------
    problem : Problem
        Problem of a convolution with white noise.

    Notes
    -----
    The noise of an image is measured where it is smooth. An image of a few sharp, bright spots
    has no such place, but blur and noise can be told apart: noise is what the deconvolved image,
    blurred again, leaves. That residual is too small, because the deconvolution follows the noise
    of a pixel; at a pixel that was hidden from it, the residual is too large by the same factor.
    The product of both is the variance, on average, for an estimate that is linear in the
    observation with the weight h of its own pixel: the residuals are r and r / (1 - h), and the
    mean of r^2 is (1 - h) times the variance.

    Examples
    --------
    >>> from napari_dip.core.noise.model import NoiseModel
    >>> from napari_dip.core.operators.blur import Blur
    >>> from napari_dip.core.problem import make_problem
    >>> blur = Blur(torch.full((3, 3), 1 / 9))
    >>> truth = torch.full((1, 1, 66, 66), 20.0)
    >>> truth[..., 20:30] = 200.0
    >>> photons = torch.poisson(blur(truth), generator=torch.Generator().manual_seed(0))[0]
    >>> problem = make_problem(
    ...     photons.numpy(),
    ...     photons.numpy() >= 0,
    ...     [NoiseModel(0.0, 5.0, 0.1, equal=5.0)],
    ...     (0, 300),
    ...     torch.device("cpu"),
    ...     blur,
    ... )
    >>> abs(float(with_residual_noise(problem).noise.slope) - 1.0) < 0.2
    True
    """
    if problem.noise.equal is None:
        return problem
    parts = [torch.cat(part) for part in zip(*_residuals(problem), strict=True)]
    light, products, hidden = parts
    if problem.noise.excess is not None:
        products = products - problem.noise.excess
    line = _fit_line(light, products, hidden)
    known = problem.valid.float()
    observed = (problem.observation - problem.dark).clamp(min=0)
    mean = _sum(known * (line.slope * observed + line.intercept)) / _sum(known).clamp(min=1)
    if not bool(((mean > 0) & mean.isfinite() & (line.slope >= 0)).all()):
        return problem
    slope, intercept, mean = (part[0] for part in (*line, mean))
    noise = replace(
        problem.noise,
        slope=slope,
        intercept=intercept - slope * problem.dark,
        floor=LEAST_SHARE * mean,
        equal=mean,
    )
    return replace(problem, noise=noise)


def _residuals(problem: Problem) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield the predicted light, products of both residuals, and the mask of hidden pixels."""
    assert isinstance(problem.operator, Convolution)
    light = (problem.observation - problem.dark).clamp(min=0)
    known = problem.valid.float()
    # Its own generator: what a fit draws does not depend on whether the noise was measured.
    random = torch.Generator(light.device).manual_seed(0)
    folds = min(-(-_ENOUGH // max(int(_HIDDEN * float(known.sum())), 1)), _MOST_FOLDS)
    for _ in range(folds):
        chance = torch.rand(light.shape, generator=random, device=random.device)
        hidden = known * (chance < _HIDDEN)
        part = RichardsonLucy(problem.operator, known - hidden).plain(light, _MOST)
        whole = RichardsonLucy(problem.operator, known).plain(light, _MOST)
        lowest, at = float("inf"), 0
        for count, (without, with_all) in enumerate(zip(part, whole, strict=True)):
            predicted = problem.operator(without)
            error = float((hidden * (predicted - light).square()).sum())
            if error < lowest:
                lowest, at = error, count
                best = predicted, problem.operator(with_all)
            if count - at >= _PATIENCE:
                break
        outside, inside = best
        yield (outside + inside) / 2, (outside - light) * (inside - light), hidden


def _fit_line(light: Tensor, products: Tensor, weights: Tensor) -> _Line:
    """Fit the variance over the light, each pixel weighted by the inverse of its variance."""
    line = _Line(_sum(weights * products) / _sum(weights * light), _sum(torch.zeros_like(light)))
    for _ in range(_REPETITIONS):
        weight = weights / line.variance(light, weights).clamp(min=1e-20)
        zeroth, first, second = (_sum(weight * light**power) for power in range(3))
        total, rise = _sum(weight * products), _sum(weight * products * light)
        determinant = zeroth * second - first.square()
        line = _Line(
            (zeroth * rise - first * total) / determinant,
            (second * total - first * rise) / determinant,
        )
    return line


def _sum(values: Tensor) -> Tensor:
    """Return the sum over all but the channels."""
    axes = (0, *range(2, values.ndim))
    return values.sum(axes, keepdim=True)
