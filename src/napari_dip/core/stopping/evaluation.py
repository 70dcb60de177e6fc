"""What can be told of an estimate without the truth: its errors, and how far to trust it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from napari_dip.core.operators.jpeg import Jpeg, blockiness
from napari_dip.core.stopping.sure import Sure
from napari_dip.metrics import residual_whiteness

if TYPE_CHECKING:
    from napari_dip.config import DipConfig
    from napari_dip.core.problem import Problem

# Squares of the least and the largest factor that the spread of samples is corrected by.
_SCALES = (0.25, 9.0)


def weighted_mean(values: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted mean; 0 when nothing has weight, as in a draw that hid no pixel."""
    return (values * weights).sum() / weights.sum().clamp(min=1.0)


def split_pixels(
    problem: Problem, config: DipConfig, random: torch.Generator
) -> tuple[Tensor, Tensor | None]:
    """Return the weights of the fitted and of the held-out pixels, (1, C, [Z,] Y, X)."""
    assert config.fit is not None
    valid = problem.valid.float()
    if config.stop not in ("auto", "heldout"):
        return valid, None
    holdout_scores = problem.operator.holdout_scores(valid, random)
    hidden = valid * (holdout_scores < config.fit.stopping.heldout_fraction)
    # With `auto` the variance of the outputs can decide instead; of nothing nobody can.
    least = config.fit.stopping.heldout_least if config.stop == "auto" else 1
    # Channels of a pixel count once.
    if float(hidden.amax(dim=1).sum()) < least:
        return valid, None
    return valid - hidden, problem.operator.holdout_weights(hidden)


class Errors(NamedTuple):
    """The loss, and errors of the average, by nll.

    Attributes
    ----------
    loss : float
        Of the iteration.
    heldout : float or None
        Weighted mean at the held-out pixels.
    each : (H,) Tensor or None
        Of each of these, times its weight; on the device.
    discrepancy : float or None
        Mean at all valid pixels, if it is asked for.
    """

    loss: float
    heldout: float | None
    each: Tensor | None
    discrepancy: float | None


class Assessor:
    """Judges averages by pixels that the fit has not seen, or by all.

    Parameters
    ----------
    problem : Problem
        Where averages are compared with the observation.
    heldout : (1, C, [Z,] Y, X) Tensor or None
        Weights of the held-out pixels.
    everywhere : bool
        Ask for the discrepancy.
    """

    def __init__(self, problem: Problem, heldout: Tensor | None, *, everywhere: bool) -> None:
        self._problem, self._everywhere = problem, everywhere
        self._places: Tensor | None = None
        if heldout is not None:
            self._places = heldout.flatten().nonzero()[:, 0]
            self._weights = heldout.flatten()[self._places]

    @torch.no_grad()
    def read(self, loss: Tensor, average: Tensor) -> Errors:
        """Fetch the loss, a scalar, and errors of an average, (1, C, [Z,] Y, X), all at once.

        It waits for the device.
        """
        numbers, each = {"loss": loss.detach()}, None
        if self._places is not None or self._everywhere:
            errors = self._problem.nll(average)
        if self._places is not None:
            each = errors.flatten()[self._places] * self._weights
            numbers["heldout"] = each.sum() / self._weights.sum().clamp(min=1.0)
        if self._everywhere:
            numbers["discrepancy"] = weighted_mean(errors, self._problem.valid)
        values = dict(zip(numbers, torch.stack([*numbers.values()]).tolist(), strict=True))
        return Errors(values["loss"], values.get("heldout"), each, values.get("discrepancy"))


def find_measure(problem: Problem, config: DipConfig) -> Callable[[Tensor], float | None]:
    """Return what the stopping rule measures the flaws of an average by, if it does."""
    if config.stop == "risk":
        return Sure(problem)
    operator = problem.operator
    if config.stop == "blocks" and isinstance(operator, Jpeg):
        return lambda average: blockiness(operator, average, problem.observation, problem.noise)
    return lambda average: None


@torch.no_grad()
def posterior_scale(
    problem: Problem, kept: Tensor, variance: Tensor, heldout: Tensor | None
) -> float:
    """Return what to multiply the spread of samples by, judged by pixels they never saw.

    What the squares of the residual there exceed the noise by is the error of the
    estimate. The noise is known to some per cent only, hence the limits.
    """
    if heldout is None or problem.noise.laplace:
        return 1.0
    fitted = problem.operator(kept)
    error = (fitted - problem.observation) ** 2 - problem.noise.variance(fitted)
    ratio = weighted_mean(error, heldout) / weighted_mean(variance, heldout).clamp(min=1e-20)
    return float(ratio.clamp(*_SCALES).sqrt())


@torch.no_grad()
def agreement(problem: Problem, kept: Tensor, rival: Tensor | None) -> float | None:
    """Return 1 if two rules would keep the same, 0 if they differ by all that was taken away."""
    if rival is None:
        return None
    fitted = problem.operator(kept)
    difference, residual = fitted - problem.operator(rival), problem.observation - fitted
    apart, taken = (part[problem.valid].square().mean().sqrt() for part in (difference, residual))
    return max(0.0, 1.0 - float(apart / taken.clamp(min=1e-12)))


@torch.no_grad()
def whiteness(problem: Problem, estimate: Tensor) -> float | None:
    """Judge what the estimate leaves unexplained of a picture."""
    if not problem.is_picture:
        return None
    residual = problem.observation - problem.operator(estimate)
    residual = torch.where(problem.valid, residual, torch.nan)
    return residual_whiteness(residual[0].cpu().numpy())
