"""Constant regions: large areas of a plane with one exact value, where nothing was recorded.

Examples are the canvas of a stitched mosaic, padding, the background after skull stripping,
and saturated areas. Noise never repeats one value over a large area.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_dip.core.image.image import finite_mask

# A region contains constant squares of this side [pixels], with at least this many pixels in total.
_SOLID, _LEAST = 7, 256
# From these squares a region grows through squares of this side, plus a rim [pixels].
_NARROW, _RIM = 3, 2
# A plane with constant regions of more values than this is a drawing or is coarsely rounded.
_MOST_VALUES = 2
# Largest number of values that are examined: each takes time.
_EXAMINED = 8
# Single photons in a region are groups of at most this many pixels. With more than one group
# plus one per 10000 pixels, the region belongs to the scene.
_FEW, _SCATTERED = 4, 1e-4
# Largest share of the rim of the solid part with the same value; above it, the value belongs
# to the scene.
_POROUS = 0.75
_DIAGONAL = np.ones((3, 3), dtype=bool)
# Outside constant regions a plane needs areas wider than this [pixels], with this many pixels
# and this share of the pixels left. Otherwise the noise would be measured at edges only.
_WIDE, _LEAST_LEFT, _SHARE_LEFT = 7, 64, 0.2
_PROBE = 1000
_EPSILON = float(np.finfo(np.float32).eps)


def is_constant(values: NDArray[Any], gain: float = 0.0) -> bool:
    """Return whether all finite values are equal within the precision of float32.

    Parameters
    ----------
    values : (...) array
        Pixels of one plane or volume; at least one is finite.
    gain : float
        Gain of the scaling: the difference of values that is 1 in network units. Much
        smaller differences vanish there. Default 0.0.
    """
    sample = values.ravel()[:: max(1, values.size // _PROBE)]
    for part in (sample, values):  # a few pixels usually show that the values differ
        valid = part[finite_mask(part)]
        if valid.size:
            low, high = float(valid.min()), float(valid.max())
            if high - low > _EPSILON * max(abs(low), abs(high), gain):
                return False
    return True


def find_constant_regions(plane: NDArray[Any]) -> NDArray[np.bool_]:
    """Return the mask of the large solid regions of exactly one value in a plane.

    Parameters
    ----------
    plane : (Y, X) array
        Plane; values that are not finite belong to no region.

    Returns
    -------
    (Y, X) bool array
        True in constant regions.

    Notes
    -----
    An image with few photons is mostly 0, but single photons are scattered over its dark
    areas: its zeros are data. A plane with constant regions of more than two values is a
    drawing or a smooth picture without noise: its flat areas are data too.

    Examples
    --------
    >>> mosaic = np.random.default_rng(0).normal(100.0, 10.0, (64, 64))
    >>> mosaic[:, :20] = 0
    >>> int(find_constant_regions(mosaic).sum()) == 64 * 20
    True
    """
    found = np.zeros(plane.shape, dtype=bool)
    known = finite_mask(plane)
    if plane.size < _LEAST:
        return found
    if not _may_be_flat(plane):
        return found
    flat = _is_flat(plane, known, _SOLID)
    candidates = np.unique(plane[flat])
    if not 0 < len(candidates) <= _EXAMINED:
        return found
    narrow = _is_flat(plane, known, _NARROW)
    regions = []
    for value in candidates:
        equal = known & (plane == value)
        core = _large_parts(_widened(flat & equal, _SOLID))
        if core.any() and not _is_scattered(core, equal | ~known):
            reach = ndimage.binary_propagation(core, mask=_widened(narrow & equal, _NARROW))
            regions.append(ndimage.binary_dilation(reach, iterations=_RIM, mask=equal))
    if len(regions) > _MOST_VALUES:
        return found
    for region in regions:
        found |= region
    return found


def without_constant_regions(planes: NDArray[Any]) -> NDArray[Any]:
    """Return planes (P, Y, X) with NaN in constant regions, for the noise measurement.

    The planes are unchanged if only edges would be left, as in a black-and-white drawing.
    """
    constant = np.stack([find_constant_regions(plane) for plane in planes])
    left = finite_mask(planes) & ~constant
    if not constant.any() or not left.any():
        return planes
    wide = ndimage.minimum_filter(left, (1, _WIDE, _WIDE), mode="nearest").sum()
    if wide < max(_LEAST_LEFT, _SHARE_LEFT * left.sum()):
        return planes
    return np.where(constant, np.nan, planes.astype(np.float64))


def _may_be_flat(plane: NDArray[Any]) -> bool:
    """Return whether a sampled row has enough equal neighbours for a region (fast check)."""
    rows = plane[:: _SOLID // 2 + 1]
    return bool(_all_within(rows[:, 1:] == rows[:, :-1], _SOLID - 1, 1).any())


def _is_flat(values: NDArray[Any], known: NDArray[np.bool_], side: int) -> NDArray[np.bool_]:
    """Return where the square around a pixel, cropped to the plane, has one value, (Y, X).

    Neighbours are compared, which is ten times as fast as a filter for the extremes of each square.
    """
    in_row = _all_within(values[:, 1:] == values[:, :-1], side - 1, 1)
    in_column = _all_within(values[1:] == values[:-1], side - 1, 0)
    rows = np.pad(in_row, ((side // 2,) * 2, (0, 0)), constant_values=True)
    return known & in_column & _all_of(rows, side, 0)


def _all_within(equal: NDArray[np.bool_], count: int, axis: int) -> NDArray[np.bool_]:
    """Return where all pairs of neighbours around a pixel are equal, `count` of them at most."""
    width = [(count // 2,) * 2 if axis == along else (0, 0) for along in (0, 1)]
    return _all_of(np.pad(equal, width, constant_values=True), count, axis)


def _all_of(mask: NDArray[np.bool_], count: int, axis: int) -> NDArray[np.bool_]:
    """Return where so many successive values along an axis are all True."""
    starts = range(mask.shape[axis] - count + 1)
    windows = [mask[(slice(None),) * axis + (slice(n, n + len(starts)),)] for n in range(count)]
    return np.asarray(np.logical_and.reduce(windows))


def _widened(centres: NDArray[np.bool_], side: int) -> NDArray[np.bool_]:
    """Return the mask of the squares around the given pixels."""
    return np.asarray(ndimage.maximum_filter(centres, side, mode="constant", cval=0))


def _large_parts(core: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the connected parts that are large enough for a region."""
    labels, _ = ndimage.label(core)
    large = np.bincount(labels.ravel()) >= _LEAST
    large[0] = False
    return np.asarray(large[labels])


def _is_scattered(core: NDArray[np.bool_], equal: NDArray[np.bool_]) -> bool:
    """Return whether pixels of other values are scattered over the solid parts of a region."""
    rim = ndimage.maximum_filter(core, 2 * _RIM + 1, mode="constant", cval=0) & ~core
    if equal[rim].sum() > _POROUS * rim.sum():
        return True
    around = ndimage.maximum_filter(core, _SOLID, mode="nearest")
    closed = ndimage.minimum_filter(around, _SOLID, mode="nearest")
    labels, _ = ndimage.label(~equal, _DIAGONAL)
    few = np.bincount(labels.ravel()) <= _FEW
    few[0] = False
    scattered = np.unique(labels[closed & few[labels]]).size
    return scattered > 1 + _SCATTERED * float(core.sum())
