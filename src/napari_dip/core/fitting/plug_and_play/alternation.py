"""Alternation: a denoiser and the observation in turn, at falling noise levels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from napari_dip.core.image.infill import mean_of_neighbours, smoothest_surface
from napari_dip.core.latents.augment import FLIPS
from napari_dip.core.latents.denoiser import falling_level
from napari_dip.core.operators.base import Identity
from napari_dip.core.stopping.evaluation import weighted_mean

if TYPE_CHECKING:
    from napari_dip.core.latents.denoiser import LearnedDenoiser
    from napari_dip.core.operators.base import Operator
    from napari_dip.core.problem import Problem

# First and last noise level, relative to the standard deviation of the image; the first is higher
# the fewer values were observed for each pixel. With noise, the level does not fall below this
# share of its standard deviation.
_FIRST, _LAST, _FLOOR = 0.5, 0.03, 0.8
# Last noise level where pixels are missing: known pixels are exact, not means of several.
_LAST_OF_MISSING = 0.01
# Conjugate-gradient steps of the first surface through the known pixels.
_SETTLE = 300
# Factor of each change that the denoiser proposes; a larger one needs fewer iterations.
_RELAXATION = 1.5
# Weight of the denoised image beside the observation.
_WEIGHT = 0.25
# Conjugate-gradient steps of an iteration, and noise that an exact observation counts as having,
# relative to the standard deviation of the image, so that they converge.
_STEPS, _EXACT = 8, 1e-3


class Step(NamedTuple):
    """Images of one iteration.

    Attributes
    ----------
    image : (1, C, [Z,] Y, X) Tensor
        Image that explains the observation.
    denoised : (1, C, [Z,] Y, X) Tensor
        Denoised image of this iteration.
    level : float
        Noise level of the denoiser.
    is_noisy : bool
        Whether the image has the noise of the observation, so that the denoised one is better.
    """

    image: Tensor
    denoised: Tensor
    level: float
    is_noisy: bool

    @property
    def estimate(self) -> Tensor:
        """Image of this iteration to show, (1, C, [Z,] Y, X)."""
        return self.denoised if self.is_noisy else self.image

    def finished(self, denoise: LearnedDenoiser) -> Tensor:
        """Return the image of the last iteration, denoised in all orientations if it is noisy."""
        if not self.is_noisy:
            return self.image
        return denoise.averaged(self.image, self.level)


@torch.no_grad()
def alternate(
    problem: Problem, operator: Operator, denoise: LearnedDenoiser, iterations: int
) -> Iterator[Step]:
    """Yield the images of each iteration; see `plug_and_play`.

    Parameters
    ----------
    problem : Problem
        Observation and noise model.
    operator : Operator
        Linear operator of the problem.
    denoise : LearnedDenoiser
        Denoiser of the image.
    iterations : int
        Number of noise levels.
    """
    image = operator.lift(filled(problem))
    explain = DataStep(problem, operator, image)
    deviation, noise = explain.deviation, explain.noise
    last = _LAST_OF_MISSING if isinstance(operator, Identity) else _LAST
    first = _FIRST * (image.numel() / problem.observation.numel()) ** 0.5
    for iteration in range(1, iterations + 1):
        planned = falling_level(deviation, first, last, iteration - 1, iterations)
        level = max(planned, _FLOOR * noise)
        denoised = denoise(image, level, FLIPS[iteration % len(FLIPS)])
        image = explain(image + _RELAXATION * (denoised - image), level)
        yield Step(image, denoised, level, level > planned)


def filled(problem: Problem) -> Tensor:
    """Return the observation with the smoothest surface at missing pixels."""
    if problem.valid.all():
        return problem.observation
    valid = problem.valid.float()
    guess = mean_of_neighbours(problem.observation, valid)
    return smoothest_surface(problem.observation, valid, guess, _SETTLE)


class DataStep:
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
