"""THE loop: an untrained network is fitted to one observation until a rule says stop.

`fit` is a generator. Whoever pulls from it paces it: not pulling is a pause.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from math import ceil, prod
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_dip.config import DipConfig, FitConfig
from napari_dip.core.fitting.averaging import MovingAverage
from napari_dip.core.fitting.checkpoint import FitState
from napari_dip.core.fitting.posterior import Posterior
from napari_dip.core.fitting.residual_guard import build_guard
from napari_dip.core.fitting.result import Fit, Snapshot
from napari_dip.core.fitting.timer import Timer
from napari_dip.core.hardware.device import Runtime, find_runtime
from napari_dip.core.latents.build import build_latent, latent_channels
from napari_dip.core.networks.build import PriorNetwork, build_network
from napari_dip.core.networks.load_weights import load_weights
from napari_dip.core.optim.optimisers import build_optimiser, typical_steps
from napari_dip.core.optim.regularisers import Regularisers
from napari_dip.core.stopping.build import build_rule
from napari_dip.core.stopping.evaluation import (
    Assessor,
    agreement,
    find_measure,
    posterior_scale,
    split_pixels,
    weighted_mean,
    whiteness,
)
from napari_dip.core.stopping.rules import Evidence

if TYPE_CHECKING:
    from napari_dip.core.fitting.checkpoint import FitCheckpoint
    from napari_dip.core.fitting.residual_guard import ResidualGuard
    from napari_dip.core.latents.base import Draw
    from napari_dip.core.problem import Problem
    from napari_dip.core.stopping.evaluation import Errors
    from napari_dip.core.stopping.rules import StopReason

# Iterations between two looks at what the residual guard would leave removed.
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
    keep_ending: bool = False,
) -> Generator[Snapshot, None, Fit]:
    """Fit an untrained network to one observation.

    Parameters
    ----------
    problem : Problem
        Observation, operator and noise model of one block.
    config : DipConfig, optional
        Network, optimiser and stopping rule.
    runtime : Runtime, optional
        Device and precision; found from the configuration by default.
    seed : int, optional
        In place of the configuration's, such as a block's own.
    time_limit : float, optional
        In place of the configuration's [seconds].
    interval : float
        Shortest time between two snapshots [seconds]; 0 yields every assessment. The first
        estimate is yielded before the first step.
    stop_requested : callable
        Polled at each iteration, and while the latent is made; True ends the fit with the
        best estimate so far. It may wait before it answers, which is a pause.
    start_from : FitCheckpoint, optional
        Of an earlier fit to the same problem, which goes on from there for as many
        iterations as the configuration says; or of a neighbour's, if it is `warm()`.
    keep_ending : bool
        Return where the fit ended, so that another one can go on.

    Yields
    ------
    Snapshot

    Returns
    -------
    Fit
        As the value of the generator.

    Raises
    ------
    DivergedError
        When the loss keeps leaving the finite numbers.

    References
    ----------
    Ulyanov, Vedaldi, Lempitsky: Deep Image Prior, IJCV 2020, eq. 2.
    """
    config = (config or DipConfig()).complete()
    settings = config.fit
    assert settings is not None  # complete() has filled it
    runtime = runtime or find_runtime(config.device, config.precision)
    seed = config.seed if seed is None else seed
    if start_from is not None:
        seed = start_from.seed
    before = start_from.iteration if start_from is not None else 0
    limit = config.time_limit if time_limit is None else time_limit
    clock = Timer(stop_requested)

    def ended() -> bool:
        return clock.stop_requested() or (limit is not None and clock.seconds >= limit)

    def seen(
        iteration: int,
        errors: Errors,
        selected: int,
        estimate: Tensor,
        reason: StopReason | None = None,
    ) -> Snapshot:
        shown = _copy(problem, finished(estimate))
        return Snapshot(iteration, errors.loss, errors.heldout, selected, shown, reason)

    def finished(estimate: Tensor) -> Tensor:
        whole = latent.finish(estimate)
        return whole if guard is None else guard(whole)

    problem = replace(problem, operator=problem.operator.fresh(runtime.device))
    network = _seeded_network(problem, settings, seed)
    file = settings.network_weights
    weights_sha256 = load_weights(network, file) if file is not None else None
    network.to(runtime.device)
    random = torch.Generator(runtime.device).manual_seed(seed)
    fitted, heldout = split_pixels(problem, config, random)
    regularisers = Regularisers(problem, settings)
    latent = build_latent(problem, network, settings, fitted, random, ended)
    widths = problem.operator.parameters()
    optimiser = build_optimiser(network, settings, latent.parameters(), widths)
    probe = _probe(problem, settings.stopping.variance_pixels, random)
    state = FitState(
        network,
        optimiser,
        MovingAverage(settings.averaging),
        build_rule(config, before, time_limit=limit, stop_requested=clock.stop_requested),
        pixels=problem.observation.numel(),
        beside=[*latent.parameters(), *widths],
    )
    if start_from is not None:
        state.begin(start_from, random)
        latent.skip(before, ceil(before / settings.reveal_every) if settings.reveal_every else 0)
    assessor = Assessor(problem, heldout, everywhere=config.stop == "discrepancy")
    measure = find_measure(problem, config)
    guard = build_guard(problem, settings)
    posterior = Posterior(
        config.posterior_samples or 0,
        settings.posterior_noise,
        time_limit=limit,
        stop_requested=clock.stop_requested,
    )

    last_yield, last_assessment, pace = -np.inf, clock.seconds, []
    iteration, last = before, before + settings.max_iterations
    checkpoint = None
    while True:
        iteration += 1
        optimiser.zero_grad()
        draw = latent.draw()
        known = state.average.value if posterior.latest is None else posterior.latest
        estimate = _estimate(problem, network, draw, runtime, known)
        misfit = weighted_mean(problem.nll(estimate), draw.weights)
        loss = misfit + regularisers(estimate)
        if iteration == 1:  # shown before the step, which takes twice as long
            first = draw.shifted(estimate.detach())
            snapshot = seen(1, assessor.read(loss, first), 1, first)
            with clock.waiting():
                yield snapshot
            last_yield = clock.seconds
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        estimate = draw.shifted(estimate.detach())
        if posterior.sampling:
            posterior.update(estimate, problem.operator(estimate).detach())
            posterior.shake(typical_steps(network, settings), random)
        elif not settings.reveal_every:
            state.average.update(estimate)
        elif iteration % settings.reveal_every == 1 % settings.reveal_every:
            with torch.no_grad():
                revealed = _estimate(problem, network, latent.reveal(), runtime, known)
                state.average.update(revealed)
        due = iteration % runtime.assess_every == 0 or iteration == last
        if not due and not clock.stop_requested():
            continue

        # The only place that waits for the device.
        errors = assessor.read(loss, state.average.value)
        flaw = measure(state.average.value)
        now = clock.seconds
        pace.append((now - last_assessment) / runtime.assess_every)
        last_assessment = now
        if state.has_collapsed(errors.loss, iteration):
            state.roll_back(iteration)
            continue
        state.keep_checkpoint(iteration, errors.loss)
        evidence = Evidence(
            iteration,
            now,
            errors.heldout,
            estimate.flatten()[probe],
            errors.discrepancy,
            flaw,
            errors.each,
            _most_removed(guard, iteration, state.average.value),
        )
        del draw, estimate  # room for those of the next iteration
        reason = posterior.assess(state, evidence)
        if keep_ending and checkpoint is None and (reason is not None or posterior.sampling):
            checkpoint = state.end(iteration, random, seed, reason or posterior.reason)
        if reason is not None or (iteration > 1 and now - last_yield >= interval):
            last_yield = now
            snapshot = seen(iteration, errors, state.selected, state.average.value, reason)
            with clock.waiting():
                yield snapshot
        if reason is not None:
            break
    estimate = finished(state.kept)
    findings = {} if guard is None else guard.findings(latent.finish(state.kept))
    posterior_std, scale = None, None
    if posterior.complete:
        scale = posterior_scale(problem, state.kept, posterior.predictions.variance, heldout)
        posterior_std = _copy(problem, scale * posterior.estimates.variance.sqrt())
    return Fit(
        estimate=_copy(problem, estimate),
        iterations=iteration,
        selected_iteration=state.selected,
        stop_reason=reason,
        seconds=clock.seconds,
        seconds_per_iteration=median(pace),
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        rollbacks=state.rollbacks,
        residual_whiteness=whiteness(problem, estimate),
        findings={**problem.operator.findings(), **findings},
        weights_sha256=weights_sha256,
        stopping_agreement=agreement(problem, state.kept, state.rival),
        posterior_std=posterior_std,
        posterior_scale=scale,
        continued=before,
        warm=start_from is not None and start_from.is_warm,
        checkpoint=checkpoint,
    )


def _most_removed(guard: ResidualGuard | None, iteration: int, average: Tensor) -> float | None:
    return None if guard is None or iteration % _GUARD_EVERY else guard.most_removed(average)


def _seeded_network(problem: Problem, settings: FitConfig, seed: int) -> PriorNetwork:
    """Initialise on the CPU, where a seed means the same on every machine."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        inputs = latent_channels(settings, problem)
        return build_network(
            settings.network,
            inputs,
            problem.channels,
            problem.bounds,
            depth=problem.depth,
            anisotropy=problem.anisotropy,
        )


def _probe(problem: Problem, count: int, random: torch.Generator) -> Tensor:
    """Return flat indices of the pixels whose outputs the variance rule watches."""
    size = problem.channels * prod(problem.shape)
    return torch.randint(size, (min(count, size),), generator=random, device=random.device)


def _estimate(
    problem: Problem,
    network: PriorNetwork,
    draw: Draw,
    runtime: Runtime,
    known: Tensor,
) -> Tensor:
    """Return what the network makes of an input, (1, C, [Z,] Y, X).

    Where the view does not show the picture, it is as known otherwise.
    """
    with runtime.autocast():
        canvas = draw.view.undo(network(draw.latent))
    # What lies outside is never compared with anything.
    inside: tuple[Any, ...] = (..., *map(slice, problem.shape))
    estimate = draw.estimate(canvas[inside])
    if not any(draw.view.shifts):  # as the first views, when there is no average yet
        return estimate
    return draw.view.complete(estimate, canvas.shape[2:], draw.unshifted(known))


def _copy(problem: Problem, estimate: Tensor) -> NDArray[np.float32]:
    """Return (1, C, [Z,] Y, X) without what lies outside the field of view or the batch."""
    inside = problem.operator.inside(estimate)[0]
    return np.array(inside.float().cpu().numpy(), dtype=np.float32, order="C")
