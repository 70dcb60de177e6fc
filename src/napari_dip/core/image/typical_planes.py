"""Typical planes: those of a stack that its intensity range and its noise are measured in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_dip.core.image.constant_regions import find_constant_regions, is_constant
from napari_dip.core.image.image import mask_invalid

# The range of a plane: robust against hot pixels.
RANGE_PERCENTILES = (0.1, 99.9)
# A plane is far from the others if its range reaches beyond theirs by so many times its
# width, or has only this share of it.
_BEYOND, _NARROWER = 4.0, 0.2
# The lamp was off if a plane is darker than the others and has this share of their structure,
# seen in means over so many pixels, where noise is hardly left.
_FLAT, _COARSE = 0.2, 8
# Fewer planes than this do not show which of them is the exception; and if more than this
# share is far from the middle, intensities drift along the stack.
_FEWEST, _MOST_FAR = 3, 1 / 4
# Planes are examined on so many pixels along an axis, at most about.
_THIN = 512


class Look(NamedTuple):
    """Summary of a plane that is not constant, on the image's scale.

    Attributes
    ----------
    low, high : float
        Its range, without rare values.
    mean : float
        Mean of its pixels.
    structure : float
        Standard deviation of means over small squares.
    """

    low: float
    high: float
    mean: float
    structure: float


def look(plane: NDArray[Any]) -> Look | None:
    """Summarise a plane (Y, X) outside constant regions; None if it is constant or missing."""
    recorded = mask_invalid(plane)
    if not recorded.any() or is_constant(plane):
        return None
    plane = plane[tuple(slice(None, None, max(1, size // _THIN)) for size in plane.shape)]
    recorded = mask_invalid(plane)
    recorded &= ~find_constant_regions(plane)
    if not recorded.any() or is_constant(plane[recorded]):
        return None
    valid = plane[recorded].astype(np.float64)
    low, high = np.percentile(valid, RANGE_PERCENTILES)
    mean = float(valid.mean())
    side = max(1, min(_COARSE, min(plane.shape) // _COARSE))
    differences = np.where(recorded, plane.astype(np.float64) - mean, 0)
    weights = ndimage.uniform_filter(recorded.astype(np.float64), side, mode="constant")
    coarse = ndimage.uniform_filter(differences, side, mode="constant")
    inside = weights > 0.5
    structure = float((coarse[inside] / weights[inside]).std()) if inside.any() else 0.0
    return Look(float(low), float(high), mean, structure)


def are_typical(looks: Sequence[Look | None]) -> NDArray[np.bool_]:
    """Tell which planes are neither constant, nor far from the others, nor without light.

    Parameters
    ----------
    looks : sequence of Look or None
        One for each plane; None of a constant one.

    Examples
    --------
    >>> good, dark, bright = Look(10, 90, 40, 9), Look(9, 13, 11, 0.2), Look(100, 900, 400, 90)
    >>> are_typical([good, None, good, dark, good, bright, good]).tolist()
    [True, False, True, False, True, False, True]
    """
    typical = np.array([one is not None for one in looks])
    lit = [one for one in looks if one is not None]
    if len(lit) < _FEWEST:
        return typical
    middle = Look(*np.median(np.array(lit), axis=0).tolist())
    others = middle.low, middle.high
    far = np.array([one is not None and is_far(one.low, one.high, others) for one in looks])
    dark = np.array(
        [
            one is not None and one.mean < middle.mean and one.structure < _FLAT * middle.structure
            for one in looks
        ]
    )
    if (far & ~dark).sum() > _MOST_FAR * len(lit):
        far[:] = False
    chosen = typical & ~far & ~dark
    return chosen if chosen.any() else typical


def is_far(low: float, high: float, others: tuple[float, float]) -> bool:
    """Tell whether a range of intensities is far from that of other planes.

    Examples
    --------
    >>> [is_far(0, high, (0, 100)) for high in (15, 100, 450, 900)]
    [True, False, False, True]
    """
    width = others[1] - others[0]
    return (
        high > others[1] + _BEYOND * width
        or low < others[0] - _BEYOND * width
        or high - low < _NARROWER * width
    )
