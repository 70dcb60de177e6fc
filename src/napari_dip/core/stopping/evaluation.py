"""Measures of an estimate that need no truth: losses, stopping measures, whiteness."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from napari_dip.core.operators.jpeg import Jpeg, blockiness
from napari_dip.core.stopping.rules import Evidence
from napari_dip.core.stopping.sure import Sure
from napari_dip.metrics import residual_whiteness

if TYPE_CHECKING:
    from napari_dip.config import CompleteConfig, Stop
    from napari_dip.core.problem import Problem

# Limits of the square of the factor that corrects the spread of posterior samples.
_SCALES = (0.25, 9.0)
# Weight of a fit beside its learned start before held-out pixels are seen: in flat images, where a
# fit adds noise, and in images with structure.
_FLAT_WEIGHT, _FULL_WEIGHT = 0.1, 0.5
# It rises between these powers of structure, in noise variances (logarithms to base 10).
_FLAT, _FULL = -4.0, -2.5
# Standard deviation of that weight.
_SPREAD = 0.3
# Side of the tiles in which structure is measured [pixels], and the quantile of them that counts.
_TILE, _QUANTILE = 8, 0.75


def weighted_mean(values: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted mean; 0 if all weights are 0, as where no pixel was hidden."""
    return (values * weights).sum() / weights.sum().clamp(min=1.0)


def split_pixels(
    problem: Problem, config: CompleteConfig, random: torch.Generator
) -> tuple[Tensor, Tensor | None]:
    """Choose the held-out pixels.

    Returns
    -------
    (1, C, [Z,] Y, X) Tensor
        Weights of the fitted pixels.
    (1, C, [Z,] Y, X) Tensor or None
        Weights of the held-out pixels; None if the rule needs none, or they were too few.
    """
    valid = problem.valid.float()
    if config.stop not in ("auto", "heldout"):
        return valid, None
    stopping = config.fit.stopping
    holdout_scores = problem.operator.holdout_scores(valid, random)
    heldout = valid * (holdout_scores < stopping.heldout_fraction)
    # With "auto" the variance rule can replace too few held-out pixels.
    fewest = stopping.heldout_least if config.stop == "auto" else 1
    # The channels of a pixel count once.
    if float(heldout.amax(dim=1).sum()) < fewest:
        return valid, None
    return valid - heldout, problem.operator.holdout_weights(heldout)


class Evaluation(NamedTuple):
    """Loss of an iteration, and measures of the moving average.

    Attributes
    ----------
    loss : float
        Loss of the iteration.
    heldout_error : float or None
        Weighted mean nll of the held-out pixels.
    heldout_errors : (H,) Tensor or None
        Weighted nll of each held-out pixel, on the device.
    discrepancy : float or None
        Mean nll of all valid pixels, if it was asked for.
    measure : float or None
        Measure that the stopping rule minimises, if it has one.
    """

    loss: float
    heldout_error: float | None
    heldout_errors: Tensor | None
    discrepancy: float | None
    measure: float | None

    def evidence(
        self, iteration: int, seconds: float, pixels: Tensor, most_removed: float | None = None
    ) -> Evidence:
        """Return the evidence for a stopping rule, with the facts that are measured elsewhere."""
        return Evidence(
            iteration,
            seconds,
            self.heldout_error,
            pixels,
            self.discrepancy,
            self.measure,
            self.heldout_errors,
            most_removed,
        )


class Evaluator:
    """Evaluates averages at the held-out pixels, or at all valid pixels.

    Parameters
    ----------
    problem : Problem
        Observation and noise model.
    heldout : (1, C, [Z,] Y, X) Tensor or None
        Weights of the held-out pixels.
    stop : str
        Stopping rule, which decides what else is measured.
    """

    def __init__(self, problem: Problem, heldout: Tensor | None, stop: Stop) -> None:
        self._problem = problem
        self._needs_discrepancy = stop == "discrepancy"
        self._measure = find_measure(problem, stop)
        self._indices: Tensor | None = None
        if heldout is not None:
            self._indices = heldout.flatten().nonzero()[:, 0]
            self._weights = heldout.flatten()[self._indices]

    @torch.no_grad()
    def read(self, loss: Tensor, average: Tensor) -> Evaluation:
        """Evaluate an average (1, C, [Z,] Y, X), and read the loss, a scalar.

        All numbers are read at once: each reading waits for the device.
        """
        numbers, each = {"loss": loss.detach()}, None
        if self._indices is not None or self._needs_discrepancy:
            errors = self._problem.nll(average)
        if self._indices is not None:
            each = errors.flatten()[self._indices] * self._weights
            numbers["heldout"] = each.sum() / self._weights.sum().clamp(min=1.0)
        if self._needs_discrepancy:
            numbers["discrepancy"] = weighted_mean(errors, self._problem.valid)
        values = dict(zip(numbers, torch.stack([*numbers.values()]).tolist(), strict=True))
        return Evaluation(
            values["loss"],
            values.get("heldout"),
            each,
            values.get("discrepancy"),
            self._measure(average),
        )

    @torch.no_grad()
    def weight_of(self, later: Tensor, first: Tensor) -> float | None:
        """Return the weight of a later estimate, 0 to 1, in its mean with the first.

        It is the most probable weight, given the held-out pixels and what weights usually are;
        None if nothing is held out.

        Parameters
        ----------
        later, first : (1, C, [Z,] Y, X) Tensor
            Estimates that have not seen the held-out pixels.
        """
        if self._indices is None:
            return None
        problem = self._problem
        start, end = problem.operator(first), problem.operator(later)
        trust = (
            self._weights / problem.noise.variance(start).expand_as(start).flatten()[self._indices]
        )
        change, residual = (
            part.flatten()[self._indices] for part in (end - start, problem.observation - start)
        )
        usual = _usual_weight(start, problem.noise.variance(start).expand_as(start))
        explained = (trust * change * residual).sum() + usual / _SPREAD**2
        weight = explained / ((trust * change.square()).sum() + 1 / _SPREAD**2)
        return float(weight.clamp(0, 1))


def _usual_weight(first: Tensor, variance: Tensor) -> float:
    """Return what the weight of a fit usually is, 0 to 1, given its first estimate.

    Structure is a quarter of the power of the steps to the next pixels along Y and X.

    Parameters
    ----------
    first, variance : (1, C, [Z,] Y, X) Tensor
        First estimate, and the variance of the noise in its squared units.
    """
    planes, noise = (part.flatten(0, -3)[:, None] for part in (first, variance))
    down, right = (planes.diff(dim=at, append=planes.narrow(at, -1, 1)) for at in (-2, -1))
    tile = min(_TILE, *planes.shape[-2:])
    steps = down.square() + right.square()
    power, noise = (functional.avg_pool2d(part, tile).flatten() for part in (steps, noise))
    structure = float((power / noise.clamp(min=1e-20)).quantile(_QUANTILE)) / 4
    share = (math.log10(max(structure, 1e-20)) - _FLAT) / (_FULL - _FLAT)
    return _FLAT_WEIGHT + (_FULL_WEIGHT - _FLAT_WEIGHT) * min(max(share, 0.0), 1.0)


def find_measure(problem: Problem, stop: Stop) -> Callable[[Tensor], float | None]:
    """Return the measure of an average that a stopping rule minimises; None for other rules."""
    if stop == "sure":
        return Sure(problem)
    operator = problem.operator
    if stop == "blocks" and isinstance(operator, Jpeg):
        return lambda average: blockiness(operator, average, problem.observation, problem.noise)
    return lambda average: None


@torch.no_grad()
def posterior_scale(
    problem: Problem, selected: Tensor, variance: Tensor, heldout: Tensor | None
) -> float:
    """Return the factor that matches the spread of samples to the error at held-out pixels.

    The squared error of the estimate is the squared residual minus the variance of the noise.
    The noise level is known to a few per cent only, so the factor is limited to 0.5 to 3.

    Parameters
    ----------
    problem : Problem
        Observation and noise model.
    selected : (1, C, [Z,] Y, X) Tensor
        Estimate that is returned.
    variance : (1, C, [Z,] Y, X) Tensor
        Variance of the samples, after the operator.
    heldout : (1, C, [Z,] Y, X) Tensor or None
        Weights of the held-out pixels; without them the factor is 1.
    """
    if heldout is None or problem.noise.laplace:
        return 1.0
    prediction = problem.operator(selected)
    error = (prediction - problem.observation) ** 2 - problem.noise.variance(prediction)
    ratio = weighted_mean(error, heldout) / weighted_mean(variance, heldout).clamp(min=1e-20)
    return float(ratio.clamp(*_SCALES).sqrt())


@torch.no_grad()
def agreement(problem: Problem, selected: Tensor, alternative: Tensor | None) -> float | None:
    """Return the agreement of the estimates that two rules select, 0 to 1.

    It is 1 minus the rms of their difference divided by the rms of the residual; None if
    there is no second estimate.
    """
    if alternative is None:
        return None
    prediction = problem.operator(selected)
    difference = prediction - problem.operator(alternative)
    residual = problem.observation - prediction
    apart, removed = (part[problem.valid].square().mean().sqrt() for part in (difference, residual))
    return max(0.0, 1.0 - float(apart / removed.clamp(min=1e-12)))


@torch.no_grad()
def whiteness(problem: Problem, estimate: Tensor) -> float | None:
    """Return the whiteness of the residual; None if the observation is no picture."""
    if not problem.is_picture:
        return None
    residual = problem.observation - problem.operator(estimate)
    residual = torch.where(problem.valid, residual, torch.nan)
    return residual_whiteness(residual[0].cpu().numpy())
