"""Impulses: single pixels that tell nothing of the scene, such as salt and pepper or hot pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import ndimage

from napari_dip.core.image.image import finite_mask

_RING = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], dtype=bool)
# The border of 5 x 5 of 7 x 7 pixels: what surrounds a pixel and its neighbours.
_SURROUNDINGS = np.pad(np.pad(np.zeros((3, 3), dtype=bool), 1, constant_values=True), 1)
# A spike stands out from the noise around it by this factor.
_SPIKE = 12.0
# An impulse stands out by this share of the range of the image.
_SHARE_OF_RANGE = 0.1
# Its brightest neighbour has less than a sixth of its height. Of a spot drawn by
# a lens that is sampled as coarsely as 0.7 pixels, it has more than a third.
_STEEP = 1.2
# Salt is scattered over at least this and at most that share of the pixels.
_LEAST_SALT, _MOST_SALT = 0.002, 0.3
_SALT = 4.0
# Of pixels that chance has scattered so many are alone; at least this part of that share.
_ALONE = 0.4
_SAMPLE = 20_000
# Of a normal distribution, the median absolute deviation over the standard deviation.
_MAD = 0.6745


def find_impulses(plane: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell which pixels of a plane are impulses.

    Parameters
    ----------
    plane : (Y, X) array
        Values that are not finite are left out, with their surroundings.

    Returns
    -------
    (Y, X) bool array

    Notes
    -----
    Salt and pepper are scattered pixels at the very brightest or darkest value
    of the plane, far from their neighbours. What is saturated in a scene, or black,
    is in one piece, or near that value all around; and of few photons the most are
    rarer than one less. A hot or dead pixel is a spike that
    none of its neighbours shares: no lens draws a spot so narrow. In a plane of
    few photons, most of whose pixels are empty, single photons are no spikes.

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
        found |= _spikes(values)
    return np.asarray(found & surrounded)


def without_impulses(planes: NDArray[Any]) -> tuple[NDArray[Any], float]:
    """Return planes (P, Y, X) with NaN at impulses, and the share of the pixels these are."""
    hit = np.stack([find_impulses(plane) for plane in planes])
    if not hit.any():
        return planes, 0.0
    return np.where(hit, np.nan, planes.astype(np.float64)), float(hit.mean())


def _spikes(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    above = values - ndimage.maximum_filter(values, footprint=_RING, mode="mirror")
    below = ndimage.minimum_filter(values, footprint=_RING, mode="mirror") - values
    rise = np.maximum(above, below)
    usual = np.abs(values - ndimage.uniform_filter(values, 3, mode="mirror")).mean()
    spikes = np.asarray(rise > max(_SHARE_OF_RANGE * _range(values), _SPIKE * usual))
    if not spikes.any():
        return spikes
    windows = sliding_window_view(np.pad(values, 3, mode="reflect"), (7, 7))
    around = windows[spikes]  # (P, 7, 7)
    background = np.median(around[:, _SURROUNDINGS], axis=-1)
    noise = np.median(np.abs(around - background[:, None, None]), axis=(-2, -1)) / _MAD
    tall = rise[spikes] > _SPIKE * noise
    narrow = np.abs(values[spikes] - background) < _STEEP * rise[spikes]
    spikes[spikes] = tall & narrow
    return spikes


def _salt(values: NDArray[np.float64], extreme: float) -> NDArray[np.bool_]:
    """Return the scattered pixels at an extreme value; none if there are too few or too many."""
    nothing = np.zeros(values.shape, dtype=bool)
    at = values == extreme
    if not _LEAST_SALT <= at.mean() <= _MOST_SALT:
        return nothing
    others = values[~at]
    beside = others.max() if others.max() < extreme else others.min()
    if (values == beside).sum() >= at.sum():
        return nothing
    # An extreme neighbour may be an impulse itself.
    ordinary = np.where((values == values.min()) | (values == values.max()), np.nan, values)
    padded = np.pad(ordinary, 1, mode="reflect")

    def distance(where: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return how far pixels are from the median of their ordinary neighbours."""
        rows, columns = np.nonzero(where)
        around = np.stack(
            [padded[rows + dy, columns + dx] for dy, dx in np.argwhere(_RING)], axis=-1
        )  # (P, 8)
        around[np.isnan(around).all(axis=-1)] = np.inf  # none: as far as can be
        return np.asarray(np.abs(values[where] - np.nanmedian(around, axis=-1)))

    sample = np.isfinite(ordinary) & (
        np.arange(values.size).reshape(values.shape) % max(1, values.size // _SAMPLE) == 0
    )
    if not sample.any():
        return nothing
    usual = np.quantile(distance(sample), 0.68, method="nearest")
    far = distance(at) > max(_SALT * usual, _SHARE_OF_RANGE * _range(values))
    crowd = ndimage.convolve(at.astype(np.float64), _RING.astype(np.float64), mode="mirror")
    salt = nothing.copy()
    salt[at] = far & (crowd[at] <= 4)
    if salt.mean() < _LEAST_SALT:
        return nothing
    alone = np.mean(crowd[salt] < 0.5)
    return salt if alone >= _ALONE * (1 - salt.mean()) ** 8 else nothing


def _range(values: NDArray[np.float64]) -> float:
    low, high = np.quantile(values, (0.005, 0.995))
    return float(high - low)
