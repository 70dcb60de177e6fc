"""Variance rules: stop when the variance of the outputs shows that noise is being learnt."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from napari_dip.core.stopping.rules import PatientRule, StopReason
from napari_dip.core.stopping.running_stats import RunningStats

if TYPE_CHECKING:
    from torch import Tensor

    from napari_dip.core.stopping.rules import Evidence


class WindowedVariance(PatientRule):
    """Stop when the variance of the last outputs has passed its minimum.

    Parameters
    ----------
    window : int
        Iterations whose outputs count.
    patience : int
        Iterations without a lower variance after which the fit stops.
    guard : int
        Iteration up to which the rule neither stops nor selects.

    References
    ----------
    H. Wang et al., "Early stopping for deep image prior", TMLR 2023 (ES-WMV).
    """

    def __init__(self, window: int, patience: int, guard: int) -> None:
        super().__init__(patience)
        self._window = window
        self._guard = guard
        self._lowest = float("inf")
        self._outputs: deque[tuple[int, Tensor]] = deque()
        self._stats = RunningStats()

    def update(self, evidence: Evidence) -> StopReason | None:
        iteration = evidence.iteration
        self._outputs.append((iteration, evidence.pixels))
        self._stats.update(evidence.pixels)
        while self._outputs[0][0] <= iteration - self._window:
            self._stats.forget(self._outputs.popleft()[1])
        if iteration <= max(self._guard, self._window):
            return None
        variance = float(self._stats.variance.mean())
        if variance < self._lowest:
            self._lowest, self.selected = variance, iteration
        if self.selected is not None and self._is_over(iteration, self.selected):
            return StopReason.VARIANCE_MINIMUM
        return None


class MovingVariance(PatientRule):
    """Stop when the moving variance of the outputs has passed its minimum.

    It needs no window of outputs in memory.

    Parameters
    ----------
    decay : float
        Decay of the moving mean and variance, for each iteration.
    patience : int
        Iterations without a lower variance after which the fit stops.
    guard : int
        Iteration up to which the rule neither stops nor selects.

    References
    ----------
    H. Wang et al., "Early stopping for deep image prior", TMLR 2023 (ES-EMV).
    """

    def __init__(self, decay: float, patience: int, guard: int) -> None:
        super().__init__(patience)
        self._decay = decay
        self._guard = guard
        self._lowest = float("inf")
        self._iteration = 0
        self._mean: Tensor | None = None
        self._variance = 0.0

    def update(self, evidence: Evidence) -> StopReason | None:
        iteration = evidence.iteration
        if self._mean is None:
            self._mean = evidence.pixels.clone()
        decay = self._decay ** (iteration - self._iteration)  # may skip some iterations
        self._iteration = iteration
        deviation = evidence.pixels - self._mean
        self._mean = self._mean + (1 - decay) * deviation
        spread = float(deviation.square().mean())
        self._variance = decay * (self._variance + (1 - decay) * spread)
        if iteration <= self._guard:
            return None
        if self._variance < self._lowest:
            self._lowest, self.selected = self._variance, iteration
        if self.selected is not None and self._is_over(iteration, self.selected):
            return StopReason.VARIANCE_MINIMUM
        return None
