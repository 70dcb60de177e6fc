"""Plug and play: a learned denoiser and the observation in turn, instead of a fit."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from napari_dip.core.fitting.monitor import to_array
from napari_dip.core.fitting.plug_and_play.alternation import alternate, filled
from napari_dip.core.fitting.plug_and_play.missing import Filling, fill
from napari_dip.core.fitting.result import Fit, Snapshot
from napari_dip.core.fitting.timer import Timer
from napari_dip.core.image.regional_means import at_pixels, regional_means
from napari_dip.core.latents.denoiser import LearnedDenoiser
from napari_dip.core.noise.model import NoiseModel
from napari_dip.core.noise.stabilise import Stabiliser
from napari_dip.core.operators.base import Identity
from napari_dip.core.operators.downsample import Downsample
from napari_dip.core.stopping.evaluation import weighted_mean, whiteness
from napari_dip.core.stopping.rules import StopReason

if TYPE_CHECKING:
    from napari_dip.config import CompleteConfig
    from napari_dip.core.fitting.checkpoint import FitCheckpoint
    from napari_dip.core.hardware.device import Runtime
    from napari_dip.core.problem import Problem

# Share of the standard deviation of the noise that counts as left in a denoised observation.
_LEFT = 0.2


@torch.no_grad()
def plug_and_play(
    problem: Problem,
    config: CompleteConfig,
    *,
    runtime: Runtime,
    seed: int = 0,
    time_limit: float | None = None,
    interval: float = 0.2,
    stop_requested: Callable[[], bool] = lambda: False,
    start_from: FitCheckpoint | None = None,
    keep_checkpoint: bool = False,
) -> Generator[Snapshot, None, Fit]:
    """Find an image that explains the observation and looks like an image to the denoiser.

    What an image lacks (missing pixels, resolution, sharpness) is treated as noise whose level
    falls from iteration to iteration. At each level the network denoises the image; then the
    image moves to where it explains the observation, up to its noise.

    Parameters
    ----------
    problem : Problem
        Observation, linear operator and noise model of one block.
    config : CompleteConfig
        Number of iterations, one for each noise level.
    runtime : Runtime
        Device of the problem.
    time_limit : float, optional
        Upper bound of the time [seconds]; none by default.
    interval : float, optional
        Shortest time between two snapshots [seconds], 0.2 by default.
    stop_requested : callable, optional
        As in `fit`.
    seed : int, optional
        Seed of the choice of held-out pixels, where pixels are missing. 0 by default.
    start_from, keep_checkpoint : optional
        Not used: there is nothing to resume.

    Yields
    ------
    Snapshot
        Copy of the state, at most once per `interval`.

    Returns
    -------
    Fit
        Last estimate and diagnostics, as the value of the generator.

    References
    ----------
    K. Zhang et al., "Plug-and-play image restoration with deep denoiser prior", IEEE TPAMI 44
    (2022) 6360: half-quadratic splitting with falling noise levels.

    Examples
    --------
    >>> from napari_dip.config import DipConfig
    >>> from napari_dip.core.hardware.device import find_runtime
    >>> from napari_dip.core.operators.downsample import Downsample
    >>> from napari_dip.core.problem import make_problem
    >>> from napari_dip.core.noise.model import NoiseModel
    >>> import numpy as np
    >>> coarse = np.tile(np.float32([[0, 0, 1, 1]]), (1, 4, 2)).reshape(1, 4, 8)
    >>> runtime = find_runtime("cpu", "float32")
    >>> exact = [NoiseModel(0.0, 0.0, 1e-8)]
    >>> problem = make_problem(
    ...     coarse, coarse >= 0, exact, (-1, 2), runtime.device, Downsample((2, 2), "box")
    ... )
    >>> config = DipConfig(max_iterations=4).complete("super-resolve")
    >>> for snapshot in plug_and_play(problem, config, runtime=runtime):
    ...     pass
    >>> snapshot.iteration, snapshot.estimate.shape, snapshot.stop_reason.value
    (4, (1, 8, 16), 'max_iterations')
    """
    timer, iterations = Timer(stop_requested), config.max_iterations
    denoise = LearnedDenoiser(
        problem.channels, volumes=problem.depth is not None, device=runtime.device
    )

    def ended() -> bool:
        return timer.stop_requested() or (time_limit is not None and timer.seconds >= time_limit)

    observed = problem
    if isinstance(problem.operator, Downsample):  # spots of noise would be enlarged as structure
        problem = _without_noise(problem, denoise)
    operator = problem.operator.fresh(runtime.device)
    valid = problem.valid.float()

    if isinstance(operator, Identity):
        known = config.noise != "auto"
        filling = fill(problem, denoise, iterations, noise_is_known=known, seed=seed, ended=ended)
    else:
        steps = alternate(problem, operator, denoise, iterations)
        filling = Filling(steps, iterations, StopReason.MAX_ITERATIONS)

    iteration, shown_at, prepared_at = 0, 0.0, timer.seconds
    for iteration, step in enumerate(filling.steps, 1):
        estimate = step.estimate
        reason: StopReason | None = None
        if timer.stop_requested():
            reason = StopReason.STOP_REQUESTED
        elif time_limit is not None and timer.seconds >= time_limit:
            reason = StopReason.TIME_LIMIT
        elif iteration == filling.iterations:
            reason = filling.reason
        is_last = reason is not None
        if is_last:
            estimate = step.finished(denoise)
        if is_last or timer.seconds - shown_at >= interval:
            loss = float(weighted_mean(observed.nll(estimate), valid))
            array = to_array(problem, estimate)
            snapshot = Snapshot(iteration, loss, None, iteration, array, reason)
            with timer.waiting():
                yield snapshot
            shown_at = timer.seconds
        if is_last:
            break

    return Fit(
        estimate=to_array(problem, estimate),
        iterations=iteration,
        selected_iteration=iteration,
        stop_reason=reason or filling.reason,
        seconds=timer.seconds,
        seconds_per_iteration=(timer.seconds - prepared_at) / max(iteration, 1),
        parameters=denoise.parameters,
        rollbacks=0,
        residual_whiteness=whiteness(problem, estimate),
        findings=operator.findings(),
        weights_sha256=denoise.sha256,
        learned=True,
    )


def _without_noise(problem: Problem, denoise: LearnedDenoiser) -> Problem:
    """Return the problem of the denoised observation, which has little noise left."""
    shown = filled(problem)
    mean = shown.mean((0, 2, 3))[:, None, None]
    stabiliser = Stabiliser(problem.noise, mean, shown.std((0, 2, 3))[:, None, None])
    stable = stabiliser(shown)
    clean = stabiliser.inverse(denoise.averaged(stable, 1.0))
    clean = clean + at_pixels(regional_means(shown - clean), shown.shape)  # bias of the root
    left = _LEFT**2 * problem.noise.variance(clean).expand_as(clean).mean((0, 2, 3))
    noise = NoiseModel(torch.zeros_like(mean), left[:, None, None], problem.noise.floor)
    return replace(problem, observation=clean, noise=noise)
