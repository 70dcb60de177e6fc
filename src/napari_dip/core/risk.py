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


class Risk:
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
    noise blurred by the grain. Structure being followed first, what x follows
    of y beyond the structure, Y - N, is noise; and of noise that is not
    followed all is left, so that h is 1 - sqrt(R / N) at least.

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
        self._counts = torch.bincount(self._rings, minlength=_RINGS)
        variance = problem.noise.variance(observation).mean()
        grain = torch.exp(-((2 * math.pi * problem.noise.grain) ** 2) * squared)
        self._noise = self._sums(variance * grain / grain.mean())

    @torch.no_grad()
    def __call__(self, average: Tensor) -> float:
        """Return the risk of an estimate (1, C, [Z,] Y, X)."""
        fitted = self._problem.operator(average)
        observed = torch.where(self._problem.valid, self._problem.observation, fitted)
        seen, taken, kept = map(self._spectrum, (observed, observed - fitted, fitted))
        noise = self._noise.clamp(min=1e-20)
        beyond = (seen + kept - taken) / 2 - (seen - noise)
        followed = torch.maximum(beyond / noise, 1 - (taken / noise).sqrt()).clamp(0, 1)
        return float((taken - noise + 2 * followed * noise).sum() / noise.sum())

    def _spectrum(self, picture: Tensor) -> Tensor:
        """Return the power of the rings, of the mean over channels and planes."""
        level = picture.mean((-2, -1), keepdim=True)
        power = torch.fft.fft2(picture - level, norm="ortho").abs().square()
        return self._sums(power.flatten(0, -3).mean(dim=0))

    def _sums(self, power: Tensor) -> Tensor:
        sums = torch.zeros(_RINGS, dtype=power.dtype, device=power.device)
        return sums.index_add(0, self._rings, power.flatten())
