"""Posterior sampling: the spread of estimates after the fit has ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from napari_dip.core.stopping.rules import StopReason
from napari_dip.core.stopping.running_stats import RunningStats

if TYPE_CHECKING:
    from napari_dip.core.fitting.checkpoint import FitState
    from napari_dip.core.stopping.rules import Evidence

# Ends after which the posterior may be sampled: nobody asked for the end.
_FIT_ENDED = (
    StopReason.HELD_OUT_MINIMUM,
    StopReason.VARIANCE_MINIMUM,
    StopReason.DISCREPANCY,
    StopReason.RISK_MINIMUM,
    StopReason.FEWEST_BLOCKS,
    StopReason.NO_NOISE,
    StopReason.MAX_ITERATIONS,
)


class Posterior:
    """The spread of estimates that explain the observation about as well.

    After the fit has ended, noise on the weights keeps the network from settling:
    stochastic gradient Langevin dynamics, whose estimates are samples.

    Parameters
    ----------
    samples : int
        How many there will be; 0 for none.
    noise : float
        Standard deviation of what is added to weights before a sample, in typical steps.
    time_limit : float or None
        Of the fit and the sampling together [seconds].
    stop_requested : callable
        True once somebody asked to stop.

    Attributes
    ----------
    estimates, predictions : RunningStats
        Of the samples, and of what the operator makes of them.
    latest : (1, C, [Z,] Y, X) Tensor or None
        The last sample.
    reason : StopReason or None
        Why the fit ended, once it has.

    References
    ----------
    Z. Cheng et al., "A Bayesian perspective on the deep image prior", CVPR 2019.
    """

    def __init__(
        self,
        samples: int,
        noise: float,
        *,
        time_limit: float | None = None,
        stop_requested: Callable[[], bool] = lambda: False,
    ) -> None:
        self.estimates, self.predictions = RunningStats(), RunningStats()
        self.latest: Tensor | None = None
        self._samples = samples
        self._noise = noise
        self._time_limit = time_limit
        self._stop_requested = stop_requested
        self.reason: StopReason | None = None

    @property
    def sampling(self) -> bool:
        """Whether the fit has ended, and estimates are samples."""
        return self.reason is not None

    @property
    def complete(self) -> bool:
        return self.sampling and self.estimates.count >= self._samples

    def assess(self, state: FitState, evidence: Evidence) -> StopReason | None:
        """Return why the fit ended, once its samples are taken as well."""
        if not self.sampling:
            reason = state.assess(evidence)
            if not self._samples or reason not in _FIT_ENDED:
                return reason
            self.reason = reason
            return None
        if self._stop_requested():
            return StopReason.STOP_REQUESTED
        late = self._time_limit is not None and evidence.seconds >= self._time_limit
        return self.reason if self.complete or late else None

    def update(self, estimate: Tensor, prediction: Tensor) -> None:
        """Take in a sample, and what the operator makes of it."""
        self.latest = estimate
        self.estimates.update(estimate)
        self.predictions.update(prediction)

    @torch.no_grad()
    def shake(self, steps: Iterable[tuple[nn.Parameter, float]], random: torch.Generator) -> None:
        """Add noise to weights; with each comes how far the optimiser typically moves it."""
        for weight, step in steps:
            noise = torch.randn(weight.shape, generator=random, device=random.device)
            weight.add_(self._noise * step * noise)
