"""Spatial correlation of the noise, and its width."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_dip.core.noise.flat_regions import hold_noise

# From this correlation of neighbouring pixels on noise counts as correlated: white noise,
# real and synthetic, has -0.1 to 0.1, noise blurred by 0.7 pixels 0.28 to 0.35, by a pixel
# 0.35 to 0.5.
CORRELATED = 0.25
# Correlation is measured in the flattest tiles of this size, this share of them.
_TILE = 8
_FLATTEST = 0.2
_FEWEST_TILES = 8
# Noise is compared in second derivatives over a near and a far neighbour [pixels].
LAGS = (2, 4)
# Deviations of the Gaussian that noise may have been blurred by [pixels].
_GRAINS = np.linspace(0.3, 3.0, 271)
# Rings of frequencies that noise is compared with the image in, of this width [cycles per
# pixel], without the lowest; beyond that fall noise has hardly any power left.
_RING, _LOWEST, _FADED = 0.03, 3, math.exp(-3)
_QUARTER = 0.25
# Details below this share of the image's range may be no noise at all.
_FAINT = 0.01


def noise_correlation(planes: NDArray[Any]) -> float | None:
    """Return the correlation of the noise of neighbouring pixels, where flat regions show it.

    Parameters
    ----------
    planes : (P, Y, X) array
        Tiles with values that are not finite are left out.

    Returns
    -------
    float or None
        About -0.1 to 0.1 for white noise, 0.5 for noise blurred by a pixel;
        None where the image is too small or its noise too faint to measure it, and
        where the flattest tiles hold texture.

    Notes
    -----
    Measured in the flattest tiles of 8 x 8 pixels, less the parabola that fits each
    best. A correlation of `CORRELATED` or more may be that of fine texture, so it counts
    only where these tiles differ no more than noise does (`flat_regions.hold_noise`).

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
    """Tell whether noise has a grain, which can be measured in planes of a shape (Y, X)."""
    return correlation is not None and correlation >= CORRELATED and min(shape) >= 4 * max(LAGS)


def find_grain(ratio: float) -> float:
    """Return the deviation of the Gaussian that noise must have been blurred by [pixels].

    Parameters
    ----------
    ratio : float
        Of the deviations of what is left of it at the two lags, near over far.

    Returns
    -------
    float
        The least that makes a difference for white noise; 3 pixels at most.

    Notes
    -----
    Noise that is no blurrier than by that passes `share_passed`, hence the ratio.

    Examples
    --------
    >>> round(find_grain(0.83), 1), round(find_grain(0.53), 1), round(find_grain(0.26), 1)
    (0.7, 1.0, 1.5)
    """
    near, far = (share_passed(_GRAINS, lag) for lag in LAGS)
    return float(np.interp(-ratio, -near / far, _GRAINS))


def share_passed(grain: Any, lag: int) -> Any:
    """Return how much of the deviation of noise with a grain second derivatives see.

    Notes
    -----
    The correlation of white noise blurred by a Gaussian of deviation s is
    exp(-d^2 / 4 s^2) over the distance d. The variance of a second derivative
    over the lag L along both axes, that of white noise being 1, is
    (1 - 4/3 exp(-L^2 / 4 s^2) + 1/3 exp(-L^2 / s^2))^2.
    """
    return 1 - 4 / 3 * np.exp(-(lag**2) / (4 * grain**2)) + np.exp(-(lag**2) / grain**2) / 3


def most_noise(planes: NDArray[Any], grain: float) -> float:
    """Return the largest variance that noise with a grain can have in some planes (P, Y, X).

    Notes
    -----
    There is no more of it at any frequency than of the image, whose structure is
    in few directions and hardly moves the lower quartile over a ring of frequencies.
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
        for ring in np.unique(rings[rings >= _LOWEST])  # a small image has no pixel in some
        if not faint[rings == ring].any()
    ]
    lowest = np.sort(ratios)[:2].mean() if ratios else np.inf
    # The power of noise is distributed exponentially.
    return float(lowest * share.mean() / -math.log(1 - _QUARTER))
