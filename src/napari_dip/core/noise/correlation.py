"""Spatial correlation of the noise, and its width."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_dip.core.noise.flat_regions import hold_noise

# Smallest correlation of neighbouring pixels of correlated noise. White noise, real and
# synthetic, has -0.1 to 0.1; noise blurred by 0.7 pixels has 0.28 to 0.35, by one pixel 0.35 to
# 0.5.
CORRELATED = 0.25
# Correlation is measured in the flattest tiles: side [pixels], share and smallest number.
_TILE = 8
_FLATTEST = 0.2
_FEWEST_TILES = 8
# Distances of a near and a far neighbour in second derivatives [pixels].
LAGS = (2, 4)
# Standard deviations of the Gaussian that may have blurred the noise [pixels].
_GRAINS = np.linspace(0.3, 3.0, 271)
# Noise and image are compared in rings of frequencies: width [cycles per pixel], index of the
# first ring, and the relative power below which a ring is left out.
_RING, _LOWEST, _FADED = 0.03, 3, math.exp(-3)
_QUARTER = 0.25
# Details below this share of the intensity range may not be noise.
_FAINT = 0.01


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
    tiles = grid.reshape(len(planes) * rows * columns, _TILE**2).astype(np.float64)
    tiles = tiles[np.isfinite(tiles).all(axis=1)]
    if len(tiles) < _FEWEST_TILES:
        return None
    y, x = np.mgrid[:_TILE, :_TILE] - (_TILE - 1) / 2
    parabolas = np.stack([np.ones_like(x), y, x, y * y, y * x, x * x], axis=-1)
    basis, _ = np.linalg.qr(parabolas.reshape(_TILE**2, -1))
    details = tiles - tiles @ basis @ basis.T
    deviation = np.sqrt((details**2).mean(axis=1))
    low, high = np.quantile(tiles, (0.005, 0.995))
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
    return correlation is not None and correlation >= CORRELATED and min(shape) >= 4 * max(LAGS)


def find_grain(ratio: float) -> float:
    """Return the standard deviation of the Gaussian that blurs white noise into this noise.

    Parameters
    ----------
    ratio : float
        Standard deviation of the second derivatives over the near lag divided by that over the
        far lag.

    Returns
    -------
    float
        Standard deviation [pixels], 0.3 to 3; 0.3 for white noise.

    Notes
    -----
    The ratio is that of `share_passed` at both lags.

    Examples
    --------
    >>> round(find_grain(0.83), 1), round(find_grain(0.53), 1), round(find_grain(0.26), 1)
    (0.7, 1.0, 1.5)
    """
    near, far = (share_passed(_GRAINS, lag) for lag in LAGS)
    return float(np.interp(-ratio, -near / far, _GRAINS))


def share_passed(grain: Any, lag: int) -> Any:
    """Return the share of the standard deviation of correlated noise in second derivatives.

    Parameters
    ----------
    grain : float or array
        Standard deviation of the Gaussian that blurred the noise [pixels].
    lag : int
        Distance of the neighbours in the second derivative [pixels].

    Notes
    -----
    White noise blurred by a Gaussian of standard deviation s has the correlation
    exp(-d^2 / 4 s^2) over the distance d. The variance of its second derivative over the lag L
    along both axes, relative to white noise, is
    (1 - 4/3 exp(-L^2 / 4 s^2) + 1/3 exp(-L^2 / s^2))^2.
    """
    return 1 - 4 / 3 * np.exp(-(lag**2) / (4 * grain**2)) + np.exp(-(lag**2) / grain**2) / 3


def most_noise(planes: NDArray[Any], grain: float) -> float:
    """Return the largest possible variance of correlated noise in planes (P, Y, X).

    Parameters
    ----------
    planes : (P, Y, X) array
        Planes of the channel.
    grain : float
        Standard deviation of the Gaussian that blurred the noise [pixels].

    Notes
    -----
    The noise has at most the power of the image at every frequency. Structure lies in few
    directions, so it hardly changes the lower quartile over a ring of frequencies.
    """
    known = np.where(np.isfinite(planes), planes, np.nan).astype(np.float64)
    levels = np.nanmean(known, axis=(-2, -1), keepdims=True)
    spectra = np.fft.fft2(np.where(np.isnan(known), levels, known) - levels, norm="ortho")
    power = np.abs(spectra) ** 2
    along_y, along_x = map(np.fft.fftfreq, planes.shape[-2:])
    squared = along_y[:, None] ** 2 + along_x**2
    share = np.exp(-((2 * np.pi * grain) ** 2) * squared)
    rings = (np.sqrt(squared) / _RING).astype(int)
    faint = share < _FADED * np.exp(-((2 * np.pi * grain * _RING * _LOWEST) ** 2))
    ratios = [
        np.quantile((power / share)[:, rings == ring], _QUARTER, axis=1).mean()
        for ring in np.unique(rings[rings >= _LOWEST])  # some rings of a small image are empty
        if not faint[rings == ring].any()
    ]
    lowest = np.sort(ratios)[:2].mean() if ratios else np.inf
    # The power of noise has an exponential distribution.
    return float(lowest * share.mean() / -math.log(1 - _QUARTER))
