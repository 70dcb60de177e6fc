"""Typical planes: the planes of a stack in which intensity range and noise are measured."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_dip.core.image.axes import colour_samples
from napari_dip.core.image.constant_regions import find_constant_regions, is_constant
from napari_dip.core.image.image import finite_mask
from napari_dip.core.image.percentiles import percentiles

if TYPE_CHECKING:
    from napari_dip.core.image.image import Image

# Percentiles of the intensity range, robust against hot pixels.
RANGE_PERCENTILES = (0.1, 99.9)
# A plane is an outlier if its range exceeds the range of the others by more than this multiple
# of its width, or if its own width is less than this share of it.
_BEYOND, _NARROWER = 4.0, 0.2
# The lamp was off if a plane is darker than the others and has less than this share of their
# structure. Structure is measured in means over this many pixels, which hold hardly any noise.
_FLAT, _COARSE = 0.2, 8
# With fewer planes than this no outlier can be identified; if more than this share of the
# planes are outliers, the intensities drift along the stack.
_FEWEST, _MOST_FAR = 3, 1 / 4
# Approximate largest number of pixels along an axis that are examined in a plane.
_THIN = 512
# Side of the part of a large plane that is measured [pixels].
_SAMPLE = 1024
# Number of examined planes divided by the number of chosen planes.
_CANDIDATES = 5


class PlaneSummary(NamedTuple):
    """Summary of a plane that is not constant, in image units.

    Attributes
    ----------
    low, high : float
        Lower and upper end of the intensity range (0.1% and 99.9% of the pixels).
    mean : float
        Mean of the pixels.
    structure : float
        Standard deviation of the means over small squares.
    """

    low: float
    high: float
    mean: float
    structure: float


def summarise(plane: NDArray[Any]) -> PlaneSummary | None:
    """Summarise a plane (Y, X) outside constant regions; None if it is constant or missing."""
    recorded = finite_mask(plane)
    if not recorded.any() or is_constant(plane):
        return None
    plane = plane[tuple(slice(None, None, max(1, size // _THIN)) for size in plane.shape)]
    recorded = finite_mask(plane)
    recorded &= ~find_constant_regions(plane)
    if not recorded.any() or is_constant(plane[recorded]):
        return None
    valid = plane[recorded]
    low, high = percentiles(valid, RANGE_PERCENTILES)
    mean = float(valid.mean(dtype=np.float64))
    side = max(1, min(_COARSE, min(plane.shape) // _COARSE))
    differences = np.where(recorded, plane.astype(np.float64) - mean, 0)
    weights = ndimage.uniform_filter(recorded.astype(np.float64), side, mode="constant")
    coarse = ndimage.uniform_filter(differences, side, mode="constant")
    inside = weights > 0.5
    structure = float((coarse[inside] / weights[inside]).std()) if inside.any() else 0.0
    return PlaneSummary(low, high, mean, structure)


def are_typical(summaries: Sequence[PlaneSummary | None]) -> NDArray[np.bool_]:
    """Return which planes are neither constant, nor outliers, nor recorded without light.

    Parameters
    ----------
    summaries : sequence of PlaneSummary or None
        Summaries, one per plane; None for a constant plane.

    Returns
    -------
    (P,) bool array
        All planes that are not constant, if no plane is typical.

    Examples
    --------
    >>> good, dark, bright = (
    ...     PlaneSummary(10, 90, 40, 9),
    ...     PlaneSummary(9, 13, 11, 0.2),
    ...     PlaneSummary(100, 900, 400, 90),
    ... )
    >>> are_typical([good, None, good, dark, good, bright, good]).tolist()
    [True, False, True, False, True, False, True]
    """
    typical = np.array([summary is not None for summary in summaries])
    varied = [summary for summary in summaries if summary is not None]
    if len(varied) < _FEWEST:
        return typical
    middle = PlaneSummary(*np.median(np.array(varied), axis=0).tolist())
    others = middle.low, middle.high
    far = np.array([s is not None and is_far(s.low, s.high, others) for s in summaries])
    dark = np.array(
        [
            s is not None and s.mean < middle.mean and s.structure < _FLAT * middle.structure
            for s in summaries
        ]
    )
    if (far & ~dark).sum() > _MOST_FAR * len(varied):
        far[:] = False
    chosen = typical & ~far & ~dark
    return chosen if chosen.any() else typical


def is_far(low: float, high: float, others: tuple[float, float]) -> bool:
    """Return whether an intensity range is an outlier beside the range of other planes.

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


def sample_planes(image: Image, channel: int, count: int = 4) -> NDArray[Any]:
    """Return up to `count` typical planes of a channel, spread over the image, as (P, Y, X).

    Only a part of a large plane is read; these parts are spread along the diagonal. Constant
    planes and outliers are left out, unless there are no other planes.
    """
    planes = _positions(image, channel)
    height, width = (image.sizes[axis] for axis in "YX")
    last = (len(planes) - 1, max(height - _SAMPLE, 0), max(width - _SAMPLE, 0))
    # If all are typical, every fifth one is chosen.
    number = _CANDIDATES * (count - 1) + 1
    candidates = np.unique(np.linspace((0, 0, 0), last, number).astype(int), axis=0)

    def part(at: int, y: int, x: int) -> NDArray[Any]:
        return _read_part(image, planes[at], y, x)

    if len(candidates) > 1:
        typical = are_typical([summarise(part(*place)) for place in candidates])
        if typical.any():
            candidates = candidates[typical]
        else:  # search all parts for one that is not constant
            places = product(range(len(planes)), *(range(0, n, _SAMPLE) for n in (height, width)))
            found = next((place for place in places if summarise(part(*place)) is not None), None)
            candidates = candidates if found is None else np.array([found])
    chosen = np.unique(np.linspace(0, len(candidates) - 1, count).astype(int))
    return np.stack([part(*candidates[index]) for index in chosen])


def _positions(image: Image, channel: int) -> list[dict[str, int]]:
    """Return the index of each plane of a channel along the axes other than Y and X."""
    sizes = image.sizes
    ranges = {axis: range(n) for axis, n in sizes.items() if axis not in "YXCS"}
    if "C" in sizes:
        ranges["C"] = range(channel, channel + 1)
    if "S" in sizes:
        ranges["S"] = range(colour_samples(image))
    ordered = [axis for axis in image.axes if axis in ranges]
    along = product(*(ranges[axis] for axis in ordered))
    return [dict(zip(ordered, index, strict=True)) for index in along]


def _read_part(image: Image, position: dict[str, int], y: int, x: int) -> NDArray[Any]:
    """Return a part of a plane as (Y, X); only that part of a lazy array is read."""
    index = {**position, "Y": slice(y, y + _SAMPLE), "X": slice(x, x + _SAMPLE)}
    values = np.asarray(image.data[tuple(index[axis] for axis in image.axes)])
    upright = values if image.axes.index("Y") < image.axes.index("X") else values.T
    return np.ascontiguousarray(upright)
