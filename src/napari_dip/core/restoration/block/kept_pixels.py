"""Kept pixels: pixels of constant planes and regions, which come back as observed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_dip.core.blocks.stitch import count_pixels_by_plane
from napari_dip.core.image.constant_regions import find_constant_regions, is_constant
from napari_dip.core.image.image import finite_mask
from napari_dip.core.records import ConstantRecord

if TYPE_CHECKING:
    from napari_dip.core.blocks.plan import Block

# Position of a plane along the other axes of the image.
Place = tuple[tuple[str, int], ...]
# Fewest pixels of a constant plane in a volume; a smaller plane may be constant by chance.
_LEAST_PLANE = 256

# Share of a plane from which on it counts as all of it, in spite of rounding.
_ALL = 1 - 1e-4


class KeptPixels:
    """Number of kept pixels of each plane."""

    def __init__(self) -> None:
        # Number of observed and of kept pixels, by plane.
        self._observed: defaultdict[Place, float] = defaultdict(float)
        self._kept: defaultdict[Place, float] = defaultdict(float)

    def add(
        self, block: Block, values: NDArray[Any], kept_pixels: NDArray[np.bool_], axes: str
    ) -> None:
        """Count the pixels of a block, (C, [Z, ]Y, X); tiles share the pixels of their overlap."""
        known = finite_mask(values)
        selection = dict(zip(axes, block.selection, strict=True))
        observed = count_pixels_by_plane(block, known)
        kept = count_pixels_by_plane(block, known & kept_pixels)
        for index in np.ndindex(observed.shape):
            along = dict(zip("CZ", index, strict=False))
            place = tuple(
                (axis, _position(at, along[axis] if axis in along else 0))
                for axis, at in selection.items()
                if axis in "TCZ"
            )
            self._observed[place] += float(observed[index])
            self._kept[place] += float(kept[index])

    def record(self) -> ConstantRecord | None:
        """Return the record for the report; None if no pixel was kept."""
        if not any(self._kept.values()):
            return None
        observed = {place: count for place, count in self._observed.items() if count}
        constant = [place for place, n in observed.items() if self._kept[place] >= _ALL * n]
        others = observed.keys() - set(constant)
        total = sum(observed[place] for place in others)
        return ConstantRecord(
            planes=tuple(dict(place) for place in constant),
            of_planes=len(self._observed),
            pixels=sum(self._kept[place] for place in others) / total if total else 0.0,
        )


def _position(at: int | slice, within: int) -> int:
    return at if isinstance(at, int) else (at.start or 0) + within


def constant_planes(values: NDArray[Any], gains: Sequence[float]) -> NDArray[np.bool_]:
    """Return True at the pixels of constant planes, missing pixels included.

    Parameters
    ----------
    values : (C, [Z, ]Y, X) array
        Observation on the image's scale.
    gains : sequence of float
        Difference on the image's scale that is 1 in network units, for each channel.

    Returns
    -------
    (C, [Z, ]Y, X) bool array
    """
    kept = np.zeros(values.shape, dtype=bool)
    for n, gain in enumerate(gains):
        kept[n] = _is_constant(values[n], gain)
        if values.ndim == 4 and values[n, 0].size >= _LEAST_PLANE:
            for z, plane in enumerate(values[n]):
                kept[n, z] |= _is_constant(plane, gain)
    return kept


def constant_regions(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Return True at the pixels of (C, [Z, ]Y, X) in a constant region of their plane."""
    planes = values.reshape(-1, *values.shape[-2:])
    return np.stack([find_constant_regions(plane) for plane in planes]).reshape(values.shape)


def differ(values: NDArray[Any], valid: NDArray[np.bool_], gains: Sequence[float]) -> bool:
    """Return whether the valid pixels of any channel differ from one another."""
    return any(
        bool(where.any()) and not is_constant(plane[where], gain)
        for plane, where, gain in zip(values, valid, gains, strict=True)
    )


def as_observed(values: NDArray[Any], kept: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return an observation (C, [Z, ]Y, X) with missing pixels of constant planes filled."""
    with np.errstate(over="ignore"):  # values too large for float32 are not kept
        observed = values.astype(np.float32)
    holes = kept & ~finite_mask(values)
    for index in zip(*np.nonzero(holes.any(axis=(-2, -1))), strict=True):
        plane, hole = observed[index], holes[index]
        # A plane without an observed pixel takes the value of its constant volume.
        known = observed[index[0]] if np.isnan(plane).all() else plane
        plane[hole] = np.nanmin(np.where(np.isfinite(known), known, np.nan))
    return observed


def enlarged(values: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Return an array with pixels repeated along each axis, up to the shape of an estimate."""
    for axis, (size, n) in enumerate(zip(shape, values.shape, strict=True)):
        if size != n:
            values = np.repeat(values, size // n, axis=axis)
    return values


def _is_constant(values: NDArray[Any], gain: float) -> bool:
    return bool(finite_mask(values).any()) and is_constant(values, gain)
