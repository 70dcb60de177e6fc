"""Typical planes: those of a stack that its intensity range and its noise are measured in."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_dip.core.image.axes import colour_samples
from napari_dip.core.image.constant_regions import find_constant_regions, is_constant
from napari_dip.core.image.image import mask_invalid

if TYPE_CHECKING:
    from napari_dip.core.image.image import Image

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
# Of a large plane, a part of so many pixels along each axis is measured.
_SAMPLE = 1024
# So many times as many planes are examined as are chosen.
_CANDIDATES = 5


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


def some_planes(image: Image, channel: int, count: int = 4) -> NDArray[Any]:
    """Return up to `count` typical planes of a channel, spread over the image, as (P, Y, X).

    Of a large plane only a part is read, at places spread along the diagonal. Constant
    planes and those far from the others are replaced; without any other they stay.
    """
    planes = _positions(image, channel)
    height, width = (image.shape[image.axes.index(axis)] for axis in "YX")
    last = (len(planes) - 1, max(height - _SAMPLE, 0), max(width - _SAMPLE, 0))
    # Every fifth of these is chosen, if all are typical.
    number = _CANDIDATES * (count - 1) + 1
    candidates = np.unique(np.linspace((0, 0, 0), last, number).astype(int), axis=0)

    def part(at: int, y: int, x: int) -> NDArray[Any]:
        return _read_part(image, planes[at], y, x)

    if len(candidates) > 1:
        typical = are_typical([look(part(*place)) for place in candidates])
        if typical.any():
            candidates = candidates[typical]
        else:  # search the rest, until there is a plane with something to measure
            places = product(range(len(planes)), *(range(0, n, _SAMPLE) for n in (height, width)))
            found = next((place for place in places if look(part(*place)) is not None), None)
            candidates = candidates if found is None else np.array([found])
    chosen = np.unique(np.linspace(0, len(candidates) - 1, count).astype(int))
    return np.stack([part(*candidates[index]) for index in chosen])


def _positions(image: Image, channel: int) -> list[dict[str, int]]:
    """Return the index of each plane of a channel along the axes other than Y and X."""
    sizes = dict(zip(image.axes, image.shape, strict=True))
    ranges = {axis: range(n) for axis, n in sizes.items() if axis not in "YXCS"}
    if "C" in sizes:
        ranges["C"] = range(channel, channel + 1)
    if "S" in sizes:
        ranges["S"] = range(colour_samples(image))
    ordered = [axis for axis in image.axes if axis in ranges]
    along = product(*(ranges[axis] for axis in ordered))
    return [dict(zip(ordered, index, strict=True)) for index in along]


def _read_part(image: Image, position: dict[str, int], y: int, x: int) -> NDArray[Any]:
    """Return a part of a plane as (Y, X); of a lazy array no more is read."""
    index = {**position, "Y": slice(y, y + _SAMPLE), "X": slice(x, x + _SAMPLE)}
    values = np.asarray(image.data[tuple(index[axis] for axis in image.axes)])
    upright = values if image.axes.index("Y") < image.axes.index("X") else values.T
    return np.ascontiguousarray(upright)
