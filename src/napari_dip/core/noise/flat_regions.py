"""Flat regions: noise and texture, and the power of noise, in the flattest tiles of an image."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.fft import dct, dctn
from scipy.special import polygamma

# Side of a tile [pixels], and smallest number of tiles for the test.
_SIDE, _FEWEST_TILES = 8, 48
# The flattest tiles are chosen at each intensity level, since noise may grow with intensity.
_FLATTEST, _FEWEST_FLAT, _TILES_IN_LEVEL, _MOST_LEVELS = 0.2, 8, 128, 8
# Tiles with this share of pixels at the darkest or brightest value are left out.
_CLIPPED = 0.25
# Distance of the coefficients of the cosine transform of a tile from the mean, and two bands.
_RADIUS = np.hypot(*np.mgrid[:_SIDE, :_SIDE])
_COARSE = (_RADIUS >= 1.4) & (_RADIUS < 3.1)
_FINE = (_RADIUS >= 3.1) & (_RADIUS < 5.2)
_RINGS = [np.round(_RADIUS) == ring for ring in range(1, _SIDE + 1)]
# Limits between noise and texture; see Notes of `hold_noise`.
_MOST_DISPERSION, _MOST_OTHER_DISPERSION = 0.12, 0.8
_MOST_COHERENCE, _MOST_FINE_COHERENCE = 1.8, 1.7
# Standard deviations of the Gaussian derivatives that measure directions, and of the high-pass
# filter before them [pixels].
_DERIVATIVE, _HIGH_PASS = 1.0, 2.0
_TINY = 1e-30


class _Tiles(NamedTuple):
    """Tiles: mean (N,), power (N, 8, 8), coherence (N,) of all and of fine details."""

    mean: NDArray[np.float64]
    power: NDArray[np.float64]
    coherence: NDArray[np.float64]
    fine_coherence: NDArray[np.float64]


class FlatPower(NamedTuple):
    """Power of the noise in two bands of frequencies, at each intensity level.

    Attributes
    ----------
    intensity : (L,) array
        Mean intensity of the flattest tiles of each level, ascending.
    coarse, fine : (L,) array
        Mean square of their coefficients in the cosine transform of 8 x 8 pixels.
    tiles : int
        Number of flattest tiles of a level.
    """

    intensity: NDArray[np.float64]
    coarse: NDArray[np.float64]
    fine: NDArray[np.float64]
    tiles: int


def flat_power(planes: NDArray[Any]) -> FlatPower:
    """Return the power of the noise of planes in the flattest tiles of each intensity level.

    Parameters
    ----------
    planes : (P, Y, X) array
        Planes of the channel, whose flattest tiles hold noise (`hold_noise`).

    Notes
    -----
    The power in each band is that of the tiles with the least power in the other one. The
    coefficients of noise are nearly independent, so this choice leaves out texture and hardly
    changes the power of noise.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(0, 3, (1, 128, 128))
    >>> [round(float(np.sqrt(flat_power(noise).fine.mean())), 1), flat_power(noise).tiles]
    [3.1, 25]
    """
    tiles = _tiles(planes)
    rows, count = [], 0
    for level in _levels(tiles.mean):
        smooth = _flattest(tiles.power, level, _FINE)
        even = _flattest(tiles.power, level, _COARSE)
        count = len(smooth)
        rows.append(
            (
                tiles.mean[smooth].mean(),
                tiles.power[smooth][:, _COARSE].mean(),
                tiles.power[even][:, _FINE].mean(),
            )
        )
    intensity, coarse, fine = np.array(rows).T
    return FlatPower(intensity, coarse, fine, count)


def power_of_blurred(grain: float) -> tuple[float, float]:
    """Return the power of blurred white noise of variance 1 in the coarse and the fine band.

    Parameters
    ----------
    grain : float
        Standard deviation of the Gaussian that blurred the noise [pixels].

    Notes
    -----
    Pixels at the distance d have the correlation exp(-d^2 / 4 s^2), where s is the grain.

    Examples
    --------
    >>> [round(power, 2) for power in power_of_blurred(1.0)]
    [3.5, 0.69]
    """
    place = np.arange(_SIDE)
    correlation = np.exp(-(np.subtract.outer(place, place) ** 2) / (4 * grain**2))
    transform = dct(np.eye(_SIDE), axis=0, norm="ortho")
    along = np.einsum("ki,ij,kj->k", transform, correlation, transform)
    power = np.outer(along, along)
    return float(power[_COARSE].mean()), float(power[_FINE].mean())


def hold_noise(planes: NDArray[Any]) -> bool:
    """Return whether the flattest tiles of planes hold noise and hardly any texture.

    Parameters
    ----------
    planes : (P, Y, X) array
        Planes of the channel; tiles with values that are not finite are left out.

    Returns
    -------
    bool
        False also if there are too few tiles.

    Notes
    -----
    At one intensity noise has the same power everywhere and no direction; the power of texture
    varies and texture has a direction. Tiles are chosen by their power in one frequency band
    and compared in another. For noise, the variance of the logarithm of the power exceeds that
    of a chi-squared variable (trigamma) by less than 0.12 in one band and by less than 0.8 in
    the other. Its mean coherence of the structure tensor is at most 1.8 times (1.7 times for
    fine details) that of isotropic noise with the same radial spectrum. All values are medians
    over the intensity levels. The limits separate photographs, histology and electron
    microscopy from the same images with noise (benchmarks/harm.py).

    Examples
    --------
    >>> noise = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(1, 128, 128)), 1)
    >>> hold_noise(noise), hold_noise(np.cumsum(noise, axis=-1))
    (True, False)
    """
    tiles = _tiles(planes)
    if len(tiles.mean) < _FEWEST_TILES:
        return False
    chosen, dispersions, coherences = [], [], []
    for level in _levels(tiles.mean):
        flat = _flattest(tiles.power, level, _FINE)
        chosen.append(flat)
        other = _flattest(tiles.power, level, _COARSE)
        dispersions.append(
            (_dispersion(tiles.power[flat], _COARSE), _dispersion(tiles.power[other], _FINE))
        )
        coherences.append((tiles.coherence[flat].mean(), tiles.fine_coherence[flat].mean()))
    smaller, larger = np.sort(np.median(dispersions, axis=0))
    if smaller > _MOST_DISPERSION or larger > _MOST_OTHER_DISPERSION:
        return False
    coherence, fine = np.median(coherences, axis=0)
    usual, usual_fine = _coherence_of_noise(_spectrum(tiles.power[np.concatenate(chosen)]))
    return bool(coherence <= _MOST_COHERENCE * usual and fine <= _MOST_FINE_COHERENCE * usual_fine)


def _tiles(planes: NDArray[Any]) -> _Tiles:
    """Return the tiles of all planes that are finite, not constant and not clipped."""
    found = []
    for plane in planes:
        values = np.where(np.isfinite(plane), plane, np.nan).astype(np.float64)
        tiles = _cut(values)
        if not np.isfinite(tiles).any():
            continue
        low, high = np.nanmin(values), np.nanmax(values)
        clipped = ((tiles == low) | (tiles == high)).mean(axis=(1, 2)) >= _CLIPPED
        known = np.isfinite(tiles).all(axis=(1, 2))
        # Any finite value will do: tiles with these pixels are left out.
        values = np.where(np.isfinite(values), values, low)
        kept = known & ~clipped & (np.ptp(_cut(values), axis=(1, 2)) > 1e-6 * (high - low))
        tiles = tiles[kept]
        found.append(
            _Tiles(
                tiles.mean(axis=(1, 2)),
                dctn(tiles, axes=(1, 2), norm="ortho") ** 2,
                *(coherence[kept] for coherence in _coherences(values)),
            )
        )
    if not found:
        return _Tiles(np.empty(0), np.empty((0, _SIDE, _SIDE)), np.empty(0), np.empty(0))
    return _Tiles(*map(np.concatenate, zip(*found, strict=True)))


def _cut(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the complete tiles of a plane (Y, X) as (N, 8, 8)."""
    rows, columns = (size // _SIDE for size in plane.shape)
    grid = plane[: rows * _SIDE, : columns * _SIDE].reshape(rows, _SIDE, columns, _SIDE)
    return grid.swapaxes(1, 2).reshape(-1, _SIDE, _SIDE)


def _coherences(plane: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the structure-tensor coherence of each tile (N,), of all and of fine details."""
    fine = plane - ndimage.gaussian_filter(plane, _HIGH_PASS)
    return _coherence(plane), _coherence(fine)


def _coherence(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the coherence of each tile (N,): 0 without a direction, 1 for parallel lines."""
    along_y = ndimage.gaussian_filter(plane, _DERIVATIVE, order=(1, 0))
    along_x = ndimage.gaussian_filter(plane, _DERIVATIVE, order=(0, 1))
    products = (along_y * along_y, along_x * along_x, along_y * along_x)
    yy, xx, yx = (_cut(product).mean(axis=(1, 2)) for product in products)
    return np.asarray(((yy - xx) ** 2 + 4 * yx**2) / np.maximum(yy + xx, _TINY) ** 2)


def _levels(means: NDArray[np.float64]) -> list[NDArray[np.intp]]:
    """Return the indices of the tiles of each intensity level."""
    count = int(np.clip(len(means) // _TILES_IN_LEVEL, 1, _MOST_LEVELS))
    return np.array_split(np.argsort(means), count)


def _flattest(
    power: NDArray[np.float64], level: NDArray[np.intp], band: NDArray[np.bool_]
) -> NDArray[np.intp]:
    """Return the tiles of a level with the least power in a band."""
    count = max(_FEWEST_FLAT, int(_FLATTEST * len(level)))
    return level[np.argsort(power[level][:, band].mean(axis=1))[:count]]


def _dispersion(power: NDArray[np.float64], band: NDArray[np.bool_]) -> float:
    """Return the excess variance of the log power (N, 8, 8) in a band; 0 for noise."""
    in_band = power[:, band]
    means = in_band.mean(axis=0)
    freedom = means.sum() ** 2 / max((means**2).sum(), _TINY)
    spread = np.log(in_band.mean(axis=1) + _TINY).var(ddof=1)
    return float(spread - polygamma(1, freedom / 2))


def _spectrum(power: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the median amplitude of tiles at each distance from the mean, (8,)."""
    return np.array([np.sqrt(np.median(power[:, ring].mean(axis=1))) for ring in _RINGS])


@cache
def _white_spectrum() -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
    """Return the Fourier transform of white noise, and its frequencies in units of a tile."""
    size = 256
    noise = np.random.default_rng(0).normal(size=(size, size))
    along = np.fft.fftfreq(size)
    return np.fft.fft2(noise), 2 * _SIDE * np.hypot(along[:, None], along)


def _coherence_of_noise(spectrum: NDArray[np.float64]) -> tuple[float, float]:
    """Return the mean coherences of isotropic noise with a radial spectrum (8,)."""
    white, distance = _white_spectrum()
    amplitude = np.interp(distance, np.arange(1, _SIDE + 1), spectrum)
    everything, fine = _coherences(np.fft.ifft2(white * amplitude).real)
    return float(everything.mean()), float(fine.mean())
