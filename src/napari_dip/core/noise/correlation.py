"""Spatial correlation of the noise, its width and its level."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_dip.core.image.percentiles import percentiles
from napari_dip.core.noise.flat_regions import flat_power, hold_noise, power_of_blurred
from napari_dip.core.noise.levels import NoiseLevels

# Smallest correlation of neighbouring pixels of correlated noise. White noise, real and
# synthetic, has -0.1 to 0.1; noise blurred by 0.7 pixels has 0.28 to 0.35, by one pixel 0.35 to
# 0.5. With a limit of 0.2, fine texture was restored as noise (docs/notebook/noise.md).
CORRELATED = 0.25
# Correlation is measured in the flattest tiles: side [pixels], share and smallest number.
_TILE = 8
_FLATTEST = 0.2
_FEWEST_TILES = 8
# Standard deviations of the Gaussian that may have blurred the noise [pixels].
_GRAINS = np.linspace(0.3, 3.0, 136)
# The power of a level of n tiles has as large an error as the variance of this multiple of n
# overlapping patches.
_PATCHES_PER_TILE = 100
# Smallest side of an image whose correlation is measured [pixels].
_NARROWEST = 16
# Details below this share of the intensity range, between these percentiles, may not be noise.
_FAINT, _RANGE = 0.01, (0.5, 99.5)


def noise_correlation(planes: NDArray[Any]) -> float | None:
    """Return the correlation of the noise of neighbouring pixels, measured in flat regions.

    Parameters
    ----------
    planes : (P, Y, X) array
        Planes of the channel; tiles with values that are not finite are left out.

    Returns
    -------
    float or None
        About -0.1 to 0.1 for white noise, 0.5 for noise blurred by one pixel. None if the
        image is too small, its noise is too faint or the flattest tiles hold texture.

    Notes
    -----
    The correlation is measured in the flattest tiles of 8 x 8 pixels, after subtraction of the
    best-fitting parabola from each tile. Fine texture can have a correlation of `CORRELATED` or
    more, too; such a correlation counts only if the tiles hold noise (`flat_regions.hold_noise`).

    Examples
    --------
    >>> white = np.random.default_rng(0).normal(size=(1, 128, 128))
    >>> round(noise_correlation(white), 1), round(noise_correlation(white + np.roll(white, 1)), 1)
    (-0.1, 0.4)
    """
    rows, columns = (size // _TILE for size in planes.shape[-2:])
    grid = planes[:, : rows * _TILE, : columns * _TILE]
    grid = grid.reshape(len(planes), rows, _TILE, columns, _TILE).swapaxes(2, 3)
    tiles = grid.reshape(len(planes) * rows * columns, _TILE**2)
    tiles = tiles[np.isfinite(tiles).all(axis=1)]
    if len(tiles) < _FEWEST_TILES:
        return None
    low, high = percentiles(tiles, _RANGE)
    tiles = tiles.astype(np.float64)
    y, x = np.mgrid[:_TILE, :_TILE] - (_TILE - 1) / 2
    parabolas = np.stack([np.ones_like(x), y, x, y * y, y * x, x * x], axis=-1)
    basis, _ = np.linalg.qr(parabolas.reshape(_TILE**2, -1))
    details = tiles - tiles @ basis @ basis.T
    deviation = np.sqrt((details**2).mean(axis=1))
    rough = deviation > 1e-6 * max(high - low, 1e-30)
    count = max(_FEWEST_TILES, int(_FLATTEST * rough.sum()))
    flattest = np.argsort(np.where(rough, deviation, np.inf))[: min(count, int(rough.sum()))]
    if len(flattest) < _FEWEST_TILES or np.median(deviation[flattest]) < _FAINT * (high - low):
        return None
    noise = (details[flattest] / deviation[flattest, None]).reshape(-1, _TILE, _TILE)
    along_x = (noise[:, :, 1:] * noise[:, :, :-1]).mean()
    along_y = (noise[:, 1:] * noise[:, :-1]).mean()
    correlation = float(max(along_x, along_y))
    return None if correlation >= CORRELATED and not hold_noise(planes) else correlation


def is_correlated(correlation: float | None, shape: tuple[int, ...]) -> bool:
    """Return whether noise is correlated and planes (Y, X) are large enough to measure it."""
    return correlation is not None and correlation >= CORRELATED and min(shape) >= _NARROWEST


def correlated_levels(planes: NDArray[Any]) -> tuple[NoiseLevels, float]:
    """Return the variance of correlated noise at each intensity level, and its grain.

    Parameters
    ----------
    planes : (P, Y, X) array
        Planes of the channel, whose flattest tiles hold noise (`flat_regions.hold_noise`).

    Returns
    -------
    NoiseLevels
        Variance of the noise at each intensity.
    float
        Standard deviation of the Gaussian that would blur white noise into this noise [pixels],
        0.3 to 3.

    Notes
    -----
    The ratio of the power at fine and at coarse details of the flattest tiles determines the
    grain; the power at coarse details and the grain determine the variance.

    Examples
    --------
    >>> from scipy import ndimage
    >>> noise = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(1, 128, 128)), 1)
    >>> levels, grain = correlated_levels(noise * 5 / noise.std())
    >>> round(grain, 1), bool(abs(levels.variance.mean() - 25) < 3)
    (1.0, True)
    """
    power = flat_power(planes)
    coarse, fine = _power_of_grains()
    ratio = float(np.median(power.fine / power.coarse))
    grain = float(np.interp(-ratio, -fine / coarse, _GRAINS))
    variance = power.coarse / np.interp(grain, _GRAINS, coarse)
    return NoiseLevels(power.intensity, variance, _PATCHES_PER_TILE * power.tiles), grain


@cache
def _power_of_grains() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    coarse, fine = np.array([power_of_blurred(grain) for grain in _GRAINS.tolist()]).T
    return coarse, fine
