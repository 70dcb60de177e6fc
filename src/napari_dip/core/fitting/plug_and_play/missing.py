"""Missing pixels: plug and play, or the smoothest surface where that predicts pixels better."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from napari_dip.core.fitting.plug_and_play.alternation import Step, alternate, filled

if TYPE_CHECKING:
    from napari_dip.core.latents.denoiser import LearnedDenoiser
    from napari_dip.core.problem import Problem

# Share of the known pixels that is held out, and the smallest number that can decide.
_SHARE, _FEWEST = 0.1, 50
# Smallest noise relative to the standard deviation of the image; less is as good as none.
_LEAST_NOISE = 0.01
# Variance of pixels that count as exact [network units].
_EXACT = 1e-8


def fill(
    problem: Problem,
    denoise: LearnedDenoiser,
    iterations: int,
    *,
    noise_is_known: bool,
    seed: int = 0,
    ended: Callable[[], bool] = lambda: False,
) -> tuple[Iterator[Step], int]:
    """Return the images that fill missing pixels, and their number.

    A tenth of the known pixels is held out. The method that predicts them best fills the
    missing pixels: plug and play with the measured noise, plug and play with exact pixels, or
    the smoothest surface through the known pixels. Texture between few known pixels looks like
    noise, so measured noise is uncertain.

    Parameters
    ----------
    problem : Problem
        Observation with missing pixels; the operator is the identity.
    denoise : LearnedDenoiser
        Denoiser of the image.
    iterations : int
        Number of noise levels.
    noise_is_known : bool
        Whether the user gave the noise, so that exact pixels are not tried.
    seed : int
        Seed of the choice of held-out pixels. Default 0.
    ended : callable
        Function that returns True to stop early; the surface is then the result.

    Returns
    -------
    (iterator of Step, int)
        One image for each iteration; a single one if no pixel is missing, or for the surface.

    Examples
    --------
    >>> from napari_dip.core.noise.model import NoiseModel
    >>> from napari_dip.core.problem import make_problem
    >>> from napari_dip.core.latents.denoiser import LearnedDenoiser
    >>> cpu = torch.device("cpu")
    >>> bright = torch.ones(1, 32, 32).numpy()
    >>> bright[:, 8:20] = 5.0
    >>> known = bright > 0
    >>> known[:, ::3, ::2] = False
    >>> problem = make_problem(bright, known, [NoiseModel(0.0, 1e-8, 1e-8)], (0, 6), cpu)
    >>> denoise = LearnedDenoiser(1, volumes=False, device=cpu)
    >>> steps, count = fill(problem, denoise, 4, noise_is_known=False)
    >>> len(list(steps)) == count
    True
    """
    surface = filled(problem)
    if problem.valid.all():
        return _alone(surface), 1
    choices = [problem]
    if not noise_is_known and _has_noise(problem, surface):
        choices.append(_exact(problem))
    random = torch.Generator(surface.device).manual_seed(seed)
    drawn = torch.rand(surface[:1, :1].shape, generator=random, device=surface.device)
    heldout = problem.valid & (drawn < _SHARE)
    chosen: Problem | None = choices[-1]
    if int(heldout.sum()) >= _FEWEST:

        def error(estimate: Tensor) -> float:
            return float((estimate - problem.observation)[heldout].square().mean())

        rest = problem.valid & ~heldout
        least, chosen = error(filled(replace(problem, valid=rest))), None
        for choice in choices:
            part = replace(choice, valid=rest)
            step = _last(alternate(part, part.operator, denoise, iterations), ended)
            if step is None:
                return _alone(surface), 1
            found = error(step.finished(denoise))
            if found < least:
                least, chosen = found, choice
    if chosen is None:
        return _alone(surface), 1
    return alternate(chosen, chosen.operator, denoise, iterations), iterations


def _last(steps: Iterator[Step], ended: Callable[[], bool]) -> Step | None:
    """Return the last step, or None if it was ended before."""
    step = next(steps)
    while not ended():
        later = next(steps, None)
        if later is None:
            return step
        step = later
    return None


def _alone(image: Tensor) -> Iterator[Step]:
    return iter([Step(image, image, 0.0, is_noisy=False)])


def _has_noise(problem: Problem, surface: Tensor) -> bool:
    variance = float(problem.noise.variance(surface).mean())
    return variance > (_LEAST_NOISE * float(surface.std())) ** 2


def _exact(problem: Problem) -> Problem:
    """Return the problem of the same pixels without noise."""
    variance = torch.full_like(problem.noise.variance(problem.observation), _EXACT)
    noise = replace(
        problem.noise, slope=0.0, intercept=variance, floor=_EXACT, equal=None, excess=None
    )
    return replace(problem, noise=noise)
