"""Risk: the error to be expected of an estimate, told by the spectrum of the noise."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from napari_dip.core.problem import Problem

# Rings that frequencies are divided into, from zero to the corners.
_RINGS = 24
# Where an image has no more than so many times the power that noise has in the mean, it is
# noise; so have 98% of the frequencies that are.
_QUIET = 4.0


class Sure:
    """Mean squared error of an estimate in units of the noise's variance, but for a constant.

    Parameters
    ----------
    problem : Problem
        A picture and its noise, whose grain is known.

    Notes
    -----
    Stein's unbiased risk estimate, R - N + 2 h N, asks for the share h of the
    noise N that the estimate x of y follows; R is what is left of y. Frequencies
    of about the same height are treated alike, and N is the spectrum of white
    noise blurred by the grain. Structure is followed before noise, so that h is
    told by those frequencies alone where y is hardly more than noise: it leaves
    (1 - h)^2 of their power. Where there are none, all is structure, and followed.

    References
    ----------
    C. M. Stein, "Estimation of the mean of a multivariate normal
    distribution", Annals of Statistics 9 (1981).
    """

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        observation = problem.observation
        size, device = observation.shape[-2:], observation.device
        along = [torch.fft.fftfreq(n, device=device) for n in size]
        squared = along[0][:, None] ** 2 + along[1] ** 2
        rings = (squared.sqrt() / math.sqrt(0.5) * _RINGS).long().clamp(max=_RINGS - 1)
        self._rings = rings.flatten()
        variance = problem.noise.variance(observation).mean()
        grain = torch.exp(-((2 * math.pi * problem.noise.grain) ** 2) * squared)
        self._noise = variance * grain / grain.mean()
        self._noise_sums = self._sums(self._noise)

    @torch.no_grad()
    def __call__(self, average: Tensor) -> float:
        """Return the risk of an estimate (1, C, [Z,] Y, X)."""
        fitted = self._problem.operator(average)
        observed = torch.where(self._problem.valid, self._problem.observation, fitted)
        seen, taken = self._power(observed), self._power(observed - fitted)
        quiet = seen < _QUIET * self._noise
        left = self._sums(taken * quiet) / self._sums(seen * quiet).clamp(min=1e-20)
        followed = (1 - left.sqrt()).clamp(min=0)
        risk = self._sums(taken) + (2 * followed - 1) * self._noise_sums
        return float(risk.sum() / self._noise_sums.sum())

    def _power(self, picture: Tensor) -> Tensor:
        """Return the power of the frequencies, of the mean over channels and planes, (Y, X)."""
        level = picture.mean((-2, -1), keepdim=True)
        power: Tensor = torch.fft.fft2(picture - level, norm="ortho").abs().square()
        return power.flatten(0, -3).mean(dim=0)

    def _sums(self, power: Tensor) -> Tensor:
        """Return the power of the rings, (24,)."""
        sums = torch.zeros(_RINGS, dtype=power.dtype, device=power.device)
        return sums.index_add(0, self._rings, power.flatten())
