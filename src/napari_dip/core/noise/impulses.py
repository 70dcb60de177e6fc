"""Impulses: single wrong pixels, such as salt and pepper or hot pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import ndimage

from napari_dip.core.image.image import finite_mask
from napari_dip.core.image.percentiles import percentiles
from napari_dip.core.noise.normal import MAD

_RING = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], dtype=bool)
# Border of the 5 x 5 pixels around a pixel, in a window of 7 x 7 pixels.
_SURROUNDINGS = np.pad(np.pad(np.zeros((3, 3), dtype=bool), 1, constant_values=True), 1)
# A spike stands out from the noise around it by this factor.
_SPIKE = 12.0
# An impulse stands out by this share of the range of the image, between these percentiles.
_SHARE_OF_RANGE, _RANGE = 0.1, (0.5, 99.5)
# The brightest neighbour of an impulse has less than a sixth of its height. In the image of a
# point with a standard deviation of 0.7 pixels, it has more than a third.
_STEEP = 1.2
# Smallest and largest share of the pixels that salt (or pepper) covers.
_LEAST_SALT, _MOST_SALT = 0.002, 0.3
# Salt stands out from the usual differences of neighbours by this factor.
_SALT = 4.0
# Smallest share of isolated pixels among salt, relative to randomly scattered pixels.
_ALONE = 0.4
# Largest number of pixels that are compared with their neighbours.
_SAMPLE = 20_000


def find_impulses(plane: NDArray[Any]) -> NDArray[np.bool_]:
    """Return the mask of the impulses in a plane.

    Parameters
    ----------
    plane : (Y, X) array
        Plane; values that are not finite are left out together with their surroundings.

    Returns
    -------
    (Y, X) bool array
        True at impulses.

    Notes
    -----
    Salt and pepper are scattered pixels with the brightest or darkest value of the plane, far
    from the values of their neighbours. Saturated or black areas of a scene are connected, or
    their surroundings have similar values; in an image of few photons the largest count is
    rarer than the next smaller one. A hot or dead pixel is a spike of a single pixel, narrower
    than any spot that a lens can form. In a plane of few photons, most of whose pixels are
    empty, single photons are not spikes.

    Examples
    --------
    >>> dark = np.random.default_rng(0).normal(10.0, 1.0, (32, 32))
    >>> dark[20, 5] = 90.0
    >>> np.argwhere(find_impulses(dark)).tolist()
    [[20, 5]]
    """
    known = finite_mask(plane)
    if min(plane.shape) < len(_SURROUNDINGS) or not known.any():
        return np.zeros(plane.shape, dtype=bool)
    values, surrounded = plane.astype(np.float64), known
    if not known.all():
        values[~known] = np.median(values[known])
        surrounded = ndimage.binary_erosion(known, np.ones((5, 5)), border_value=1)
    found = _salt(values, values.max()) | _salt(values, values.min())
    if np.mean(values == values.min()) < 0.5:
        found |= _spikes(values, _range(plane if known.all() else values))
    return np.asarray(found & surrounded)


def without_impulses(planes: NDArray[Any]) -> tuple[NDArray[Any], float]:
    """Return planes (P, Y, X) with NaN at impulses, and the share of impulses."""
    impulses = np.stack([find_impulses(plane) for plane in planes])
    if not impulses.any():
        return planes, 0.0
    return np.where(impulses, np.nan, planes.astype(np.float64)), float(impulses.mean())


def _spikes(values: NDArray[np.float64], contrast: float) -> NDArray[np.bool_]:
    above = values - _of_ring(values, np.maximum)
    below = _of_ring(values, np.minimum) - values
    rise = np.maximum(above, below)
    spikes = np.asarray(rise > _SHARE_OF_RANGE * contrast)
    if spikes.any():  # else nothing needs the usual difference
        usual = np.abs(values - ndimage.uniform_filter(values, 3, mode="mirror")).mean()
        spikes &= rise > _SPIKE * usual
    if not spikes.any():
        return spikes
    windows = sliding_window_view(np.pad(values, 3, mode="reflect"), (7, 7))
    around = windows[spikes]  # (P, 7, 7)
    background = np.median(around[:, _SURROUNDINGS], axis=-1)
    noise = np.median(np.abs(around - background[:, None, None]), axis=(-2, -1)) / MAD
    tall = rise[spikes] > _SPIKE * noise
    narrow = np.abs(values[spikes] - background) < _STEEP * rise[spikes]
    spikes[spikes] = tall & narrow
    return spikes


def _of_ring(values: NDArray[np.float64], function: np.ufunc) -> NDArray[np.float64]:
    """Return the largest or smallest of the eight neighbours (three times faster than a filter)."""
    padded = np.pad(values, 1, mode="reflect")
    beside = function(padded[:, :-2], padded[:, 2:])
    row = function(beside, padded[:, 1:-1])
    return np.asarray(function(function(row[:-2], row[2:]), beside[1:-1]))


def _salt(values: NDArray[np.float64], extreme: float) -> NDArray[np.bool_]:
    """Return the mask of scattered pixels at an extreme value; empty for too few or too many."""
    empty = np.zeros(values.shape, dtype=bool)
    at = values == extreme
    if not _LEAST_SALT <= at.mean() <= _MOST_SALT:
        return empty
    others = values[~at]
    beside = others.max() if others.max() < extreme else others.min()
    if (values == beside).sum() >= at.sum():
        return empty
    # An extreme neighbour may be an impulse itself.
    ordinary = np.where((values == values.min()) | (values == values.max()), np.nan, values)
    padded = np.pad(ordinary, 1, mode="reflect")

    def distance(where: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the distance of pixels from the median of their ordinary neighbours."""
        rows, columns = np.nonzero(where)
        around = np.stack(
            [padded[rows + dy, columns + dx] for dy, dx in np.argwhere(_RING)], axis=-1
        )  # (P, 8)
        around[np.isnan(around).all(axis=-1)] = np.inf  # no ordinary neighbour: infinitely far
        return np.asarray(np.abs(values[where] - _row_medians(around)))

    distances, least = distance(at), _SHARE_OF_RANGE * _range(values)
    if (distances > least).sum() < _LEAST_SALT * values.size:
        return empty
    sample = np.isfinite(ordinary) & (
        np.arange(values.size).reshape(values.shape) % max(1, values.size // _SAMPLE) == 0
    )
    if not sample.any():
        return empty
    usual = np.quantile(distance(sample), 0.68, method="nearest")
    far = distances > max(_SALT * usual, least)
    crowd = ndimage.convolve(at.astype(np.float64), _RING.astype(np.float64), mode="mirror")
    salt = empty.copy()
    salt[at] = far & (crowd[at] <= 4)
    if salt.mean() < _LEAST_SALT:
        return empty
    alone = np.mean(crowd[salt] < 0.5)
    return salt if alone >= _ALONE * (1 - salt.mean()) ** 8 else empty


def _row_medians(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the median of each row (N, D) without its NaN; no row is all NaN.

    Of short rows, this is ten times as fast as the function of NumPy.
    """
    ordered, last = np.sort(rows, axis=-1), rows.shape[-1] - 1 - np.isnan(rows).sum(axis=-1)
    low, high = (
        np.take_along_axis(ordered, middle[:, None], axis=-1)[:, 0]
        for middle in (last // 2, (last + 1) // 2)
    )
    return np.asarray((low + high) / 2)


def _range(values: NDArray[Any]) -> float:
    low, high = percentiles(values, _RANGE)
    return high - low
