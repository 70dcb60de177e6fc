"""Stopping rules: end a fit when the estimate has the structure but not yet the noise.

A rule gets one `Evidence` per assessment, and returns a `StopReason` or None. The evidence
never contains the truth (a reference image).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor


# Error at held-out pixels, in noise variances, from which the noise is negligible.
_TEXTURE = 20.0


class StopReason(StrEnum):
    """Reason for which a fit ended."""

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
    GOOD_START = "good_start"

    @property
    def is_limit(self) -> bool:
        """Whether a limit or the user ended the fit, before a rule did."""
        return self in (
            StopReason.MAX_ITERATIONS,
            StopReason.TIME_LIMIT,
            StopReason.STOP_REQUESTED,
        )


@dataclass(frozen=True, slots=True)
class Evidence:
    """Facts that a rule may use.

    Attributes
    ----------
    iteration : int
        Iteration of the assessment, from 1.
    seconds : float
        Time since the start of the fit, without pauses [seconds].
    heldout_error : float or None
        Mean nll of the moving average at the held-out pixels; None if there are none.
    pixels : (P,) Tensor
        Network output at a fixed random choice of pixels, on the device.
    discrepancy : float or None
        Mean nll of the moving average at all valid pixels, if a rule needs it.
    measure : float or None
        Measure of the moving average that a rule minimises, if it needs one.
    heldout_errors : (H,) Tensor or None
        Weighted nll of each held-out pixel, on the device.
    most_removed : float or None
        Share of the residual that the residual guard leaves removed, where it is largest;
        measured every 50 iterations.
    """

    iteration: int
    seconds: float
    heldout_error: float | None
    pixels: Tensor
    discrepancy: float | None = None
    measure: float | None = None
    heldout_errors: Tensor | None = None
    most_removed: float | None = None


class StoppingRule(Protocol):
    """A rule that may end a fit and select an estimate."""

    @property
    def selected(self) -> int | None:
        """Iteration whose estimate the rule selects; None if it selects none."""

    def update(self, evidence: Evidence) -> StopReason | None:
        """Add one assessment; return a reason to stop, or None to continue."""


class PatientRule:
    """Base of rules that stop after some iterations without an improvement.

    Parameters
    ----------
    patience : int
        Number of iterations without an improvement after which the rule stops the fit.
    """

    def __init__(self, patience: int) -> None:
        self.selected: int | None = None
        self._patience = patience
        self._renewed_at = 0

    def renew(self, iteration: int) -> None:
        """Count the patience from this iteration on; keep the minimum found so far."""
        self._renewed_at = iteration

    def _is_over(self, iteration: int, improved: int) -> bool:
        return iteration - max(improved, self._renewed_at) >= self._patience


class Discrepancy:
    """Stop once the residual is no larger than the noise; the noise level must be known.

    Parameters
    ----------
    guard : int
        Iteration up to which the rule does not stop the fit.

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


class MeasureMinimum(PatientRule):
    """Stop when a measure of the moving average has passed its minimum.

    Parameters
    ----------
    reason : StopReason
        Reason to give.
    patience : int
        Iterations without a lower measure after which the fit stops.
    guard : int
        Iteration up to which the measure is ignored, since all estimates are rough at first.
    """

    def __init__(self, reason: StopReason, patience: int, guard: int) -> None:
        super().__init__(patience)
        self._reason = reason
        self._guard = guard
        self._lowest = float("inf")

    def update(self, evidence: Evidence) -> StopReason | None:
        measure, iteration = evidence.measure, evidence.iteration
        if measure is None or iteration <= self._guard:
            return None
        if measure < self._lowest:
            self._lowest, self.selected = measure, iteration
        over = self.selected is not None and self._is_over(iteration, self.selected)
        return self._reason if over else None


class NegligibleNoise:
    """Stop when the noise is much weaker than the texture that a fit cannot predict.

    The residual guard would blend the observation back after any further iteration, too. After
    a learned start the error of the first estimate at held-out pixels shows this.

    Parameters
    ----------
    share : float
        Largest share of the residual that the guard may leave removed.
    guard : int
        First iteration at which the rule may stop the fit.
    """

    selected: int | None = None

    def __init__(self, share: float, guard: int) -> None:
        self._share = share
        self._guard = guard

    def update(self, evidence: Evidence) -> StopReason | None:
        share, error = evidence.most_removed, evidence.heldout_error
        if evidence.iteration == 0 and error is not None and error > _TEXTURE:
            return StopReason.NO_NOISE
        if share is None or evidence.iteration < self._guard or share > self._share:
            return None
        return StopReason.NO_NOISE


class AnyOf:
    """Several rules: the first reason to stop counts, and the first selection.

    Parameters
    ----------
    rules : sequence of StoppingRule
        Rules in the order of their precedence.
    """

    def __init__(self, rules: Sequence[StoppingRule]) -> None:
        self._rules = tuple(rules)

    @property
    def selections(self) -> list[int]:
        """Iterations that the rules select, in the order of the rules."""
        return [rule.selected for rule in self._rules if rule.selected is not None]

    @property
    def selected(self) -> int | None:
        """Iteration that the first rule with a selection selects."""
        return next(iter(self.selections), None)

    @property
    def memory(self) -> AnyOf:
        """Rules that a resumed fit needs: those with a state, without the limits."""
        return AnyOf([rule for rule in self._rules if isinstance(rule, PatientRule)])

    def take_over(self, memory: AnyOf, renewed_at: int | None = None) -> None:
        """Replace rules by those of an earlier fit; renew their patience if asked."""
        earlier = {type(rule): rule for rule in memory._rules}
        self._rules = tuple(earlier.get(type(rule), rule) for rule in self._rules)
        for rule in self._rules:
            if renewed_at is not None and isinstance(rule, PatientRule):
                rule.renew(renewed_at)

    def update(self, evidence: Evidence) -> StopReason | None:
        reasons = [rule.update(evidence) for rule in self._rules]
        return next((reason for reason in reasons if reason is not None), None)
