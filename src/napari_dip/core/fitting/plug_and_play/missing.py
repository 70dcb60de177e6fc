"""Missing pixels: plug and play, or the smoothest surface where that predicts pixels better."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from napari_dip.core.fitting.plug_and_play.alternation import Step, alternate, filled
from napari_dip.core.stopping.rules import StopReason

if TYPE_CHECKING:
    from napari_dip.core.latents.denoiser import LearnedDenoiser
    from napari_dip.core.problem import Problem

# Share of the known pixels that is held out, and the smallest number that can decide.
_SHARE, _FEWEST = 0.1, 50
# Smallest noise relative to the standard deviation of the image; less is as good as none.
_LEAST_NOISE = 0.01
# Variance of pixels that count as exact [network units].
_EXACT = 1e-8


class Filling(NamedTuple):
    """Images that fill missing pixels.

    Attributes
    ----------
    steps : iterator of Step
        Images of the iterations.
    iterations : int
        Their number.
    reason : StopReason
        Reason for which no more follow.
    """

    steps: Iterator[Step]
    iterations: int
    reason: StopReason


def fill(
    problem: Problem,
    denoise: LearnedDenoiser,
    iterations: int,
    *,
    noise_is_known: bool,
    seed: int = 0,
    ended: Callable[[], bool] = lambda: False,
) -> Filling:
    """Return the images that fill missing pixels, and their number.

    A tenth of the known pixels is held out. The method that predicts them best fills the
    missing pixels: plug and play with the measured noise, plug and play with exact pixels, or
    the smoothest surface through the known pixels. Texture between few known pixels looks like
    noise, so measured noise is uncertain. With exact pixels it ends after the iteration that
    predicts the held-out pixels best.

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
    Filling
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
    >>> filling = fill(problem, denoise, 4, noise_is_known=False)
    >>> len(list(filling.steps)) == filling.iterations
    True
    """
    surface = filled(problem)
    if problem.valid.all():
        return _alone(surface)
    choices = [problem]
    if not noise_is_known and _has_noise(problem, surface):
        choices.append(_exact(problem))
    random = torch.Generator(surface.device).manual_seed(seed)
    drawn = torch.rand(surface[:1, :1].shape, generator=random, device=surface.device)
    heldout = problem.valid & (drawn < _SHARE)
    chosen: Problem | None = choices[-1]
    count = iterations
    if int(heldout.sum()) >= _FEWEST:

        def error(estimate: Tensor) -> float:
            return float((estimate - problem.observation)[heldout].square().mean())

        rest = problem.valid & ~heldout
        least, chosen = error(filled(replace(problem, valid=rest))), None
        for choice in choices:
            part = replace(choice, valid=rest)
            errors, last = [], None
            for step in alternate(part, part.operator, denoise, iterations):
                if ended():
                    return _alone(surface)
                errors.append(error(step.estimate))
                last = step
            assert last is not None
            found = error(last.finished(denoise))
            if found < least:
                least, chosen = found, choice
                # An image with the noise of known pixels loses it at the last levels.
                count = iterations if last.is_noisy else int(np.argmin(errors)) + 1
    if chosen is None:
        return _alone(surface)
    steps = islice(alternate(chosen, chosen.operator, denoise, iterations), count)
    reason = StopReason.MAX_ITERATIONS if count == iterations else StopReason.HELD_OUT_MINIMUM
    return Filling(steps, count, reason)


def _alone(image: Tensor) -> Filling:
    step = Step(image, image, 0.0, is_noisy=False)
    return Filling(iter([step]), 1, StopReason.MAX_ITERATIONS)


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
