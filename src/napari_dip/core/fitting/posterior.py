"""Posterior sampling: the spread of estimates after the fit has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_dip.core.fitting.monitor import to_array
from napari_dip.core.stopping.evaluation import posterior_scale
from napari_dip.core.stopping.rules import StopReason
from napari_dip.core.stopping.running_stats import RunningStats

if TYPE_CHECKING:
    from collections.abc import Generator

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from napari_dip.core.fitting.monitor import Monitor
    from napari_dip.core.fitting.result import Snapshot
    from napari_dip.core.fitting.state import FitState
    from napari_dip.core.fitting.timer import Timer
    from napari_dip.core.fitting.trainer import Trainer
    from napari_dip.core.problem import Problem

# Reasons after which the posterior may be sampled: neither the user nor the time limit ended
# the fit.
_FIT_ENDED = (
    StopReason.HELD_OUT_MINIMUM,
    StopReason.VARIANCE_MINIMUM,
    StopReason.DISCREPANCY,
    StopReason.RISK_MINIMUM,
    StopReason.FEWEST_BLOCKS,
    StopReason.NO_NOISE,
    StopReason.GOOD_START,
    StopReason.MAX_ITERATIONS,
)


class Posterior:
    """Samples of the posterior: estimates that explain the observation about equally well.

    After the fit, noise on the weights keeps the network from settling (stochastic gradient
    Langevin dynamics). Each iteration gives a sample.

    Parameters
    ----------
    samples : int
        Number of samples; 0 for none.
    noise : float
        Standard deviation of the noise on the weights, in typical steps of the optimiser.
    time_limit : float or None
        Time for the fit and the sampling together [seconds].

    Attributes
    ----------
    estimates, predictions : RunningStats
        Mean and variance of the samples, before and after the operator.

    References
    ----------
    Z. Cheng et al., "A Bayesian perspective on the deep image prior", CVPR 2019.
    """

    def __init__(self, samples: int, noise: float, time_limit: float | None = None) -> None:
        self.estimates, self.predictions = RunningStats(), RunningStats()
        self._samples = samples
        self._noise = noise
        self._time_limit = time_limit

    def follows(self, reason: StopReason | None) -> bool:
        """Return whether samples are taken after a fit that ended for this reason."""
        return self._samples > 0 and reason in _FIT_ENDED

    @property
    def complete(self) -> bool:
        """Whether all samples were taken."""
        return 0 < self._samples <= self.estimates.count

    def sample(
        self,
        trainer: Trainer,
        state: FitState,
        monitor: Monitor,
        timer: Timer,
        *,
        iteration: int,
        reason: StopReason,
    ) -> Generator[Snapshot, None, tuple[int, StopReason]]:
        """Take the samples.

        Parameters
        ----------
        trainer, state, monitor, timer
            Parts of the fit; its selected estimate stays as it is.
        iteration : int
            Last iteration of the fit.
        reason : StopReason
            Reason for which the fit ended.

        Yields
        ------
        Snapshot

        Returns
        -------
        int
            Last iteration of the sampling.
        StopReason
            The same reason, or the user's request to stop.
        """
        known = state.average.value
        while True:
            iteration += 1
            result = trainer.forward(known)
            loss, shown = result.loss, trainer.step(result)
            known = trainer.reveal(known) if shown is None else shown
            self._add(known, trainer.problem.operator(known).detach())
            trainer.add_noise(self._noise)
            if not monitor.is_due(iteration):
                continue
            evaluation = monitor.assess(iteration, loss)
            if evaluation is None:
                continue
            end = self._end(timer, reason)
            if end is not None or monitor.is_time_to_show():
                snapshot = monitor.snapshot(iteration, evaluation, end)
                with timer.waiting():
                    yield snapshot
            if end is not None:
                return iteration, end

    def std(
        self, problem: Problem, selected: Tensor, heldout: Tensor | None
    ) -> tuple[NDArray[np.float32], float]:
        """Return the deviation (C, [Z,] Y, X) of the samples, and the factor in it."""
        scale = posterior_scale(problem, selected, self.predictions.variance, heldout)
        return to_array(problem, scale * self.estimates.variance.sqrt()), scale

    def _add(self, estimate: Tensor, prediction: Tensor) -> None:
        self.estimates.update(estimate)
        self.predictions.update(prediction)

    def _end(self, timer: Timer, reason: StopReason) -> StopReason | None:
        """Return why to end now, or None to take more samples."""
        if timer.stop_requested():
            return StopReason.STOP_REQUESTED
        late = self._time_limit is not None and timer.seconds >= self._time_limit
        return reason if self.complete or late else None
