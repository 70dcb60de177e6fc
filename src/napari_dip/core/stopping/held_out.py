"""Held-out rule: stop when the error at held-out pixels no longer falls."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from napari_dip.core.stopping.rules import PatientRule, StopReason

if TYPE_CHECKING:
    from torch import Tensor

    from napari_dip.core.stopping.rules import Evidence


class HeldOut(PatientRule):
    """Stop when the error at the held-out pixels no longer falls.

    Noise that is independent from pixel to pixel cannot be predicted, so the held-out error
    is lowest where the estimate is closest to the truth. At few pixels the error is uncertain;
    a margin then selects a later estimate.

    Parameters
    ----------
    patience : int
        Iterations without a lower error after which the fit stops.
    tolerance : float
        Relative decrease of the error that restarts the patience.
    guard : int
        Iteration up to which the rule does not stop the fit.
    margin : float
        Number of standard errors by which the error may exceed the lowest one: the last such
        estimate is selected. 0 selects the lowest error.
    """

    def __init__(
        self,
        patience: int,
        tolerance: float,
        guard: int,
        margin: float = 0.0,
    ) -> None:
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
        """Return whether errors exceed the lowest ones by more than chance explains."""
        if not self._margin or errors is None or self._lowest_errors is None:
            return True
        rise = errors - self._lowest_errors
        uncertainty = self._margin * rise.std() / math.sqrt(len(rise))
        return bool(rise.mean() > uncertainty)
