"""Sure: Stein's unbiased risk estimate, the expected error for noise of known spectrum."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from napari_dip.core.problem import Problem

# Number of rings that the frequencies are divided into, from zero to the corners.
_RINGS = 24
# A frequency counts as noise if its power is below this multiple of the mean power of the
# noise; that holds for 98% of the frequencies that are noise.
_QUIET = 4.0


class Sure:
    """Mean squared error of an estimate in units of the noise variance, up to a constant.

    Parameters
    ----------
    problem : Problem
        Observation, and noise model with a known grain.

    Notes
    -----
    The risk is R - N + 2 h N: R is the power of the residual, N the power of the noise, and h
    the share of the noise that the estimate has fitted. It is computed in rings of frequencies.
    N is the spectrum of white noise blurred by the grain. A fit learns structure before noise,
    so h is measured at those frequencies only at which the observation is hardly more than
    noise: there the residual has the share (1 - h)^2 of the observation's power. A ring without
    such frequencies is all structure, and h is 1.

    References
    ----------
    C. M. Stein, "Estimation of the mean of a multivariate normal
    distribution", Annals of Statistics 9 (1981).
    """

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        observation = problem.observation
        size, device = observation.shape[-2:], observation.device
        frequencies = [torch.fft.fftfreq(n, device=device) for n in size]
        squared = frequencies[0][:, None] ** 2 + frequencies[1] ** 2
        rings = (squared.sqrt() / math.sqrt(0.5) * _RINGS).long().clamp(max=_RINGS - 1)
        self._rings = rings.flatten()
        variance = problem.noise.variance(observation).mean()
        grain = torch.exp(-((2 * math.pi * problem.noise.grain) ** 2) * squared)
        self._noise = variance * grain / grain.mean()
        self._noise_sums = self._sums(self._noise)

    @torch.no_grad()
    def __call__(self, average: Tensor) -> float:
        """Return the risk of an estimate (1, C, [Z,] Y, X)."""
        prediction = self._problem.operator(average)
        observed = torch.where(self._problem.valid, self._problem.observation, prediction)
        power, residual = self._power(observed), self._power(observed - prediction)
        quiet = power < _QUIET * self._noise
        left = self._sums(residual * quiet) / self._sums(power * quiet).clamp(min=1e-20)
        fitted = (1 - left.sqrt()).clamp(min=0)
        risk = self._sums(residual) + (2 * fitted - 1) * self._noise_sums
        return float(risk.sum() / self._noise_sums.sum())

    def _power(self, picture: Tensor) -> Tensor:
        """Return the power spectrum (Y, X), averaged over channels and planes."""
        mean = picture.mean((-2, -1), keepdim=True)
        power: Tensor = torch.fft.fft2(picture - mean, norm="ortho").abs().square()
        return power.flatten(0, -3).mean(dim=0)

    def _sums(self, power: Tensor) -> Tensor:
        """Return the power of each ring, (24,)."""
        sums = torch.zeros(_RINGS, dtype=power.dtype, device=power.device)
        return sums.index_add(0, self._rings, power.flatten())
