"""Noise levels: the variance of white noise at each intensity, where structure has least power."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_dip.core.noise.clipped_noise import unclipped_variance
from napari_dip.core.noise.patches import components_of, patches_of, power_of

_Values = NDArray[np.float64]
# Sides of patches [pixels], and the smallest number of patches for each side.
_SIDES = ((7, 2000), (5, 600), (3, 100))
# Patches are grouped by their mean intensity: largest number of levels, fewest patches in one.
_LEVELS, _FEWEST_IN_LEVEL = 24, 800
# This share of a normal distribution lies within half a standard deviation of its mean.
# Texture lies in the tails and hardly changes this quantile.
_QUANTILE, _DEVIATIONS = 0.3829, 0.5
# Index of the fourth direction. Of white noise alone it has hardly more variance than the first.
_FOURTH = 3
# Patches are flat if their power along the other directions is at most this multiple of that of
# noise, or among the smallest: smallest share and number of flat patches, times they are chosen.
_NOISY, _FLATTEST, _FEWEST_FLAT, _CHOICES = 1.2, 0.25, 2000, 2
# Photon noise: relative rise of the variance over the intensities, or pixels at the darkest value.
_RISES, _COUNTED = 1.0, 0.05
# Side of the picture of white noise on which the bias is measured, in parts for small planes.
_SIMULATED = 256
# Smallest variance of a level, relative to the mean, for the choice of flat patches.
_LEAST_POWER = 0.05
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

    intensity: _Values
    variance: _Values
    patches: int


class _Bias(NamedTuple):
    """Smallest variance and relative rise to the fourth smallest of white noise of variance 1."""

    variance: float
    rise: float


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
    are equally small; if they rise, texture contributes to the smallest one too, and its
    variance is divided by the relative rise to the fourth one. The smallest of several
    eigenvalues is too small by chance; this bias is measured on white noise.

    Unless it is photon noise, whose flat patches are the dark ones, the variance is measured again
    in the flat patches: those with the least power along all but the eight directions of least
    variance. The components of white noise along different directions are independent, so this
    choice leaves out texture without a bias. One factor for all levels results.

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
        patches = patches_of(planes, side)
        if patches.shape[1] >= fewest:
            break
    else:
        return None
    black, step, shares = _black(patches)
    means = patches.mean(axis=0)
    patches -= means  # in place: a second large array takes longer than the difference
    components, other = components_of(patches)
    bias = _white_noise_bias(side, len(means))
    darkest = np.mean(planes == np.nanmin(planes))
    variance = _mean_square if darkest > _FEW_PHOTONS else _quantile_variance

    def levels_of(chosen: NDArray[np.intp]) -> NoiseLevels:
        groups = [chosen[group] for group in _groups(means[chosen])]
        intensity, share = (
            np.array([values[group].mean() for group in groups]) for values in (means, shares)
        )
        white = _white_share(components[:, chosen], bias)
        found = np.array([variance(np.abs(components[0, group])) for group in groups])
        found = unclipped_variance(intensity - black, found * white / bias.variance, share, step)
        return NoiseLevels(intensity, found, len(chosen) // len(groups))

    levels = of_all = levels_of(np.arange(len(means)))
    # Patches with little power have few photons, whose noise hardly shows that of others.
    of_photons = darkest > _COUNTED or _rise(levels) > _RISES
    for _ in range(0 if of_photons else _CHOICES):
        power = other / _on_line(levels, means)
        count = max(_FLATTEST * len(power), _FEWEST_FLAT, (power <= _NOISY).sum())
        count = min(int(count), len(power))
        flat = levels_of(np.argpartition(power, count - 1)[:count])
        share = float(np.median(flat.variance / _on_line(of_all, flat.intensity)))
        levels = of_all._replace(variance=of_all.variance * share)
    return levels


def fit_line(levels: NoiseLevels) -> NoiseLine:
    """Fit a line to the noise of the levels; levels with texture are left out.

    Parameters
    ----------
    levels : NoiseLevels
        Intensity and variance of each level.

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
        if smooth.sum() < _FEWEST_LEVELS or (smooth == used).all():
            break
        used = smooth
    expected = np.maximum(slope * intensity + intercept, 0.05 * mean)[used]
    scatter = np.std(variance[used] / np.maximum(expected, np.finfo(np.float64).tiny))
    return NoiseLine(slope, intercept, float(scatter / np.sqrt(used.sum())))


def _black(patches: _Values) -> tuple[float, float, _Values]:
    """Return the darkest value, the step to the next one, and its share in each patch (N,)."""
    black = patches.min()
    dark = patches == black
    step = np.min(patches, initial=np.inf, where=~dark) - black
    return float(black), float(step), dark.mean(axis=0)


def _white_share(components: _Values, bias: _Bias) -> float:
    """Return the share of white noise in the variance along the first of Q directions (Q, N)."""
    squares = power_of(components.T)
    rise = squares[_FOURTH] / max(squares[0], np.finfo(np.float64).tiny) / bias.rise
    # The variances of n overlapping patches differ by chance, too.
    return float(1 / max(rise - _CHANCE / np.sqrt(components.shape[1]), 1.0))


def _groups(means: _Values) -> list[NDArray[np.intp]]:
    """Return the indices of the patches of each intensity level."""
    count = int(np.clip(len(means) // _FEWEST_IN_LEVEL, 1, _LEVELS))
    ends = np.arange(1, count) * len(means) // count
    return np.split(np.argpartition(means, ends), ends)


def _rise(levels: NoiseLevels) -> float:
    """Return the rise of the line over all intensities, relative to the mean variance."""
    mean = max(float(levels.variance.mean()), np.finfo(np.float64).tiny)
    return fit_line(levels).slope * float(np.ptp(levels.intensity)) / mean


def _on_line(levels: NoiseLevels, intensity: _Values) -> _Values:
    """Return the variance of the noise at each intensity, by the line through the levels."""
    line = fit_line(levels)
    least = max(_LEAST_POWER * float(levels.variance.mean()), np.finfo(np.float64).tiny)
    return np.maximum(line.slope * intensity + line.intercept, np.float64(least))


def _quantile_variance(details: _Values) -> float:
    return float((np.quantile(details, _QUANTILE) / _DEVIATIONS) ** 2)


def _mean_square(details: _Values) -> float:
    return float(np.mean(details**2))


def _white_noise_bias(side: int, count: int) -> _Bias:
    """Return what about `count` patches of white noise of variance 1 appear to hold."""
    return _white_square_bias(side, int(np.ceil(np.sqrt(count) / 16)) * 16)


@lru_cache
def _white_square_bias(side: int, width: int) -> _Bias:
    random, size = np.random.default_rng(0), width + side - 1
    pictures = random.normal(size=(max(1, _SIMULATED // width) ** 2, 1, size, size))
    return _Bias(*np.mean([_seen(patches_of(picture, side)) for picture in pictures], axis=0))


def _seen(patches: _Values) -> tuple[float, float]:
    """Return the smallest variance of patches and the relative rise to the fourth smallest."""
    components, _ = components_of(patches - patches.mean(axis=0))
    squares = power_of(components.T) / components.shape[1]
    return float(squares[0]), float(squares[_FOURTH] / squares[0])
