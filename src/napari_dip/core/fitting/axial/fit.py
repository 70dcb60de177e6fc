"""fit_axial(): learn in the planes of a stack what cubic interpolation along z misses."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from napari_dip.core.fitting.axial.decision import Decision, decide
from napari_dip.core.fitting.axial.examples import (
    LEAST_PLANES,
    LateralExamples,
    find_step,
    to_tensor,
)
from napari_dip.core.fitting.axial.volume import AxialVolume, corrected_batch
from napari_dip.core.fitting.result import Fit, Snapshot
from napari_dip.core.fitting.timer import Timer
from napari_dip.core.networks.slice_network import SliceNetwork
from napari_dip.core.operators.downsample import Downsample
from napari_dip.core.stopping.evaluation import whiteness
from napari_dip.core.stopping.rules import StopReason
from napari_dip.errors import DivergedError

if TYPE_CHECKING:
    from napari_dip.config import CompleteConfig
    from napari_dip.core.fitting.checkpoint import FitCheckpoint
    from napari_dip.core.hardware.device import Runtime
    from napari_dip.core.problem import Problem

# Examples of an iteration.
_BATCH = 8
# Iterations over which the learning rate rises.
_RISE = 20
# Largest share of the time for previews.
_PREVIEWS = 0.2


def fit_axial(
    problem: Problem,
    config: CompleteConfig,
    *,
    runtime: Runtime,
    seed: int,
    time_limit: float | None = None,
    interval: float = 0.2,
    stop_requested: Callable[[], bool] = lambda: False,
    start_from: FitCheckpoint | None = None,
    keep_checkpoint: bool = False,
) -> Generator[Snapshot, None, Fit]:
    """Correct the cubic interpolation along z by what the planes of the stack show.

    The planes are degraded along Y and along X as the stack is along z. A small network learns
    the difference between them and their cubic interpolation. Its correction is kept if it is
    better at held-out squares of the planes; otherwise cubic interpolation is the result.

    Parameters
    ----------
    problem : Problem
        Stack, with a `Downsample` operator along z, and its noise.
    config : CompleteConfig
        Network, learning rate and number of iterations.
    runtime : Runtime
        Device and precision.
    seed : int
        Seed of weights, examples and held-out squares.
    time_limit : float, optional
        Upper bound of the time [seconds]; none by default.
    interval : float, optional
        Shortest time between two snapshots [seconds]. Default 0.2.
    stop_requested : callable, optional
        Function without arguments, called at each iteration. Once it returns True the fit ends.
    start_from, keep_checkpoint : optional
        Not used: a correction cannot be resumed.

    Yields
    ------
    Snapshot
        First cubic interpolation, then the corrected one. Its errors are relative to those of
        cubic interpolation.

    Returns
    -------
    Fit
        Result and diagnostics, as the value of the generator.

    Raises
    ------
    DivergedError
        The loss does not stay finite.

    References
    ----------
    M. Weigert et al., "Isotropic reconstruction of 3D fluorescence microscopy images using
    convolutional neural networks", MICCAI 2017; A. Shocher et al., "Zero-shot super-resolution
    using deep internal learning", CVPR 2018.
    """
    assert isinstance(problem.operator, Downsample)
    timer = Timer(stop_requested)
    volume = AxialVolume.of(problem, problem.operator)
    cubic = volume.cubic()
    with timer.waiting():
        yield Snapshot(0, 1.0, 1.0, 0, cubic.copy(), None)

    learner = _Learner(volume, config, runtime, seed, problem.anisotropy)
    enough = volume.observed.shape[1] >= LEAST_PLANES and learner.examples.possible
    limit = config.max_iterations if enough else 0
    reason, iteration, paces = StopReason.MAX_ITERATIONS, 0, [0.0]
    shown, cost = timer.seconds, 0.0
    for iteration in range(1, limit + 1):
        begin = timer.seconds
        late = 0.0 if time_limit is None else begin / time_limit
        loss = learner.step(max((iteration - 1) / limit, min(late, 1.0)), iteration)
        paces.append(timer.seconds - begin)
        if timer.stop_requested():
            reason = StopReason.STOP_REQUESTED
            break
        if time_limit is not None and timer.seconds >= time_limit:
            reason = StopReason.TIME_LIMIT
            break
        due = max(interval, cost / _PREVIEWS)
        if iteration < limit and timer.seconds - shown >= due:
            begin = timer.seconds
            estimate = volume.corrected(learner.network, runtime, timer.stop_requested)
            shown = timer.seconds
            cost = shown - begin
            with timer.waiting():
                yield Snapshot(iteration, loss, None, iteration, estimate, None)

    decision = learner.decide() if iteration else None
    is_better = decision is not None and decision.is_better
    estimate = volume.corrected(learner.network, runtime) if is_better else cubic
    selected = iteration if is_better else 0
    error = 1.0 if decision is None else decision.relative_error
    with timer.waiting():
        yield Snapshot(iteration, error, error, selected, estimate.copy(), reason)
    result = torch.from_numpy(estimate)[None].to(problem.observation.device)
    return Fit(
        estimate=estimate,
        iterations=iteration,
        selected_iteration=selected,
        stop_reason=reason,
        seconds=timer.seconds,
        seconds_per_iteration=float(np.median(paces[1:] or paces)),
        parameters=sum(parameter.numel() for parameter in learner.network.parameters()),
        rollbacks=0,
        residual_whiteness=whiteness(problem, result),
        findings=_findings(decision, learner),
    )


class _Learner:
    """The network, its optimiser and its examples."""

    def __init__(
        self,
        volume: AxialVolume,
        config: CompleteConfig,
        runtime: Runtime,
        seed: int,
        anisotropy: float,
    ) -> None:
        settings, operator = config.fit, volume.operator
        self._noise = float(volume.variance.mean())
        self._operator, self._runtime, self._rate = operator, runtime, settings.learning_rate
        most = anisotropy if anisotropy > 1 else np.inf
        self.sampling = find_step(volume.observed[0], operator, most, self._noise)
        random = np.random.default_rng(seed)
        self.examples = LateralExamples(
            *volume.planes,
            self._noise,
            operator,
            self.sampling,
            random,
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            channels = settings.network.channels
            self.network = SliceNetwork(operator.factors[0], channels[0], len(channels))
        self.network.to(runtime.device)
        self._errors: list[float] = []
        self._optimiser = torch.optim.Adam(self.network.parameters(), lr=settings.learning_rate)

    def step(self, progress: float, iteration: int) -> float:
        """Move the weights; return the error relative to that of cubic interpolation."""
        rate = self._rate * 0.5 * (1 + math.cos(math.pi * progress)) * min(1, iteration / _RISE)
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        batch = self.examples.draw(_BATCH)
        coarse, missing, weight = (
            to_tensor(array, self._runtime.device)
            for array in (batch.coarse, batch.truth - batch.cubic, batch.weight)
        )
        with self._runtime.autocast():
            output: Tensor = self.network(coarse)
        loss = (weight * (output.float() - missing) ** 2).mean()
        before = float((weight * missing**2).mean())
        self._optimiser.zero_grad()
        # Relative to the mean error of interpolation, so that the rate suits any contrast and
        # examples without structure count little.
        self._errors.append(before)
        (loss / max(float(np.mean(self._errors)), 1e-12)).backward()  # type: ignore[no-untyped-call]
        self._optimiser.step()
        value = float(loss.detach())
        if not math.isfinite(value):
            raise DivergedError(
                "Got a loss that is not finite; expected a finite one. Try another seed or a "
                "smaller learning rate."
            )
        return value / max(before, 1e-12)

    def decide(self) -> Decision:
        """Compare the correction with cubic interpolation at the held-out squares."""
        return decide(
            self.examples,
            partial(corrected_batch, self.network, self._runtime, self._operator, self._noise),
        )


def _findings(decision: Decision | None, learner: _Learner) -> dict[str, float]:
    if decision is None:
        return {"corrected": 0.0}
    return {
        "corrected": float(decision.is_better),
        "correction_gain": decision.gain,
        "structured": float(decision.is_structured),
        "correction_step": float(learner.sampling),
        "interpolation_error_over_noise": decision.cubic / max(decision.noise, 1e-30),
    }
