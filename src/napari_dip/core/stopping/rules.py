"""Stopping rules: when the estimate explains the image and not yet its noise.

A rule is fed one `Evidence` per assessment and answers with a `StopReason` or
None. Truth (a reference image) is never part of the evidence.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor


class StopReason(StrEnum):
    """Why a fit ended."""

    HELD_OUT_MINIMUM = "held_out_minimum"
    VARIANCE_MINIMUM = "variance_minimum"
    DISCREPANCY = "discrepancy"
    RISK_MINIMUM = "risk_minimum"
    FEWEST_BLOCKS = "fewest_blocks"
    MAX_ITERATIONS = "max_iterations"
    TIME_LIMIT = "time_limit"
    STOP_REQUESTED = "stop_requested"
    CONSTANT_IMAGE = "constant_image"
    NO_NOISE = "no_noise"

    @property
    def is_limit(self) -> bool:
        """Whether a bound was reached: no rule had seen what it waits for."""
        return self in (
            StopReason.MAX_ITERATIONS,
            StopReason.TIME_LIMIT,
            StopReason.STOP_REQUESTED,
        )


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a rule may look at.

    Attributes
    ----------
    iteration : int
        From 1.
    seconds : float
        Since the start of the fit.
    heldout_error : float or None
        Mean nll of the moving average at the held-out pixels.
    discrepancy : float or None
        The same at all valid pixels; only if a rule asks for it.
    heldout_errors : (H,) Tensor or None
        The error of each held-out pixel, times its weight, on its device.
    most_removed : float or None
        Share of the residual that the residual guard leaves removed, where it is largest;
        only now and then.
    flaw : float or None
        What is wrong with the moving average, by the measure that a rule asks for.
    pixels : (P,) Tensor
        Network output at a fixed random choice of pixels, on its device.
    """

    iteration: int
    seconds: float
    heldout_error: float | None
    pixels: Tensor
    discrepancy: float | None = None
    flaw: float | None = None
    heldout_errors: Tensor | None = None
    most_removed: float | None = None


class StoppingRule(Protocol):
    """One reason to stop."""

    @property
    def selected(self) -> int | None:
        """The iteration whose estimate the rule would keep; None if it has no opinion."""

    def update(self, evidence: Evidence) -> StopReason | None:
        """Take in one assessment; return a reason to stop, or None to go on."""


class Patient:
    """A rule that stops when what it watches has not improved for so many iterations."""

    def __init__(self, patience: int) -> None:
        self.selected: int | None = None
        self._patience = patience
        self._since = 0

    def renew(self, iteration: int) -> None:
        """Be patient again from here on; what was seen is not forgotten."""
        self._since = iteration

    def _is_over(self, iteration: int, improved: int) -> bool:
        return iteration - max(improved, self._since) >= self._patience


class HeldOut(Patient):
    """Stop when the error at pixels hidden from the fit has stopped falling.

    Noise that is independent from pixel to pixel cannot be predicted, so the
    error there is lowest where the estimate is closest to the truth. Of few
    pixels it is uncertain: with a margin the last estimate is kept whose error
    is not above the lowest by more than so many standard errors of the
    difference, pixel by pixel.
    """

    def __init__(self, patience: int, tolerance: float, guard: int, margin: float = 0.0) -> None:
        super().__init__(patience)
        self._margin = margin
        self._lowest_errors: Tensor | None = None
        self._tolerance = tolerance
        self._guard = guard
        self._lowest = float("inf")
        self._milestone = float("inf")
        self._milestone_iteration = 0

    def update(self, evidence: Evidence) -> StopReason | None:
        error, iteration = evidence.heldout_error, evidence.iteration
        if error is None:
            return None
        if error < self._lowest:
            self._lowest, self.selected = error, iteration
            self._lowest_errors = evidence.heldout_errors
        elif not self._is_above(evidence.heldout_errors):
            self.selected = iteration
        if error < self._milestone * (1 - self._tolerance):
            self._milestone, self._milestone_iteration = error, iteration
        if iteration > self._guard and self._is_over(iteration, self._milestone_iteration):
            return StopReason.HELD_OUT_MINIMUM
        return None

    def _is_above(self, errors: Tensor | None) -> bool:
        """Tell whether errors are above the lowest by more than chance may bring."""
        if not self._margin or errors is None or self._lowest_errors is None:
            return True
        rise = errors - self._lowest_errors
        uncertainty = self._margin * rise.std() / math.sqrt(len(rise))
        return bool(rise.mean() > uncertainty)


class Discrepancy:
    """Stop once the residual is no larger than the noise, whose level has to be known.

    References
    ----------
    V. A. Morozov, "On the solution of functional equations by the method of
    regularization", Soviet Math. Dokl. 7 (1966).
    """

    selected: int | None = None

    def __init__(self, guard: int) -> None:
        self._guard = guard

    def update(self, evidence: Evidence) -> StopReason | None:
        residual = evidence.discrepancy
        if residual is None or evidence.iteration <= self._guard or residual > 1:
            return None
        return StopReason.DISCREPANCY


class LeastFlaw(Patient):
    """Stop when what is wrong with the estimate, by some measure, has begun to grow."""

    def __init__(self, reason: StopReason, patience: int, guard: int) -> None:
        super().__init__(patience)
        self._reason = reason
        self._guard = guard  # at first all is rough
        self._lowest = float("inf")

    def update(self, evidence: Evidence) -> StopReason | None:
        flaw, iteration = evidence.flaw, evidence.iteration
        if flaw is None or iteration <= self._guard:
            return None
        if flaw < self._lowest:
            self._lowest, self.selected = flaw, iteration
        over = self.selected is not None and self._is_over(iteration, self.selected)
        return self._reason if over else None


class NothingToRemove:
    """Stop when hardly anything of the residual is noise.

    The estimate is sharp enough to show that the noise is much weaker than what a fit cannot
    predict: the observation would come back after all further iterations too.
    """

    selected: int | None = None

    def __init__(self, share: float, guard: int) -> None:
        self._share = share
        self._guard = guard

    def update(self, evidence: Evidence) -> StopReason | None:
        share = evidence.most_removed
        if share is None or evidence.iteration < self._guard or share > self._share:
            return None
        return StopReason.NO_NOISE


class MaxIterations:
    """Stop at a number of iterations."""

    selected: int | None = None

    def __init__(self, limit: int) -> None:
        self._limit = limit

    def update(self, evidence: Evidence) -> StopReason | None:
        return StopReason.MAX_ITERATIONS if evidence.iteration >= self._limit else None


class TimeLimit:
    """Stop after a number of seconds."""

    selected: int | None = None

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def update(self, evidence: Evidence) -> StopReason | None:
        return StopReason.TIME_LIMIT if evidence.seconds >= self._seconds else None


class Requested:
    """Stop because somebody asked, such as the Stop button."""

    selected: int | None = None

    def __init__(self, requested: Callable[[], bool]) -> None:
        self._requested = requested

    def __deepcopy__(self, memo: object) -> Requested:
        return self  # a question put to the outside world has no state to restore

    def update(self, evidence: Evidence) -> StopReason | None:
        return StopReason.STOP_REQUESTED if self._requested() else None


class AnyOf:
    """Stop for the first reason of several; the first rule with an opinion selects."""

    def __init__(self, rules: Sequence[StoppingRule]) -> None:
        self._rules = tuple(rules)

    @property
    def opinions(self) -> list[int]:
        """The iterations that rules would keep, those of the first rules first."""
        return [rule.selected for rule in self._rules if rule.selected is not None]

    @property
    def selected(self) -> int | None:
        return next(iter(self.opinions), None)

    @property
    def memory(self) -> AnyOf:
        """What the rules have seen, without what bounds this fit."""
        return AnyOf([rule for rule in self._rules if isinstance(rule, Patient)])

    def take_over(self, memory: AnyOf, renewed_at: int | None = None) -> None:
        """Replace rules by those of an earlier fit, with patience renewed on demand."""
        seen = {type(rule): rule for rule in memory._rules}
        self._rules = tuple(seen.get(type(rule), rule) for rule in self._rules)
        for rule in self._rules:
            if renewed_at is not None and isinstance(rule, Patient):
                rule.renew(renewed_at)

    def update(self, evidence: Evidence) -> StopReason | None:
        reasons = [rule.update(evidence) for rule in self._rules]
        return next((reason for reason in reasons if reason is not None), None)
