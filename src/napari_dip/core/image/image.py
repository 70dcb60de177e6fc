"""Image: an array with its axes, voxel size and units.

Axis letters are T (frames), C (channels), Z (planes), Y, X, and S (the samples
of an RGB pixel, always last). Lazy arrays (dask, zarr) stay lazy: only
`numpy.asarray` of a selection reads pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_dip.core.image.array_like import as_array, check_array
from napari_dip.errors import AxesError, Hint, InputError

KNOWN_AXES = "TCZYXS"
Affine = tuple[tuple[float, ...], ...]
# So many values of the last axis may be red, green, blue, and opacity.
_COLOURS = (3, 4)
_DEFAULT_AXES = {2: "YX", 3: "ZYX", 4: "TZYX", 5: "TZCYX"}


@dataclass(frozen=True, slots=True)
class Image:
    """An array whose axes have names.

    Attributes
    ----------
    data : array
        Any array with `shape`, `dtype` and slicing; never changed.
    axes : str
        One letter of "TCZYXS" per dimension; Y and X are always there.
    voxel_size : mapping of str to float
        Spacing along an axis, for the axes where it is known.
    units : mapping of str to str
        Unit of that spacing, such as "micrometer" or "second".
    position : mapping of str to float
        Coordinate of the centre of the first pixel along an axis, in the unit of its
        spacing, such as the place of a field in a tile scan; 0 along other axes.
    channel_names, channel_colours : tuple of str
        One for each entry of the axis C, or none; colours as RRGGBB, "" where unknown.
    affine : 4 rows of 4 numbers, optional
        From pixel indices (x, y, z, 1) to a scanner's millimetres, where a
        medical file has it; right, anterior and superior are positive.
    affine_code : int, optional
        NIfTI's code of the affine's space: 0 unknown, 1 scanner, 2 aligned, 3 Talairach,
        4 MNI; None if no file says it.
    qform : (int, affine), optional
        Code and matrix of the second affine that a NIfTI file has besides its sform.
    source : str, optional
        The file or the layer that it came from.
    warnings : tuple of str
        Sentences about what the file holds and the reader could not take over as it is.
        The report repeats them.
    """

    data: Any
    axes: str
    voxel_size: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    affine: Affine | None = None
    source: str | None = None
    warnings: tuple[str, ...] = ()
    position: Mapping[str, float] = field(default_factory=dict)
    channel_names: tuple[str, ...] = ()
    channel_colours: tuple[str, ...] = ()
    affine_code: int | None = None
    qform: tuple[int, Affine] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(int(n) for n in self.data.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        dtype: np.dtype[Any] = np.dtype(self.data.dtype)
        return dtype

    @property
    def rgb(self) -> bool:
        return self.axes.endswith("S")

    def enlarged(self, factors: Mapping[str, int]) -> Image:
        """Return n times as many pixels along each axis named, every pixel repeated."""
        data, voxel_size, position = self.data, dict(self.voxel_size), dict(self.position)
        for axis, factor in factors.items():
            data = np.repeat(np.asarray(data), factor, axis=self.axes.index(axis))
            if axis in voxel_size:
                voxel_size[axis] /= factor
                # The centre of the first of n small pixels.
                position[axis] = position.get(axis, 0.0) - voxel_size[axis] * (factor - 1) / 2
        steps = np.array([1 / factors.get(axis, 1) for axis in "XYZ"])
        finer = np.diag([*steps, 1.0])
        finer[:3, 3] = (steps - 1) / 2  # the centre of the first of n small pixels
        placed = self._placed(finer)
        return replace(placed, data=data, voxel_size=voxel_size, position=position)

    def cut(self, selection: tuple[slice, ...]) -> Image:
        """Return a part of the array at its own position, all axes kept.

        Parameters
        ----------
        selection : tuple of slice
            One for each axis, without steps.

        Examples
        --------
        >>> image = Image(np.zeros((8, 8)), "YX", {"Y": 0.5, "X": 0.5})
        >>> dict(image.cut((slice(2, 4), slice(None))).position)
        {'Y': 1.0}
        """
        starts = {axis: at.start or 0 for axis, at in zip(self.axes, selection, strict=True)}
        position = dict(self.position)
        for axis, start in starts.items():
            if start and axis in self.voxel_size:
                position[axis] = position.get(axis, 0.0) + start * self.voxel_size[axis]
        later = np.eye(4)
        later[:3, 3] = [starts.get(axis, 0) for axis in "XYZ"]
        channels = selection[self.axes.index("C")] if "C" in self.axes else slice(None)
        return replace(
            self._placed(later),
            data=self.data[selection],
            position=position,
            channel_names=self.channel_names[channels],
            channel_colours=self.channel_colours[channels],
        )

    def _placed(self, indices: NDArray[np.float64]) -> Image:
        """Return the image with affines of new indices (x, y, z, 1), which a matrix makes old."""

        def of_new(affine: Affine) -> Affine:
            return tuple(tuple(map(float, row)) for row in np.array(affine) @ indices)

        return replace(
            self,
            affine=None if self.affine is None else of_new(self.affine),
            qform=None if self.qform is None else (self.qform[0], of_new(self.qform[1])),
        )

    def calibrated(self, voxel_size: Mapping[Any, float] | None) -> Image:
        """Return the same values with another spacing along the axes named [micrometre]."""
        if not voxel_size:
            return self
        given = {axis.upper(): size for axis, size in voxel_size.items()}
        if set(given) - set(self.axes):
            raise AxesError(
                f"Got the voxel size {dict(voxel_size)} for an image with the axes {self.axes}; "
                f"expected a size for some of {', '.join(self.axes.lower())}."
            )
        units = {**self.units, **dict.fromkeys(given, "micrometer")}
        # An affine is made of the spacing that is said to be wrong, as is a position in pixels.
        position = {
            axis: at
            for axis, at in self.position.items()
            if axis not in given or self.units.get(axis) == "micrometer"
        }
        return replace(
            self,
            voxel_size={**self.voxel_size, **given},
            units=units,
            position=position,
            affine=None,
            affine_code=None,
            qform=None,
        )

    def with_data(self, data: Any) -> Image:
        """Return the same axes, voxel size and units around other values."""
        return replace(self, data=data)


def as_image(
    data: Any,
    axes: str | None = None,
    *,
    channel_axis: int | None = None,
) -> Image:
    """Wrap an array-like as an `Image`, refusing what cannot be restored.

    Parameters
    ----------
    data : array_like or Image
        Real or boolean numbers, at least two-dimensional. An `Image` keeps its
        axes unless `axes` says otherwise.
    axes : str, optional
        One letter per dimension. Guessed for arrays of two to five
        dimensions: YX, ZYX, TZYX, TZCYX; never C or S, unless `channel_axis`
        names it.
    channel_axis : int, optional
        Dimension that holds channels, as in scikit-image.

    Raises
    ------
    InputError
        For 0-d, 1-d, empty, complex, object, structured or text arrays.
    AxesError
        When the axes do not fit the array.

    Examples
    --------
    >>> as_image(np.zeros((3, 8, 8), np.uint16)).axes
    'ZYX'
    >>> as_image(np.zeros((8, 8, 3)), channel_axis=-1).axes
    'YXC'
    """
    image = data if isinstance(data, Image) else Image(as_array(data), "")
    check_array(image.data)
    if axes is None:
        axes = image.axes or _guess_axes(image.shape, channel_axis)
    image = replace(image, axes=axes.upper())
    _check_axes(image)
    return _without_other_axes(image)


def _without_other_axes(image: Image) -> Image:
    """Return an image without what a file knows of axes that it does not have, or not so long."""
    channels = dict(zip(image.axes, image.shape, strict=True)).get("C", 0)
    names, colours = image.channel_names, image.channel_colours
    return replace(
        image,
        voxel_size={axis: size for axis, size in image.voxel_size.items() if axis in image.axes},
        units={axis: unit for axis, unit in image.units.items() if axis in image.axes},
        position={axis: at for axis, at in image.position.items() if axis in image.axes},
        channel_names=names if len(names) == channels else (),
        channel_colours=colours if len(colours) == channels else (),
    )


def _guess_axes(shape: tuple[int, ...], channel_axis: int | None) -> str:
    ndim = len(shape)
    if channel_axis is None and ndim > 2 and shape[-1] in _COLOURS and shape[-2] > shape[-1]:
        raise AxesError(
            f"Got an array of shape {shape}, whose last axis may hold colours; expected the names "
            f"of its axes: {_DEFAULT_AXES.get(ndim - 1, '...YX')}S of colours, "
            f"{_DEFAULT_AXES.get(ndim, '...YX')} of planes."
        )
    spatial = ndim - (channel_axis is not None)
    if spatial not in _DEFAULT_AXES or (channel_axis is not None and spatial > 4):
        raise AxesError(
            f"Got an array of {ndim} dimensions; expected 2 to 5. Name its axes, such as TZCYX."
        )
    axes = list(_DEFAULT_AXES[spatial])
    if channel_axis is not None:
        if not -ndim <= channel_axis < ndim:
            raise AxesError(f"Got channel_axis={channel_axis}; expected an axis of {ndim}.")
        axes.insert(channel_axis % ndim, "C")
    return "".join(axes)


def _check_axes(image: Image) -> None:
    axes = image.axes
    expected = f"one letter of {', '.join(KNOWN_AXES)} for each of {len(image.shape)} dimensions"
    if (
        len(axes) != len(image.shape)
        or set(axes) - set(KNOWN_AXES)
        or len(set(axes)) != len(axes)
        or not {"Y", "X"} <= set(axes)
        or {"C", "S"} <= set(axes)
        or "S" in axes[:-1]
    ):
        raise AxesError(
            f"Got axes {axes!r} for an array of shape {image.shape}; expected {expected}, "
            "with Y and X, and not both C and S, S last. Name the axes.",
            Hint("axes", "TZCYX"),
        )


def aligned(other: Image, image: Image, what: str) -> NDArray[Any]:
    """Return another array spread over the shape of an image, without copying it.

    Parameters
    ----------
    other : Image
        Has the image's planes, (Y, X), or all its axes but samples; axes that
        it lacks are repeated. Of its own samples (RGB) the largest is taken.
    image : Image
        What it belongs to.
    what : str
        Its name in an error.

    Examples
    --------
    >>> stack = as_image(np.zeros((5, 8, 8)))
    >>> aligned(as_image(np.ones((8, 8))), stack, "mask").shape
    (5, 8, 8)
    """
    values, axes = np.asarray(other.data), other.axes
    if axes.endswith("S"):
        values, axes = values.max(axis=-1), axes[:-1]
    spatial = image.axes.replace("S", "")
    if values.ndim == len(spatial) and not set(axes) <= set(spatial):
        axes = spatial  # axes that were guessed for a plain array
    sizes = dict(zip(image.axes, image.shape, strict=True))
    fits = all(
        axis in spatial and size in (sizes[axis], 1)
        for axis, size in zip(axes, values.shape, strict=True)
    )
    if not fits or any(values.shape[axes.index(axis)] != sizes[axis] for axis in "YX"):
        raise InputError(
            f"Got a {what} of shape {values.shape} ({axes}) for an image of shape {image.shape} "
            f"({image.axes}); expected the same Y and X, or the same axes."
        )
    kept = [axis for axis in image.axes if axis in axes]
    values = values.transpose([axes.index(axis) for axis in kept])
    whole = tuple(slice(None) if axis in kept else None for axis in image.axes)
    return np.broadcast_to(values[whole], image.shape)


def mask_invalid(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Return True where a value is a finite number; infinite and NaN are missing."""
    if values.dtype.kind == "f":
        return np.asarray(np.isfinite(values))
    return np.ones(values.shape, dtype=bool)
