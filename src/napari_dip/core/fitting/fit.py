"""fit(): fit a network to one observation until a stopping rule ends it.

`fit` is a generator, so its caller sets the pace: while the caller asks for no further
snapshot, the fit pauses.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from math import inf, prod
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from napari_dip.config import DipConfig
from napari_dip.core.fitting.averaging import MovingAverage
from napari_dip.core.fitting.first_network import build_first_network
from napari_dip.core.fitting.hold_out import hold_out
from napari_dip.core.fitting.learned_start import (
    first_answer,
    load_learned_start,
    set_noise_level,
    weighed_with_first,
)
from napari_dip.core.fitting.monitor import Monitor, to_array
from napari_dip.core.fitting.plug_and_play.candidate import add_candidate
from napari_dip.core.fitting.posterior import Posterior
from napari_dip.core.fitting.residual_guard import build_guard
from napari_dip.core.fitting.result import Fit, Snapshot
from napari_dip.core.fitting.state import FitState
from napari_dip.core.fitting.timer import Timer
from napari_dip.core.fitting.trainer import Trainer
from napari_dip.core.hardware.device import Runtime, find_runtime
from napari_dip.core.latents.build import build_latent
from napari_dip.core.optim.optimisers import build_optimiser
from napari_dip.core.optim.regularisers import Regularisers
from napari_dip.core.stopping.build import build_rule
from napari_dip.core.stopping.evaluation import (
    Evaluator,
    agreement,
    weighted_mean,
    whiteness,
)
from napari_dip.core.stopping.rules import StopReason

if TYPE_CHECKING:
    from napari_dip.core.fitting.checkpoint import FitCheckpoint
    from napari_dip.core.problem import Problem

# Iterations between two measurements of what the residual guard would leave removed.
_GUARD_EVERY = 50


def fit(
    problem: Problem,
    config: DipConfig | None = None,
    *,
    runtime: Runtime | None = None,
    seed: int | None = None,
    time_limit: float | None = None,
    interval: float = 0.2,
    stop_requested: Callable[[], bool] = lambda: False,
    start_from: FitCheckpoint | None = None,
    keep_checkpoint: bool = False,
) -> Generator[Snapshot, None, Fit]:
    """Fit a network to one observation.

    Its weights are random at first, unless the configuration asks for others.

    Parameters
    ----------
    problem : Problem
        Observation, operator and noise model of one block.
    config : DipConfig, optional
        Network, optimiser and stopping rule; the defaults of `DipConfig` by default.
    runtime : Runtime, optional
        Device and precision; those of the configuration by default.
    seed : int, optional
        Seed of network, latent and held-out pixels; that of the configuration by default.
    time_limit : float, optional
        Upper bound of the time [seconds]; that of the configuration by default.
    interval : float, optional
        Shortest time between two snapshots [seconds], 0.2 by default; 0 yields every
        assessment. The first estimate is yielded before the first step; with a learned start
        it is the result, unless the fit improves it.
    stop_requested : callable, optional
        Function without arguments, called at each iteration and while the latent is built.
        Once it returns True the fit ends with the best estimate so far. The fit pauses while
        the function does not return. It always returns False by default.
    start_from : FitCheckpoint, optional
        Checkpoint of an earlier fit of the same problem, to resume for the number of
        iterations in the configuration; or a warm start, which takes only the weights of
        another problem's fit. None by default.
    keep_checkpoint : bool, optional
        Return a checkpoint, from which another fit can start. False by default.

    Yields
    ------
    Snapshot
        Copy of the state, at most once per `interval`.

    Returns
    -------
    Fit
        Selected estimate and diagnostics, as the value of the generator.

    Raises
    ------
    DivergedError
        The loss does not stay finite.

    References
    ----------
    Ulyanov, Vedaldi, Lempitsky: Deep Image Prior, IJCV 2020, eq. 2.
    """
    config = (config or DipConfig()).complete()
    settings = config.fit
    runtime = runtime or find_runtime(config.device, config.precision)
    if start_from is not None:
        seed = start_from.seed
    elif seed is None:
        seed = config.seed
    before = 0 if start_from is None else start_from.iteration
    limit = config.time_limit if time_limit is None else time_limit
    timer = Timer(stop_requested)

    def is_over() -> bool:
        return timer.stop_requested() or (limit is not None and timer.seconds >= limit)

    problem = replace(problem, operator=problem.operator.fresh(runtime.device))
    network, weights_sha256 = build_first_network(problem, settings, seed)
    network.to(runtime.device)
    random = torch.Generator(runtime.device).manual_seed(seed)
    heldout = hold_out(problem, config, random)
    fitted = heldout.fitted
    regularisers = Regularisers(problem, settings)
    latent = build_latent(problem, network, settings, fitted, random, is_over, heldout.photons)
    add_candidate(latent, problem, config, heldout.photons, is_over)
    learned_sha256 = load_learned_start(problem, config, network, latent)
    learned = learned_sha256 is not None
    equally = learned and settings.reveal_every > 0
    is_warm = start_from is not None and start_from.is_warm_start
    extra_parameters = [*latent.parameters(), *problem.operator.parameters()]
    optimiser = build_optimiser(
        network, settings, latent.parameters(), problem.operator.parameters()
    )
    trainer = Trainer(problem, settings, runtime, network, latent, regularisers, optimiser, random)
    probe = _probe(problem, settings.stopping.variance_pixels, random)
    state = FitState(
        network,
        optimiser,
        MovingAverage(settings.averaging, equally=equally),
        MovingAverage(settings.averaging, equally=equally),
        build_rule(config, before, time_limit=limit, stop_requested=timer.stop_requested),
        pixels=problem.observation.numel(),
        extra_parameters=extra_parameters,
    )
    if start_from is not None:
        state.start_from(start_from, random)
        latent.skip(before, _reveals(before, settings.reveal_every))
    strength = config.strength if learned else 1.0
    guard = build_guard(problem, settings, strength)

    def finished(average: Tensor) -> Tensor:
        estimate = latent.finish(average)
        return estimate if guard is None else guard(estimate, state.heldout_error)

    evaluator = Evaluator(heldout.judged, heldout.weights, config.stop)
    monitor = Monitor(
        problem,
        state,
        evaluator,
        timer,
        finished,
        trainer.passes,
        every=runtime.assess_every,
        interval=interval,
    )
    posterior = Posterior(config.posterior_samples or 0, settings.posterior_noise, limit)

    reason, first = None, latent.first() if start_from is None else None
    judged: Tensor | None = None
    if learned and start_from is None:
        first, judged = yield from first_answer(
            trainer, monitor, timer, finished, state.average.value, fitted, strength
        )
    elif learned:
        set_noise_level(latent, trainer, strength)
    elif first is not None:
        judged = trainer.judge(first)
    if first is not None:
        state.add(first, judged)
        loss = weighted_mean(problem.nll(first), fitted)
        start = evaluator.read(loss, state.judged_average)
        removed = None if guard is None else guard.most_removed(first)
        reason = state.assess(start.evidence(0, timer.seconds, first.flatten()[probe], removed))
        if latent.suffices:
            reason = reason or StopReason.GOOD_START
        if settings.max_iterations:
            # The loss of a network without learned weights is far above that of its first estimate.
            state.keep_checkpoint(0, start.loss if learned else inf)
        yield from timer.shown(monitor.snapshot(0, start, reason))
        monitor.restart_interval()

    iteration, last = before, before + (settings.max_iterations if reason is None else 0)
    stop_reason = reason or StopReason.MAX_ITERATIONS
    for iteration in range(before + 1, last + 1):
        known = state.average.value
        result = trainer.forward(known)
        # Shown before the step, which takes twice as long.
        if state.average.is_empty and result.estimate is not None:
            snapshot = monitor.first_snapshot(
                result.loss, result.draw.shifted(result.estimate.detach())
            )
            yield from timer.shown(snapshot)
            monitor.restart_interval()
        loss, shown = result.loss, trainer.step(result)
        del result  # its tensors would take memory during the next iteration
        if shown is not None and not settings.reveal_every:
            state.add(shown)
        elif state.average.is_empty or iteration % (settings.reveal_every or 1) == 0:
            state.add(trainer.reveal(known), trainer.judge(known))
        if not monitor.is_due(iteration, last):
            continue

        evaluation = monitor.assess(iteration, loss)
        if evaluation is None:
            continue
        most_removed = None
        if guard is not None and iteration % _GUARD_EVERY == 0:
            most_removed = guard.most_removed(state.average.value)
        pixels = (state.average.value if shown is None else shown).flatten()[probe]
        reason = state.assess(evaluation.evidence(iteration, timer.seconds, pixels, most_removed))
        del shown
        is_last = reason is not None and not posterior.follows(reason)
        if is_last or (iteration > 1 and monitor.is_time_to_show()):
            snapshot = monitor.snapshot(iteration, evaluation, reason if is_last else None)
            yield from timer.shown(snapshot)
        if reason is not None:
            stop_reason = reason
            break

    checkpoint = None
    if keep_checkpoint:
        checkpoint = state.checkpoint(iteration, random, seed, stop_reason)
    posterior_std, scale = None, None
    if posterior.follows(stop_reason):
        iteration, stop_reason = yield from posterior.sample(
            trainer, state, monitor, timer, iteration=iteration, reason=stop_reason
        )
        if posterior.complete:
            posterior_std, scale = posterior.std(heldout.judged, state.selected, heldout.weights)

    chosen, weight = weighed_with_first(state, evaluator, latent.finish)
    refined = latent.refine(chosen, lambda draw: trainer.estimate(draw, chosen), is_over)
    estimate = finished(refined)
    diagnostics = (
        {} if guard is None else guard.findings(latent.finish(refined), state.heldout_error)
    )
    return Fit(
        estimate=to_array(problem, estimate),
        iterations=iteration,
        selected_iteration=state.selected_iteration,
        stop_reason=stop_reason,
        seconds=timer.seconds,
        seconds_per_iteration=monitor.seconds_per_iteration,
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        rollbacks=state.rollbacks,
        residual_whiteness=whiteness(problem, estimate),
        findings={**problem.operator.findings(), **latent.findings(), **weight, **diagnostics},
        weights_sha256=learned_sha256 or latent.learned_sha256 or weights_sha256,
        stopping_agreement=agreement(problem, state.selected, state.alternative),
        posterior_std=posterior_std,
        posterior_scale=scale,
        continued=before,
        warm=is_warm,
        learned=learned and not is_warm,
        checkpoint=checkpoint,
    )


def _reveals(iterations: int, every: int) -> int:
    """Return how often these iterations revealed all pixels: at the first, and at intervals.

    With interval 0 that is at each iteration, or never, and then the number does not count.
    """
    every = every or 1
    return iterations // every + (iterations > 0 and every > 1)


def _probe(problem: Problem, count: int, random: torch.Generator) -> Tensor:
    """Return flat indices of the pixels whose outputs the variance rule watches."""
    size = problem.channels * prod(problem.shape)
    return torch.randint(size, (min(count, size),), generator=random, device=random.device)
