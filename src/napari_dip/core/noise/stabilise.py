"""Stabiliser: maps intensities to a scale on which the noise has a standard deviation of 1."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor

if TYPE_CHECKING:
    from napari_dip.core.noise.model import NoiseModel

# Photon noise whose gain is below this share of the standard deviation counts as Gaussian noise.
_FLAT = 0.01
# So does noise whose variance rises by less than this share over the spread of the intensities:
# there the line of the variance is measured by chance, and a wrong one does harm.
_RISE = 0.1
# Photon counts of the table of moments: with more photons the transform is exact.
_COUNTS = np.concatenate([[0.0], np.geomspace(0.02, 60, 80)])
_EVENTS = np.arange(140)
# Values of the read noise, in standard deviations. Gauss-Hermite nodes would converge slowly,
# because the transform has a kink at black.
_NODES = np.linspace(-4, 4, 65)
_LEAST_DEVIATION = 0.03

# Arrays give arrays, and tensors give tensors.
Values = TypeVar("Values", NDArray[Any], Tensor)


def anscombe(values: Values, slope: float | Values, intercept: float | Values) -> Values:
    """Return the generalised Anscombe transform, on whose scale the noise has a deviation of 1.

    Parameters
    ----------
    values : (...) array or Tensor
        Intensities whose noise has the variance `slope` x intensity + `intercept`.
    slope, intercept : float, or as `values`
        Line of the variance over intensity; the slope is positive.

    Returns
    -------
    (...) array or Tensor
        Intensities in standard deviations of the noise.

    References
    ----------
    M. Mäkitalo, A. Foi, "Optimal inversion of the generalized Anscombe transformation for
    Poisson-Gaussian noise", IEEE TIP 22 (2013) 91.

    Examples
    --------
    >>> photons = np.random.default_rng(0).poisson(50.0, 10_000)
    >>> bool(abs(anscombe(photons, 1.0, 0.0).std() - 1) < 0.05)
    True
    """
    squares = slope * values + 0.375 * slope**2 + intercept
    return 2 / slope * squares.clip(min=0) ** 0.5


class Stabiliser:
    """The generalised Anscombe transform of a noise model.

    Parameters
    ----------
    noise : NoiseModel
        Noise of each channel.
    mean : float or (C, 1, 1) Tensor
        Mean intensity, at which noise that hardly depends on the intensity is measured.
    spread : float or (C, 1, 1) Tensor
        Standard deviation of the intensities without noise; infinite by default.

    Examples
    --------
    >>> from napari_dip.core.noise.model import NoiseModel
    >>> gain, nothing = torch.full((1, 1, 1), 0.01), torch.zeros(1, 1, 1)
    >>> stabiliser = Stabiliser(NoiseModel(gain, nothing, nothing), mean=0.5)
    >>> photons = torch.distributions.Poisson(torch.full((1, 1, 64, 64), 50.0)).sample()
    >>> bool((stabiliser(0.01 * photons).std() - 1).abs() < 0.1)
    True
    """

    def __init__(
        self, noise: NoiseModel, mean: float | Tensor, spread: float | Tensor = math.inf
    ) -> None:
        slope, intercept = torch.as_tensor(noise.slope), torch.as_tensor(noise.intercept)
        variance = (slope * mean + intercept).clamp(min=torch.as_tensor(noise.floor))
        self._deviation = variance.sqrt().clamp(min=1e-12)
        rises = (slope > _FLAT * self._deviation) & (slope * spread > _RISE * variance)
        self._flat = ~rises
        self._slope = torch.where(self._flat, torch.ones_like(slope), slope)
        self._intercept = intercept

    def __call__(self, values: Tensor) -> Tensor:
        """Return intensities (N, C, Y, X) on the stabilised scale."""
        curved = anscombe(values, self._slope, self._intercept)
        return torch.where(self._flat, values / self._deviation, curved)

    def inverse(self, stable: Tensor) -> Tensor:
        """Return the intensities of stabilised values (N, C, Y, X)."""
        roots = stable.clamp(min=0) * self._slope / 2
        curved = (roots**2 - 0.375 * self._slope**2 - self._intercept) / self._slope
        return torch.where(self._flat, stable * self._deviation, curved)

    def moments(self, intensities: Tensor) -> tuple[Tensor, Tensor]:
        """Return bias and standard deviation of stabilised noisy values at few photons.

        Parameters
        ----------
        intensities : (1, C, Y, X) Tensor
            Approximate intensities without noise.

        Returns
        -------
        bias, deviation : (1, C, Y, X) Tensor
            Mean of the stabilised noisy values minus the stabilised intensity, and their
            standard deviation, which is below 1 at few photons.
        """
        bias, deviation = torch.zeros_like(intensities), torch.ones_like(intensities)
        flat, slopes, intercepts = (
            values.expand(intensities.shape[1], 1, 1).flatten().tolist()
            for values in (self._flat, self._slope, self._intercept)
        )
        for channel, plane in enumerate(intensities[0].cpu().numpy()):
            if flat[channel]:
                continue
            table = _table(slopes[channel], intercepts[channel])
            for moment, column in zip((bias, deviation), table[1:], strict=True):
                values = np.interp(plane, table[0], column).astype(np.float32)
                moment[0, channel] = torch.from_numpy(values).to(moment.device)
        return bias, deviation


def _table(slope: float, intercept: float) -> NDArray[np.float64]:
    """Return intensities, and bias and deviation of stabilised values there, (3, K).

    Photons are Poisson distributed, and a positive intercept is the variance of Gaussian noise.
    """
    dark = max(-intercept, 0.0) / slope  # intensity without any photon
    read_noise = max(intercept, 0.0) ** 0.5
    noisy = dark + slope * _EVENTS[:, None] + read_noise * _NODES
    outcomes = anscombe(noisy, slope, intercept)
    shares = stats.norm.pdf(_NODES) / stats.norm.pdf(_NODES).sum()
    chances = stats.poisson.pmf(_EVENTS, _COUNTS[:, None])
    mean, square = (chances @ (values @ shares) for values in (outcomes, outcomes**2))
    variance = square - mean**2
    intensities = dark + slope * _COUNTS
    deviation = np.sqrt(np.maximum(variance, _LEAST_DEVIATION**2))
    bias = mean - anscombe(intensities, slope, intercept)
    table = np.stack([intensities, bias, deviation])
    table[1:, -1] = 0, 1  # continued beyond the last count
    return table
