"""Variance of the outputs: stopping rules that see noise being learnt in how they change."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from napari_dip.core.stopping.rules import Patient, StopReason
from napari_dip.core.stopping.running_stats import RunningStats

if TYPE_CHECKING:
    from torch import Tensor

    from napari_dip.core.stopping.rules import Evidence


class WindowedVariance(Patient):
    """Stop when the variance of the last outputs has passed its minimum.

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
        self._moments = RunningStats()

    def update(self, evidence: Evidence) -> StopReason | None:
        iteration = evidence.iteration
        self._outputs.append((iteration, evidence.pixels))
        self._moments.update(evidence.pixels)
        while self._outputs[0][0] <= iteration - self._window:
            self._moments.forget(self._outputs.popleft()[1])
        if iteration <= max(self._guard, self._window):
            return None
        variance = float(self._moments.variance.mean())
        if variance < self._lowest:
            self._lowest, self.selected = variance, iteration
        if self.selected is not None and self._is_over(iteration, self.selected):
            return StopReason.VARIANCE_MINIMUM
        return None


class MovingVariance(Patient):
    """The same with moving averages of mean and variance: no window of outputs is kept.

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
        decay = self._decay ** (iteration - self._iteration)  # several, on an accelerator
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
