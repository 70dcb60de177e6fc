"""Monitor: now and then reads the losses of a fit, rolls back a collapse, and takes snapshots."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_dip.core.fitting.result import Snapshot
from napari_dip.core.stopping.evaluation import weighted_mean

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from napari_dip.core.fitting.state import FitState
    from napari_dip.core.fitting.timer import Timer
    from napari_dip.core.fitting.trainer import Passes
    from napari_dip.core.problem import Problem
    from napari_dip.core.stopping.evaluation import Evaluation, Evaluator
    from napari_dip.core.stopping.rules import StopReason


class Monitor:
    """Assesses a fit every few iterations: only then the processor waits for the device.

    Parameters
    ----------
    problem : Problem
        Problem whose estimates are shown.
    state : FitState
        State of the fit.
    evaluator : Evaluator
        Measures of the moving average.
    timer : Timer
        Time of the fit, and the request to stop.
    finish : callable
        Function that turns an average (1, C, [Z,] Y, X) into the estimate to show.
    passes : Passes
        Passes of the network so far.
    every : int
        Iterations between two assessments.
    interval : float
        Shortest time between two snapshots [seconds].
    """

    def __init__(
        self,
        problem: Problem,
        state: FitState,
        evaluator: Evaluator,
        timer: Timer,
        finish: Callable[[Tensor], Tensor],
        passes: Passes,
        *,
        every: int,
        interval: float,
    ) -> None:
        self._problem, self._state, self._evaluator = problem, state, evaluator
        self._timer, self._finish, self._passes = timer, finish, passes
        self._every, self._interval = every, interval
        self._last_assessment = timer.seconds
        self._last_snapshot = -np.inf
        self._paces: list[float] = []

    @property
    def seconds_per_iteration(self) -> float:
        """Median time of an iteration [seconds]; 0 without iterations."""
        return median(self._paces) if self._paces else 0.0

    def is_due(self, iteration: int, last: int | None = None) -> bool:
        """Return whether to assess this iteration: regularly, at the last, or on a request."""
        regular = iteration % self._every == 0 or iteration == last
        return regular or self._timer.stop_requested()

    def assess(self, iteration: int, loss: Tensor) -> Evaluation | None:
        """Measure the average; after a collapse of the loss, roll back and return None.

        Parameters
        ----------
        iteration : int
            Number of iterations so far.
        loss : () Tensor
            Loss of the iteration.
        """
        evaluation = self._evaluator.read(loss, self._state.judged_average)
        now = self._timer.seconds
        self._paces.append((now - self._last_assessment) / self._every)
        self._last_assessment = now
        if self._state.has_collapsed(evaluation.loss, iteration):
            self._state.roll_back(iteration)
            return None
        self._state.keep_checkpoint(iteration, evaluation.loss)
        return evaluation

    def is_time_to_show(self) -> bool:
        """Return whether the last snapshot was long enough ago."""
        return self._last_assessment - self._last_snapshot >= self._interval

    def first_snapshot(self, loss: Tensor, estimate: Tensor) -> Snapshot:
        """Return the snapshot of the first estimate, before there is an average."""
        evaluation = self._evaluator.read(loss, estimate)
        return self._snapshot(1, evaluation, 1, self._finish(estimate), None)

    def glimpse(self, estimate: Tensor) -> Snapshot:
        """Return the snapshot of a learned start before its estimate is complete.

        The estimate is shown as it is.
        """
        loss = weighted_mean(self._problem.nll(estimate), self._problem.valid)
        evaluation = self._evaluator.read(loss, estimate)
        return self._snapshot(0, evaluation, 0, estimate, None)

    def snapshot(
        self, iteration: int, evaluation: Evaluation, reason: StopReason | None = None
    ) -> Snapshot:
        """Return the snapshot of an assessed iteration; the last one has a reason to stop."""
        state = self._state
        self._last_snapshot = self._last_assessment
        return self._snapshot(
            iteration,
            evaluation,
            state.selected_iteration,
            self._finish(state.average.value),
            reason,
        )

    def restart_interval(self) -> None:
        """Count the time to the next snapshot from now on."""
        self._last_snapshot = self._timer.seconds

    def _snapshot(
        self,
        iteration: int,
        evaluation: Evaluation,
        selected: int,
        estimate: Tensor,
        reason: StopReason | None,
    ) -> Snapshot:
        return Snapshot(
            iteration,
            evaluation.loss,
            evaluation.heldout_error,
            selected,
            to_array(self._problem, estimate),
            reason,
            self._passes.count,
        )


def to_array(problem: Problem, estimate: Tensor) -> NDArray[np.float32]:
    """Return an estimate (1, C, [Z,] Y, X) as an array (C, [Z,] Y, X) of the field of view."""
    inside = problem.operator.inside(estimate)[0]
    return np.array(inside.float().cpu().numpy(), dtype=np.float32, order="C")
