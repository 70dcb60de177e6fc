"""Noise models: how far an observation may lie from the estimate that explains it.

All of them are one family, variance = slope * intensity + intercept: Gaussian
noise has no slope, photon noise no intercept, a camera both. Laplace noise is
Gaussian noise with outliers, such as impulses.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_dip.core.correlation import (
    LAGS,
    find_grain,
    is_correlated,
    most_noise,
    noise_correlation,
    share_passed,
)
from napari_dip.core.image import mask_invalid
from napari_dip.core.report import NoiseRecord

if TYPE_CHECKING:
    from torch import Tensor

    from napari_dip.config import DipConfig
    from napari_dip.core.scaling import Scaling

# Second derivatives along both axes cancel planes and edges along an axis
# (Immerkaer 1996); noise that is white passes with its standard deviation.
_SECOND_DERIVATIVE = np.array([1, -2, 1]) / math.sqrt(6)
_LEVELS = 24
# 68.27% of a normal distribution lies within one standard deviation.
_ONE_SIGMA = 0.6827
# The darkest pixels of an image keep this share of the mean variance at least:
# a fitted line may reach zero there, and their weight infinity.
_FLOOR = 0.1
# In network units: a drawing without noise must not ask for infinite precision.
_LEAST_VARIANCE = 1e-8
# Below this rise of the variance over the image's range noise counts as Gaussian.
_FLAT = 0.5


class MeanVariance(NamedTuple):
    """The line variance = slope * intensity + intercept, on the image's scale.

    `grain` is how far the noise of neighbouring pixels is alike: the deviation of the
    Gaussian that white noise would have to be blurred by [pixels], 0 for white noise;
    `correlation` is that of next neighbours, None where nothing can be told.
    """

    slope: float
    intercept: float
    mean_variance: float
    rise: float
    grain: float = 0.0
    correlation: float | None = None


@dataclass(frozen=True, slots=True)
class NoiseModel:
    """Noise of one channel, or of each of several, in network units.

    Attributes
    ----------
    slope, intercept : float or (C, 1, 1) Tensor
        Of the variance, as a function of the noise-free intensity.
    floor : float or (C, 1, 1) Tensor
        Lower limit of the variance.
    laplace : bool
        Heavy tails: outliers count by their distance, not by its square.
    tolerance : float or (C, 1, 1) Tensor, optional
        A smaller difference is none: the observation was rounded.
    grain : float
        Deviation of the Gaussian that white noise would have to be blurred by [pixels].
    """

    slope: float | Tensor
    intercept: float | Tensor
    floor: float | Tensor
    laplace: bool = False
    tolerance: float | Tensor | None = None
    grain: float = 0.0

    def variance(self, estimate: Tensor) -> Tensor:
        """Return the noise variance at each pixel of an estimate (1, C, [Z,] Y, X).

        Where it is the same at all pixels, it is that of each channel, (C, [1,] 1, 1).
        """
        if (
            isinstance(self.slope, float)
            and self.slope == 0
            and not isinstance(self.intercept, float)
        ):
            return self.intercept.clamp(min=self.floor)
        return (self.slope * estimate + self.intercept).clamp(min=self.floor)

    def nll(self, estimate: Tensor, observation: Tensor) -> Tensor:
        """Return the negative log-likelihood of each pixel; 1 on average at truth.

        All are (1, C, [Z,] Y, X), in network units.

        Notes
        -----
        (y - x)^2 / v(x) with the variance held fixed when differentiated: its
        gradient is that of the Gaussian, the Poisson and the shifted-Poisson
        likelihood alike, and vanishes on average at the truth. For Laplace
        noise |y - x| over its mean, the standard deviation / sqrt(2). Of what
        was rounded the difference is that beyond the tolerance, 0 at truth.
        """
        if self.tolerance is not None:
            beyond = ((estimate - observation).abs() - self.tolerance).clamp(min=0)
            return beyond**2 / self.variance(estimate.detach())
        if self.laplace:
            return (estimate - observation).abs() * (2 / self.variance(estimate.detach())).sqrt()
        return (estimate - observation) ** 2 / self.variance(estimate.detach())


def noise_model(line: MeanVariance, scaling: Scaling, *, laplace: bool = False) -> NoiseModel:
    """Express a mean-variance line in network units."""
    return NoiseModel(
        slope=line.slope / scaling.gain,
        intercept=(line.slope * scaling.offset + line.intercept) / scaling.gain**2,
        floor=max(_FLOOR * line.mean_variance / scaling.gain**2, _LEAST_VARIANCE),
        laplace=laplace,
        grain=line.grain,
    )


def rounding(tolerance: float, scaling: Scaling) -> tuple[NoiseModel, NoiseRecord]:
    """Return the noise of an observation that was rounded to whole steps.

    A difference of a step beyond the tolerance counts 1.
    """
    model = NoiseModel(
        slope=0.0,
        intercept=1 / scaling.gain**2,
        floor=0.0,
        tolerance=tolerance / scaling.gain,
    )
    return model, NoiseRecord(model="uniform", sigma=1 / math.sqrt(12))


def find_noise(planes: NDArray[Any], config: DipConfig) -> tuple[MeanVariance, NoiseRecord]:
    """Estimate the noise of a channel, or take what the user knows of the camera.

    Parameters
    ----------
    planes : (P, Y, X) array
        Some planes of the channel, on the image's scale.
    config : DipConfig
        `noise`, `gain`, `read_noise` and `sigma_noise`.

    Returns
    -------
    MeanVariance
        On the image's scale.
    NoiseRecord
        For the report.
    """
    line = estimate_mean_variance(planes)
    name = config.noise
    if name == "auto":
        return _flat(line.mean_variance, line.grain), _measured(line)
    valid = planes[mask_invalid(planes)].astype(np.float64)
    if name in ("gaussian", "laplace"):
        variance = config.sigma_noise**2 if config.sigma_noise else line.mean_variance
        return _flat(variance, line.grain), NoiseRecord(model=name, sigma=float(np.sqrt(variance)))
    slope, intercept = line.slope, line.intercept
    mean = float(valid.mean()) if valid.size else 0.0
    if name == "poisson":
        level = mean
        slope = line.mean_variance / level if level > 0 else line.slope
        intercept = 0.0
    if config.gain is not None:
        slope = config.gain
    if config.read_noise is not None:
        intercept = config.read_noise**2
    mean_variance = max(slope * mean + intercept, line.mean_variance * _FLOOR)
    return MeanVariance(slope, intercept, mean_variance, line.rise, line.grain), NoiseRecord(
        model=name,
        sigma=float(np.sqrt(mean_variance)),
        gain=float(slope),
        read_noise=float(np.sqrt(max(intercept, 0.0))),
        weighted=True,
    )


def _flat(variance: float, grain: float = 0.0) -> MeanVariance:
    return MeanVariance(0.0, variance, variance, 0.0, grain)


def _measured(line: MeanVariance) -> NoiseRecord:
    """Describe noise that was measured and, by "auto", fitted with equal weights.

    Equal weights: on real fluorescence pairs a fit weighted by the measured
    variance was slower and ended lower (docs/performance.md).
    """
    sigma = float(np.sqrt(line.mean_variance))
    if line.rise <= _FLAT:
        return NoiseRecord(model="gaussian", sigma=sigma, correlation=line.correlation)
    return NoiseRecord(
        model="poisson-gaussian",
        sigma=sigma,
        gain=line.slope,
        read_noise=float(np.sqrt(max(line.intercept, 0.0))),
        correlation=line.correlation,
    )


def estimate_mean_variance(planes: NDArray[Any]) -> MeanVariance:
    """Fit variance = slope * intensity + intercept to the finest details of some planes.

    Parameters
    ----------
    planes : (P, Y, X) array
        Values that are not finite are left out, with their neighbours.

    Notes
    -----
    Pixels are grouped by their local mean into levels of equal size; the
    variance of a level is read at the 68% quantile of the absolute second
    derivative, which edges and texture in the tail do not move. Noise with a grain
    of more than a pixel is missing from the finest details: then derivatives reach
    further, and what they miss follows from how it changes with their reach.

    References
    ----------
    J. Immerkaer, "Fast noise variance estimation", CVIU 64 (1996).
    A. Foi et al., "Practical Poissonian-Gaussian noise modeling and fitting
    for single-image raw-data", IEEE TIP 17 (2008).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> photons = rng.poisson(np.tile(np.linspace(5, 50, 256), (1, 256, 1)))
    >>> bool(abs(estimate_mean_variance(2.0 * photons).slope - 2.0) < 0.3)
    True
    """
    correlation = noise_correlation(planes)
    if not is_correlated(correlation, planes.shape[-2:]):
        return _fitted_line(planes, lag=1)._replace(correlation=correlation)
    near, far = (_fitted_line(planes, lag) for lag in LAGS)
    grain = find_grain(math.sqrt(near.mean_variance / far.mean_variance))
    mean_variance = far.mean_variance / share_passed(grain, LAGS[1]) ** 2
    mean_variance = min(mean_variance, most_noise(planes, grain))
    scale = mean_variance / far.mean_variance
    slope, intercept = far.slope * scale, far.intercept * scale
    return MeanVariance(slope, intercept, mean_variance, far.rise, grain, correlation)


def _fitted_line(planes: NDArray[Any], lag: int) -> MeanVariance:
    """Fit the line to what passes second derivatives over a lag [pixels]."""
    means, details = _levels(planes, lag)
    if details.size < _LEVELS:  # too small an image to say more than its spread
        valid = planes[mask_invalid(planes)].astype(np.float64)
        return _flat(float(valid.var()) or 1.0 if valid.size else 1.0)
    ends = np.arange(1, _LEVELS) * details.size // _LEVELS
    groups = np.split(np.argpartition(means, ends), ends)
    level = np.array([means[group].mean() for group in groups])
    variance_of = np.array([np.quantile(details[group], _ONE_SIGMA) ** 2 for group in groups])
    mean_variance = max(float(variance_of.mean()), float(np.finfo(np.float32).tiny))
    if np.ptp(level) <= 1e-9 * np.abs(level).max():  # no more than rounding
        return _flat(mean_variance)
    # Weights: the deviation of a variance is proportional to it.
    weights = 1 / (variance_of + 0.1 * mean_variance)
    slope, intercept = (float(value) for value in np.polyfit(level, variance_of, 1, w=weights))
    if slope <= 0:
        return _flat(mean_variance)
    rise = slope * float(np.ptp(level)) / mean_variance
    return MeanVariance(slope, intercept, mean_variance, rise)


def _levels(planes: NDArray[Any], lag: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return local mean and absolute second derivative of every pixel that has neighbours."""
    kernel = np.zeros(2 * lag + 1)
    kernel[::lag] = _SECOND_DERIVATIVE
    means, details = [], []
    for plane in planes:
        valid = mask_invalid(plane)
        values = np.where(valid, plane, 0).astype(np.float64)
        inside = ndimage.minimum_filter(valid, kernel.size, mode="constant", cval=0)
        means.append(ndimage.uniform_filter(values, kernel.size)[inside])
        along_y = ndimage.convolve1d(values, kernel, axis=0)
        details.append(np.abs(ndimage.convolve1d(along_y, kernel, axis=1))[inside])
    return np.concatenate(means), np.concatenate(details)
