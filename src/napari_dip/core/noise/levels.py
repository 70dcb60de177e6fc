"""Noise floor: the variance of white noise, by intensity, where structure has the least power."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from napari_dip.core.image.image import finite_mask
from napari_dip.core.noise.clipped_noise import unclipped_variance

# Side of the patches [pixels], and how many of them the next smaller side needs.
_SIDES = ((7, 2000), (5, 600), (3, 100))
_MOST_PATCHES = 120_000
# Patches are grouped by their mean intensity, at least so many in a group.
_LEVELS, _FEWEST_IN_LEVEL = 24, 800
# This share of a normal distribution lies within half a standard deviation of its mean.
# Texture, which is in the tails, hardly moves that quantile.
_QUANTILE, _DEVIATIONS = 0.3829, 0.5
# This part of the relative rise from the smallest to the fourth eigenvalue is texture in the
# smallest; at least this part of the smallest is noise.
_RISING, _LEAST_WHITE = 0.5, 0.1
# Smaller eigenvalues than this share of the largest are rounding.
_RELATIVE_ROUNDING = 1e-15
# Sums of few photons have no normal distribution: above this share of pixels at the darkest
# value the variance is a mean of squares.
_FEW_PHOTONS = 0.5
# The relative standard deviation of the variance of n overlapping patches is this over
# sqrt(n). A level that many deviations above the line holds texture and is left out of the
# next fit.
_CHANCE, _TEXTURED = 5.0, 2.5
_FITS, _FEWEST_LEVELS = 4, 6
# A slope needs levels over this part of the range of intensities.
_LEAST_WIDTH = 0.4
# A brightest value with this share of the pixels means saturation; the noise of patches
# whose mean is fewer standard deviations below is clipped.
_SATURATED, _BELOW_SATURATION = 1e-3, 3.0


class NoiseLevels(NamedTuple):
    """The noise of some planes, by intensity.

    Attributes
    ----------
    intensity : (L,) array
        Mean intensity of each level, ascending.
    variance : (L,) array
        Variance of the noise there.
    patches : int
        Patches in a level.
    """

    intensity: NDArray[np.float64]
    variance: NDArray[np.float64]
    patches: int


class NoiseLine(NamedTuple):
    """The line variance = slope * intensity + intercept, and its relative standard error."""

    slope: float
    intercept: float
    error: float


def measure_levels(planes: NDArray[Any]) -> NoiseLevels | None:
    """Return the variance of white noise at each level of intensity.

    Parameters
    ----------
    planes : (P, Y, X) array
        Patches with values that are not finite, constant patches and saturated ones are
        left out.

    Returns
    -------
    NoiseLevels or None
        None where there are too few patches.

    Notes
    -----
    White noise has the same variance along every direction of the space of patches,
    structure has little along some. The eigenvector of the smallest eigenvalue of the
    covariance of all patches is therefore the filter that sees the noise and the least
    structure. What it sees is read at a low quantile, level by level. Of white noise the
    next eigenvalues are as small; where they rise, texture has power at the smallest too,
    and half of the relative rise is subtracted. The smallest of several eigenvalues is too
    small by chance; that bias is measured on white noise.

    References
    ----------
    S. Pyatykh, J. Hesser, L. Zheng, "Image noise level estimation by principal component
    analysis", IEEE TIP 22 (2013).

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(0, 3, (1, 128, 128))
    >>> bool(abs(measure_levels(noise).variance.mean() - 9) < 0.5)
    True
    """
    for side, fewest in _SIDES:
        patches = _patches(planes, side)
        if len(patches) >= fewest:
            break
    else:
        return None
    means = patches.mean(axis=1)
    quietest, rise = _quietest(patches)
    details = np.abs((patches - means[:, None]) @ quietest)
    bias, usual_rise = _of_white_noise(side, len(patches))
    white = np.clip(1 - _RISING * (rise / usual_rise - 1), _LEAST_WHITE, 1)
    count = int(np.clip(len(means) // _FEWEST_IN_LEVEL, 1, _LEVELS))
    ends = np.arange(1, count) * len(means) // count
    groups = np.split(np.argpartition(means, ends), ends)
    sparse = np.mean(planes == np.nanmin(planes)) > _FEW_PHOTONS
    variance = _mean_square if sparse else _quantile_variance
    intensity = np.array([means[group].mean() for group in groups])
    found = np.array([variance(details[group]) for group in groups]) * white / bias
    black, step, shares = _black(patches)
    share = np.array([shares[group].mean() for group in groups])
    found = unclipped_variance(intensity - black, found, share, step)
    return NoiseLevels(intensity, found, len(means) // count)


def fit_line(levels: NoiseLevels, *, every_level: bool = False) -> NoiseLine:
    """Fit a line to the noise of all levels but those that hold texture.

    Parameters
    ----------
    levels : NoiseLevels
        Intensity and variance of each level.
    every_level : bool
        Leave out none.

    Notes
    -----
    Texture only ever adds to the variance of a level, so levels far above the line are left
    out and the line is fitted again. Weights are those of a relative error.
    """
    intensity, variance, patches = levels
    highest = 1 + _TEXTURED * _CHANCE / np.sqrt(patches)
    mean = float(variance.mean())
    used = np.ones(len(variance), dtype=bool)
    slope, intercept = 0.0, mean
    for _ in range(_FITS):
        weights = 1 / (variance[used] + 0.1 * mean + np.finfo(np.float64).tiny)
        # Levels in a narrow range of intensities show no slope.
        width = max(_LEAST_WIDTH * np.ptp(intensity), 1e-9 * np.abs(intensity).max())
        flat = np.ptp(intensity[used]) <= width
        if not flat and len(weights) > 1:
            line = np.polyfit(intensity[used], variance[used], 1, w=weights)
            slope, intercept = map(float, line)
        if flat or slope <= 0:
            slope, intercept = 0.0, float(np.average(variance[used], weights=weights**2))
        expected = np.maximum(slope * intensity + intercept, 0.05 * mean)
        smooth = variance <= highest * expected
        if every_level or smooth.sum() < _FEWEST_LEVELS or (smooth == used).all():
            break
        used = smooth
    expected = np.maximum(slope * intensity + intercept, 0.05 * mean)[used]
    scatter = np.std(variance[used] / np.maximum(expected, np.finfo(np.float64).tiny))
    return NoiseLine(slope, intercept, float(scatter / np.sqrt(used.sum())))


def _patches(planes: NDArray[Any], side: int) -> NDArray[np.float64]:
    """Return patches with noise in them, (N, side * side), spread over all planes."""
    if min(planes.shape[-2:]) < side:
        return np.empty((0, side * side))
    step = max(1, int(np.ceil(np.sqrt(planes.size / _MOST_PATCHES))))
    windows = sliding_window_view(planes, (side, side), axis=(-2, -1))[:, ::step, ::step]
    patches = windows.reshape(-1, side * side).astype(np.float64)
    patches = patches[finite_mask(patches).all(axis=1)]
    if not len(patches):
        return patches
    brightest = patches.max()
    kept = np.ptp(patches, axis=1) > 0
    if np.mean(patches == brightest) > _SATURATED:
        kept &= patches.mean(axis=1) + _BELOW_SATURATION * patches.std(axis=1) < brightest
    return patches[kept] if kept.any() else patches[:0]


def _black(patches: NDArray[np.float64]) -> tuple[float, float, NDArray[np.float64]]:
    """Return the darkest value, the step to the next one and the share of it in each patch."""
    black = patches.min()
    dark = patches == black
    step = np.min(patches, initial=np.inf, where=~dark) - black
    return float(black), float(step), dark.mean(axis=1)


def _quietest(patches: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Return the unit vector, without a mean, along which patches vary least.

    The second value is the variance along the fourth such vector over that along the first.
    """
    centred = patches - patches.mean(axis=1, keepdims=True)
    variances, vectors = np.linalg.eigh(centred.T @ centred)
    smallest = max(variances[1], _RELATIVE_ROUNDING * variances[-1], np.finfo(np.float64).tiny)
    # The very first is the mean, which was subtracted.
    return vectors[:, 1], float(variances[4] / smallest)


def _quantile_variance(details: NDArray[np.float64]) -> float:
    return float((np.quantile(details, _QUANTILE) / _DEVIATIONS) ** 2)


def _mean_square(details: NDArray[np.float64]) -> float:
    return float(np.mean(details**2))


def _of_white_noise(side: int, count: int) -> tuple[float, float]:
    """Return the smallest variance of about so many patches of white noise, and its rise."""
    return _of_white_square(side, int(np.ceil(np.sqrt(count) / 16)) * 16)


@lru_cache
def _of_white_square(side: int, width: int) -> tuple[float, float]:
    noise = np.random.default_rng(0).normal(size=(1, width + side - 1, width + side - 1))
    patches = _patches(noise, side)
    quietest, rise = _quietest(patches)
    return _mean_square((patches - patches.mean(axis=1, keepdims=True)) @ quietest), rise
