"""Noise levels: the variance of white noise at each intensity, where structure has least power."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from napari_dip.core.image.image import finite_mask
from napari_dip.core.noise.clipped_noise import unclipped_variance

# Sides of patches [pixels], and the smallest number of patches for each side.
_SIDES = ((7, 2000), (5, 600), (3, 100))
_MOST_PATCHES = 120_000
# Patches are grouped by their mean intensity: largest number of levels, fewest patches in one.
_LEVELS, _FEWEST_IN_LEVEL = 24, 800
# This share of a normal distribution lies within half a standard deviation of its mean.
# Texture lies in the tails and hardly changes this quantile.
_QUANTILE, _DEVIATIONS = 0.3829, 0.5
# Share of the relative rise from the smallest to the fourth eigenvalue that counts as texture in
# the smallest one, and the smallest share of noise in it.
_RISING, _LEAST_WHITE = 0.5, 0.1
# Eigenvalues below this share of the largest one are rounding errors.
_RELATIVE_ROUNDING = 1e-15
# Few photons have no normal distribution: above this share of pixels at the darkest value, the
# variance is the mean square instead of a quantile.
_FEW_PHOTONS = 0.5
# The relative standard deviation of the variance of n overlapping patches is the first number
# divided by sqrt(n). A level that exceeds the line by the second number of standard deviations
# holds texture and is left out of the next fit.
_CHANCE, _TEXTURED = 5.0, 2.5
_FITS, _FEWEST_LEVELS = 4, 6
# A slope needs levels over this share of the intensity range.
_LEAST_WIDTH = 0.4
# An image is saturated if this share of its pixels has the brightest value. The noise of a patch
# is then clipped if its mean is less than this many standard deviations below that value.
_SATURATED, _BELOW_SATURATION = 1e-3, 3.0


class NoiseLevels(NamedTuple):
    """Noise of planes at each intensity level.

    Attributes
    ----------
    intensity : (L,) array
        Mean intensity of each level, ascending.
    variance : (L,) array
        Variance of the noise at each level.
    patches : int
        Number of patches in a level.
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
    """Return the variance of white noise at each intensity level.

    Parameters
    ----------
    planes : (P, Y, X) array
        Planes of the channel. Patches that are constant, saturated or not finite are left
        out.

    Returns
    -------
    NoiseLevels or None
        None if there are too few patches.

    Notes
    -----
    White noise has the same variance along all directions in the space of patches; structure
    has little variance along some of them. The eigenvector of the smallest eigenvalue of the
    covariance of all patches is therefore the filter that passes noise and the least structure.
    A low quantile of its output is measured at each level. For white noise the next eigenvalues
    are equally small; if they rise, texture contributes to the smallest one too, and half of
    the relative rise is subtracted. The smallest of several eigenvalues is too small by chance;
    this bias is measured on white noise.

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
    bias, usual_rise = _white_noise_bias(side, len(patches))
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
    """Fit a line to the noise of the levels; levels with texture are left out.

    Parameters
    ----------
    levels : NoiseLevels
        Intensity and variance of each level.
    every_level : bool
        Use all levels. Default False.

    Notes
    -----
    Texture always increases the variance of a level, so levels far above the line are left out
    and the line is fitted again. The weights minimise the relative error.
    """
    intensity, variance, patches = levels
    highest = 1 + _TEXTURED * _CHANCE / np.sqrt(patches)
    mean = float(variance.mean())
    used = np.ones(len(variance), dtype=bool)
    slope, intercept = 0.0, mean
    for _ in range(_FITS):
        weights = 1 / (variance[used] + 0.1 * mean + np.finfo(np.float64).tiny)
        # Levels within a narrow intensity range yield no slope.
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
    """Return patches (N, side * side) that hold noise, spread over all planes."""
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
    """Return the darkest value, the step to the next one, and its share in each patch (N,)."""
    black = patches.min()
    dark = patches == black
    step = np.min(patches, initial=np.inf, where=~dark) - black
    return float(black), float(step), dark.mean(axis=1)


def _quietest(patches: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Return the zero-mean unit vector along which patches vary least, and the rise.

    The rise is the variance along the fourth of these vectors divided by that along the first.
    """
    centred = patches - patches.mean(axis=1, keepdims=True)
    variances, vectors = np.linalg.eigh(centred.T @ centred)
    smallest = max(variances[1], _RELATIVE_ROUNDING * variances[-1], np.finfo(np.float64).tiny)
    # Vector 0 is the mean, which was subtracted.
    return vectors[:, 1], float(variances[4] / smallest)


def _quantile_variance(details: NDArray[np.float64]) -> float:
    return float((np.quantile(details, _QUANTILE) / _DEVIATIONS) ** 2)


def _mean_square(details: NDArray[np.float64]) -> float:
    return float(np.mean(details**2))


def _white_noise_bias(side: int, count: int) -> tuple[float, float]:
    """Return the smallest variance and the rise of about `count` patches of white noise."""
    return _white_square_bias(side, int(np.ceil(np.sqrt(count) / 16)) * 16)


@lru_cache
def _white_square_bias(side: int, width: int) -> tuple[float, float]:
    noise = np.random.default_rng(0).normal(size=(1, width + side - 1, width + side - 1))
    patches = _patches(noise, side)
    quietest, rise = _quietest(patches)
    return _mean_square((patches - patches.mean(axis=1, keepdims=True)) @ quietest), rise
