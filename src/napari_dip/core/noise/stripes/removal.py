"""Subtraction of stripes from an image, plane by plane; lazy images stay lazy."""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_dip.core.image.axes import channel_axis, colour_samples
from napari_dip.core.image.constant_regions import find_constant_regions
from napari_dip.core.image.typical_planes import sample_planes
from napari_dip.core.noise.stripes.detection import end_within_lines, find_stripes
from napari_dip.core.noise.stripes.line_steps import Stripes
from napari_dip.core.noise.stripes.offsets import estimate_stripes
from napari_dip.core.records import StripesRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_dip.config import StripesChoice
    from napari_dip.core.image.image import Image

# Number of planes of a lazy image whose stripes are kept.
_REMEMBERED = 64
# Choices of a direction, which are not searched for.
_GIVEN: dict[StripesChoice, Stripes] = {
    "rows": Stripes("rows"),
    "columns": Stripes("columns"),
    "partial-rows": Stripes("rows", partial=True),
    "partial-columns": Stripes("columns", partial=True),
}


def remove_stripes(
    image: Image, choice: StripesChoice
) -> tuple[Image, tuple[StripesRecord | None, ...]]:
    """Subtract stripes from an image.

    Parameters
    ----------
    image : Image
        Observation; NaN at missing pixels.
    choice : {"auto", "none", "rows", "columns", "partial-rows", "partial-columns"}
        Direction of the stripes; "auto" searches for them.

    Returns
    -------
    Image
        The same object if no channel has stripes.
    tuple of StripesRecord or None
        Stripes of each channel, for the report.

    Examples
    --------
    >>> from napari_dip.core.image.image import as_image
    >>> offsets, noise = np.random.default_rng(0).normal(size=(2, 192, 192))
    >>> image, (record,) = remove_stripes(as_image(noise + 2 * offsets[:, :1]), "auto")
    >>> record.direction, bool(np.asarray(image.data).mean(axis=1).std() < 0.5)
    ('rows', True)
    """
    axis = channel_axis(image)
    count = 1 if axis is None else image.shape[axis]
    if choice == "none":
        return image, (None,) * count
    channels: list[Stripes | None] = []
    records: list[StripesRecord | None] = []
    for channel in range(count):
        planes = sample_planes(image, channel)
        stripes = find_stripes(planes) if choice == "auto" else _GIVEN[choice]
        channels.append(stripes)
        records.append(None if stripes is None else _record(planes, stripes))
    if not any(channels):
        return image, tuple(records)
    without = WithoutStripes(image, channels)
    lazy = not isinstance(image.data, np.ndarray)
    return image.with_data(without if lazy else without[...]), tuple(records)


def _record(planes: NDArray[Any], stripes: Stripes) -> StripesRecord:
    deviations = [estimate_stripes(plane, stripes).std() for plane in planes]
    return StripesRecord(
        direction=stripes.direction,
        sigma=float(np.sqrt(np.mean(np.square(deviations)))),
        partial=stripes.partial,
        end_within_lines=end_within_lines(planes, stripes.direction),
    )


class WithoutStripes:
    """Array from which stripes are subtracted when a selection is read.

    Parameters
    ----------
    image : Image
        Image with stripes.
    channels : sequence of Stripes or None
        Stripes of each channel.
    """

    def __init__(self, image: Image, channels: Sequence[Stripes | None]) -> None:
        self._data, self._axes, self._channels = image.data, image.axes, channels
        self._colours = colour_samples(image)
        self.shape = image.shape
        # float64 where float32 cannot represent every value.
        self.dtype = np.result_type(image.dtype, np.float32)
        # The stripes of a plane are needed for each of its tiles.
        self._stripes = lru_cache(_REMEMBERED)(self._estimate)

    def __getitem__(self, selection: Any) -> NDArray[Any]:
        at = selection if isinstance(selection, tuple) else (selection,)
        if Ellipsis in at:
            n = at.index(Ellipsis)
            at = at[:n] + (slice(None),) * (len(self.shape) - len(at) + 1) + at[n + 1 :]
        at += (slice(None),) * (len(self.shape) - len(at))
        values = np.array(self._data[selection], dtype=self.dtype)
        in_plane = tuple(part for part, axis in zip(at, self._axes, strict=True) if axis in "YX")
        for position, place in self._planes(at):
            pattern = self._stripes(position)
            if pattern is not None:
                values[place] -= np.broadcast_to(pattern, self._plane_shape)[in_plane]
        return values

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return self[...].astype(dtype or self.dtype)

    @property
    def _plane_shape(self) -> tuple[int, ...]:
        sizes = zip(self._axes, self.shape, strict=True)
        return tuple(size for axis, size in sizes if axis in "YX")

    def _planes(self, at: tuple[Any, ...]) -> list[tuple[tuple[int, ...], tuple[Any, ...]]]:
        """Return the position of each selected plane along other axes, and its index in `at`."""
        choices: list[list[tuple[tuple[int, ...], tuple[Any, ...]]]] = []
        for part, axis, size in zip(at, self._axes, self.shape, strict=True):
            if axis in "YX":
                here = () if isinstance(part, (int, np.integer)) else (slice(None),)
                choices.append([((), here)])
            elif isinstance(part, (int, np.integer)):
                choices.append([((int(part) % size,), ())])
            else:
                places = np.arange(size)[part]
                choices.append([((int(place),), (n,)) for n, place in enumerate(places)])
        return [
            (
                tuple(number for position, _ in chosen for number in position),
                tuple(part for _, place in chosen for part in place),
            )
            for chosen in product(*choices)
        ]

    def _estimate(self, position: tuple[int, ...]) -> NDArray[np.float32] | None:
        """Return the stripes of a plane, in the order of its axes; 0 in constant regions."""
        others = [axis for axis in self._axes if axis not in "YX"]
        at = dict(zip(others, position, strict=True))
        stripes = self._channels[at.get("C", 0)]
        if stripes is None or at.get("S", 0) >= max(self._colours, 1):
            return None  # no stripes, or the opacity
        index = tuple(at.get(axis, slice(None)) for axis in self._axes)
        plane = np.asarray(self._data[index])
        upright = plane if self._axes.index("Y") < self._axes.index("X") else plane.T
        constant = find_constant_regions(upright)
        known = np.where(constant, np.nan, upright) if constant.any() else upright
        pattern = estimate_stripes(known, stripes)
        if constant.any():
            pattern = np.where(constant, 0, pattern).astype(np.float32)
        return pattern if upright is plane else pattern.T
