"""Noise estimation: the noise level of a channel at each intensity, and its correlation."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_dip.core.image.image import finite_mask
from napari_dip.core.image.percentiles import percentiles
from napari_dip.core.noise.correlation import (
    correlated_levels,
    is_correlated,
    noise_correlation,
)
from napari_dip.core.noise.drawings import is_drawing
from napari_dip.core.noise.incomplete import incomplete_variance
from napari_dip.core.noise.levels import NoiseLevels, fit_line, measure_levels
from napari_dip.core.noise.model import LEAST_SHARE, MeanVariance
from napari_dip.core.records import NoiseRecord

if TYPE_CHECKING:
    from napari_dip.config import DipConfig

# Noise up to this share of the contrast is negligible. For integers the second share holds, if
# the noise is at most half a step.
_NEGLIGIBLE, _NEGLIGIBLE_STEP, _HALF_STEP = 0.005, 0.01, 0.5
_CONTRAST_PERCENTILES = (5, 95)
# Smallest variance, in squared image units: no weight is infinite.
_LEAST = float(np.finfo(np.float32).tiny)
# Largest rise of the variance over the intensity range of noise that counts as Gaussian.
_FLAT = 0.5


def find_noise(planes: NDArray[Any], config: DipConfig) -> tuple[MeanVariance, NoiseRecord]:
    """Estimate the noise of a channel; given camera parameters replace measured ones.

    Parameters
    ----------
    planes : (P, Y, X) array
        Planes of the channel, in image units.
    config : DipConfig
        Configuration with `noise`, `gain`, `read_noise` and `sigma_noise`.

    Returns
    -------
    MeanVariance
        Line of the variance over the intensity, in image units.
    NoiseRecord
        Noise for the report.
    """
    line = estimate_mean_variance(planes)
    name = config.noise
    if name == "auto":
        return line, _measured(line, planes)
    valid = planes[finite_mask(planes)].astype(np.float64)
    if name in ("gaussian", "laplace"):
        variance = config.sigma_noise**2 if config.sigma_noise else line.mean_variance
        record = NoiseRecord(
            model=name, sigma=float(np.sqrt(variance)), correlation=line.correlation
        )
        return _flat(variance, line.grain), record
    slope, intercept = line.slope, line.intercept
    mean = float(valid.mean()) if valid.size else 0.0
    if name == "poisson":
        slope = line.mean_variance / mean if mean > 0 else line.slope
        intercept = 0.0
    if config.gain is not None:
        slope = config.gain
    if config.read_noise is not None:
        intercept = config.read_noise**2
    mean_variance = max(slope * mean + intercept, line.mean_variance * LEAST_SHARE)
    return MeanVariance(slope, intercept, mean_variance, line.rise, line.grain), NoiseRecord(
        model=name,
        sigma=float(np.sqrt(mean_variance)),
        gain=float(slope),
        read_noise=float(np.sqrt(max(intercept, 0.0))),
        weighted=True,
        correlation=line.correlation,
    )


def is_negligible(line: MeanVariance, planes: NDArray[Any]) -> bool:
    """Return whether the noise of planes (P, Y, X) is too small for a fit.

    Notes
    -----
    The noise is negligible if its standard deviation is at most 0.5% of the contrast, the
    difference of the 95th and the 5th percentile. For integers it is also negligible if the
    standard deviation is at most half a step, little more than rounding, and at most 1% of the
    contrast.
    """
    valid = planes[finite_mask(planes)]
    if not valid.size or line.grain:
        return False
    low, high = percentiles(valid, _CONTRAST_PERCENTILES)
    contrast, sigma = high - low, math.sqrt(line.mean_variance)
    # Integers may be stored as floats, because pixels that are left out are NaN.
    rounded = sigma <= _HALF_STEP and bool((valid == np.round(valid)).all())
    return sigma <= contrast * (_NEGLIGIBLE_STEP if rounded else _NEGLIGIBLE)


def _flat(variance: float, grain: float = 0.0) -> MeanVariance:
    return MeanVariance(0.0, variance, variance, 0.0, grain)


def _measured(line: MeanVariance, planes: NDArray[Any]) -> NoiseRecord:
    """Return the record of measured noise, for a fit with equal weights ("auto").

    The weights are equal because on real fluorescence pairs a fit weighted by the measured
    variance was slower and less accurate (docs/performance.md).
    """
    sigma = float(np.sqrt(line.mean_variance))
    record = NoiseRecord(
        model="gaussian",
        sigma=sigma,
        sigma_error=0.5 * line.error * sigma,
        negligible=is_negligible(line, planes),
        correlation=line.correlation,
    )
    if line.rise <= _FLAT:
        return record
    read_noise = float(np.sqrt(max(line.intercept, 0.0)))
    camera = {"model": "poisson-gaussian", "gain": line.slope, "read_noise": read_noise}
    return record.model_copy(update=camera)


def estimate_mean_variance(planes: NDArray[Any]) -> MeanVariance:
    """Fit the line variance = slope * intensity + intercept to the noise of planes.

    Parameters
    ----------
    planes : (P, Y, X) array
        Planes of the channel; values that are not finite and their neighbours are left out.

    Notes
    -----
    A drawing of two values has no noise. White noise is measured by `levels.measure_levels`.
    Correlated noise has hardly any power at the frequencies used there. If flat regions show
    correlated noise, their power is measured instead (`correlation.correlated_levels`).

    References
    ----------
    A. Foi et al., "Practical Poissonian-Gaussian noise modeling and fitting
    for single-image raw-data", IEEE TIP 17 (2008).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> photons = rng.poisson(np.tile(np.linspace(5, 50, 256), (1, 256, 1)))
    >>> bool(abs(estimate_mean_variance(2.0 * photons).slope - 2.0) < 0.3)
    True
    """
    if is_drawing(planes):
        return _flat(_LEAST)
    correlation = noise_correlation(planes)
    if is_correlated(correlation, planes.shape[-2:]):
        levels, grain = correlated_levels(planes)
        return _line(levels, planes)._replace(grain=grain, correlation=correlation)
    return _line(measure_levels(planes), planes)._replace(correlation=correlation)


def _line(levels: NoiseLevels | None, planes: NDArray[Any]) -> MeanVariance:
    """Fit the line to the levels, or return the variance between few or scattered pixels.

    For a too small image it is the variance of the pixels.
    """
    if levels is None:
        known = finite_mask(planes)
        if not known.all() and (variance := incomplete_variance(planes)) is not None:
            return _flat(max(variance, _LEAST))._replace(error=1.0)
        valid = planes[known].astype(np.float64)
        spread = float(valid.var()) if valid.size else 1.0
        return _flat(spread or 1.0)._replace(error=1.0)
    slope, intercept, error = fit_line(levels)
    # The line may be negative at the darkest level.
    expected = np.maximum(slope * levels.intensity + intercept, 0.0)
    mean_variance = max(float(expected.mean()), _LEAST)
    rise = slope * float(np.ptp(levels.intensity)) / mean_variance
    return MeanVariance(slope, intercept, mean_variance, rise, error=error)
