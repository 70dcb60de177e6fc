"""Plug and play: a learned denoiser and the observation in turn, instead of a fit."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from napari_dip.core.fitting.monitor import to_array
from napari_dip.core.fitting.result import Fit, Snapshot
from napari_dip.core.fitting.timer import Timer
from napari_dip.core.image.infill import mean_of_neighbours
from napari_dip.core.image.regional_means import at_pixels, regional_means
from napari_dip.core.latents.augment import FLIPS
from napari_dip.core.latents.denoiser import LearnedDenoiser, falling_level
from napari_dip.core.noise.model import NoiseModel
from napari_dip.core.noise.stabilise import Stabiliser
from napari_dip.core.operators.downsample import Downsample
from napari_dip.core.stopping.evaluation import weighted_mean, whiteness
from napari_dip.core.stopping.rules import StopReason

if TYPE_CHECKING:
    from napari_dip.config import CompleteConfig
    from napari_dip.core.fitting.checkpoint import FitCheckpoint
    from napari_dip.core.hardware.device import Runtime
    from napari_dip.core.operators.base import Operator
    from napari_dip.core.problem import Problem

# First and last noise level, relative to the standard deviation of the image; the first is higher
# the fewer values were observed for each pixel. With noise, the level does not fall below this
# share of its standard deviation.
_FIRST, _LAST, _FLOOR = 0.5, 0.03, 0.8
# Factor of each change that the denoiser proposes; a larger one needs fewer iterations.
_RELAXATION = 1.5
# Weight of the denoised image beside the observation.
_WEIGHT = 0.25
# Share of the standard deviation of the noise that counts as left in a denoised observation.
_LEFT = 0.2
# Conjugate-gradient steps of an iteration, and noise that an exact observation counts as having,
# relative to the standard deviation of the image, so that they converge.
_STEPS, _EXACT = 8, 1e-3


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
    seed, start_from, keep_checkpoint : optional
        Not used: there is nothing random, and nothing to resume.

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
    operator = problem.operator.fresh(runtime.device)
    observed = problem
    if isinstance(operator, Downsample):  # spots of noise would be enlarged as structure
        problem = _without_noise(problem, denoise)
    valid = problem.valid.float()
    image = operator.lift(_filled(problem))
    explain = _DataStep(problem, operator, image)
    deviation, noise = explain.deviation, explain.noise
    first = _FIRST * (image.numel() / problem.observation.numel()) ** 0.5

    iteration, shown_at, estimate = 0, 0.0, image
    reason = StopReason.MAX_ITERATIONS
    for iteration in range(1, iterations + 1):
        planned = falling_level(deviation, first, _LAST, iteration - 1, iterations)
        level = max(planned, _FLOOR * noise)
        denoised = denoise(image, level, FLIPS[iteration % len(FLIPS)])
        image = explain(image + _RELAXATION * (denoised - image), level)
        estimate = denoised if level > planned else image
        if timer.stop_requested():
            reason = StopReason.STOP_REQUESTED
        elif time_limit is not None and timer.seconds >= time_limit:
            reason = StopReason.TIME_LIMIT
        is_last = iteration == iterations or reason is not StopReason.MAX_ITERATIONS
        if is_last and level > planned:  # the image itself has the noise of the observation
            estimate = denoise.averaged(image, level)
        if is_last or timer.seconds - shown_at >= interval:
            loss = float(weighted_mean(observed.nll(estimate), valid))
            array = to_array(problem, estimate)
            snapshot = Snapshot(
                iteration, loss, None, iteration, array, reason if is_last else None
            )
            with timer.waiting():
                yield snapshot
            shown_at = timer.seconds
        if is_last:
            break

    return Fit(
        estimate=to_array(problem, estimate),
        iterations=iteration,
        selected_iteration=iteration,
        stop_reason=reason,
        seconds=timer.seconds,
        seconds_per_iteration=timer.seconds / max(iteration, 1),
        parameters=denoise.parameters,
        rollbacks=0,
        residual_whiteness=whiteness(problem, estimate),
        findings=operator.findings(),
        weights_sha256=denoise.sha256,
        learned=True,
    )


def _filled(problem: Problem) -> Tensor:
    """Return the observation with missing pixels replaced by the mean of their neighbours."""
    valid = problem.valid.float()
    return torch.lerp(mean_of_neighbours(problem.observation, valid), problem.observation, valid)


def _without_noise(problem: Problem, denoise: LearnedDenoiser) -> Problem:
    """Return the problem of the denoised observation, which has little noise left."""
    shown = _filled(problem)
    mean = shown.mean((0, 2, 3))[:, None, None]
    stabiliser = Stabiliser(problem.noise, mean, shown.std((0, 2, 3))[:, None, None])
    stable = stabiliser(shown)
    clean = stabiliser.inverse(denoise.averaged(stable, 1.0))
    clean = clean + at_pixels(regional_means(shown - clean), shown.shape)  # bias of the root
    left = _LEFT**2 * problem.noise.variance(clean).expand_as(clean).mean((0, 2, 3))
    noise = NoiseModel(torch.zeros_like(mean), left[:, None, None], problem.noise.floor)
    return replace(problem, observation=clean, noise=noise)


class _DataStep:
    """Moves an image to where it explains the observation, up to the noise.

    Parameters
    ----------
    problem : Problem
        Observation and noise model.
    operator : Operator
        Linear operator A.
    image : (1, C, [Z,] Y, X) Tensor
        First image.

    Attributes
    ----------
    deviation : float
        Standard deviation of the first image.
    noise : float
        Standard deviation of the noise of the observation, on average.
    """

    def __init__(self, problem: Problem, operator: Operator, image: Tensor) -> None:
        self._problem, self._operator = problem, operator
        self._valid = problem.valid.float()
        with torch.enable_grad():
            self._input = torch.zeros_like(image).requires_grad_()
            self._output = operator(self._input)
        self.deviation = max(float(image.std()), 1e-6)
        self._least = (_EXACT * self.deviation) ** 2
        variance = problem.noise.variance(operator(image)).expand_as(self._valid)
        self.noise = float(weighted_mean(variance, self._valid)) ** 0.5

    def __call__(self, image: Tensor, level: float) -> Tensor:
        """Return argmin |A x - y|^2 / v + w |x - image|^2 / level^2, with noise variance v."""
        variance = self._problem.noise.weighting_variance(self._operator(image))
        weights = self._valid / variance.clamp(min=self._least)
        rest = weights * (self._problem.observation - self._operator(image))
        return image + self._solve(self._adjoint(rest), weights, _WEIGHT / level**2)

    def _solve(self, right: Tensor, weights: Tensor, damping: float) -> Tensor:
        """Return an approximate solution d of (A^T W A + damping) d = right."""
        solution, direction, rest = torch.zeros_like(right), right, right
        power = rest.square().sum()
        for _ in range(_STEPS):
            if not power:
                break
            turned = self._adjoint(weights * self._operator(direction)) + damping * direction
            length = power / (direction * turned).sum()
            solution = solution + length * direction
            rest = rest - length * turned
            before, power = power, rest.square().sum()
            direction = rest + power / before * direction
        return solution

    def _adjoint(self, values: Tensor) -> Tensor:
        """Return A^T v, the gradient of A x v."""
        (gradient,) = torch.autograd.grad(self._output, self._input, values, retain_graph=True)
        return gradient
