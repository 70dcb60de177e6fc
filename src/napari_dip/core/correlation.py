"""Correlation of the noise of neighbouring pixels: whether one tells of the next, and how far."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# From here on the noise of neighbouring pixels counts as correlated: white noise,
# real and synthetic, has -0.1 to 0.1, noise blurred by a pixel 0.35 to 0.5.
CORRELATED = 0.3
# Correlation is measured in the flattest tiles of this size, this share of them.
_TILE = 8
_FLATTEST = 0.2
_FEWEST_TILES = 8
# Noise is compared in second derivatives over a near and a far neighbour [pixels].
LAGS = (2, 4)
# Deviations of the Gaussian that noise may have been blurred by [pixels].
_GRAINS = np.linspace(0.3, 3.0, 271)
# Details below this share of the image's range may be no noise at all.
_FAINT = 0.01


def noise_correlation(planes: NDArray[Any]) -> float | None:
    """Return the correlation of the noise of neighbouring pixels.

    Parameters
    ----------
    planes : (P, Y, X) array
        Tiles with values that are not finite are left out.

    Returns
    -------
    float or None
        About -0.1 to 0.1 for white noise, 0.5 for noise blurred by a pixel;
        None where the image is too small to tell or its noise too faint.

    Notes
    -----
    Measured in the flattest tiles of 8 x 8 pixels, less the parabola that
    fits each best. Whatever structure is left there is fainter than noise.

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
    return float(max(along_x, along_y))


def is_correlated(planes: NDArray[Any]) -> bool:
    """Tell whether the noise of some planes (P, Y, X) has a grain, which can be measured."""
    correlation = noise_correlation(planes)
    if correlation is None or min(planes.shape[-2:]) < 4 * max(LAGS):
        return False
    return correlation >= CORRELATED


def share_passed(ratio: float) -> float:
    """Return how much of the deviation of noise is left in second derivatives of the far lag.

    Parameters
    ----------
    ratio : float
        Of the deviations of what is left of it at the two lags, near over far.

    Returns
    -------
    float
        1 for white noise; noise passes that is no blurrier than by 3 pixels.

    Notes
    -----
    The correlation of noise blurred by a Gaussian of deviation s is
    exp(-d^2 / 4 s^2) over the distance d. The variance of a second derivative
    over the lag L along both axes, that of white noise being 1, is
    (1 - 4/3 exp(-L^2 / 4 s^2) + 1/3 exp(-L^2 / s^2))^2. The ratio tells s.

    Examples
    --------
    >>> share_passed(1.0), round(share_passed(0.53), 2), round(share_passed(0.26), 2)
    (1.0, 0.98, 0.78)
    """
    near, far = (
        1 - 4 / 3 * np.exp(-(lag**2) / (4 * _GRAINS**2)) + np.exp(-(lag**2) / _GRAINS**2) / 3
        for lag in LAGS
    )
    return float(np.interp(-ratio, -near / far, far))
