"""Image: an array with its axes, voxel size and units.

The axis letters are T (frames), C (channels), Z (planes), Y, X, and S (samples of an RGB pixel,
always last). Lazy arrays (dask, zarr) stay lazy: only `numpy.asarray` of a selection reads pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_dip.core.image.array_like import as_array, check_array
from napari_dip.core.image.axis_letters import check_axes, guess_axes
from napari_dip.errors import AxesError

if TYPE_CHECKING:
    from napari_dip.core.image.acquisition import Acquisition

Affine = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Image:
    """An array whose axes have names.

    Attributes
    ----------
    data : array
        Array with `shape`, `dtype` and slicing; it is never changed.
    axes : str
        Letters of "TCZYXS", one per dimension; Y and X are required.
    voxel_size : mapping of str to float
        Spacing along each axis where it is known, in the unit of `units`.
    units : mapping of str to str
        Unit of the spacing along each axis, such as "micrometer" or "second".
    position : mapping of str to float
        Coordinate of the centre of the first pixel along an axis, in the unit of its
        spacing; for example, the position of a field in a tile scan. 0 along other axes.
    channel_names, channel_colours : tuple of str
        Names and colours of the channels: one per channel, or empty. Colours are RRGGBB,
        "" where unknown.
    affine : 4 rows of 4 numbers, optional
        Map of a medical file from pixel indices (x, y, z, 1) to scanner coordinates
        [millimetre]; right, anterior and superior are positive.
    affine_code : int, optional
        NIfTI code of the affine's space: 0 unknown, 1 scanner, 2 aligned, 3 Talairach,
        4 MNI; None without a NIfTI file.
    qform : (int, affine), optional
        Code and matrix of the second affine of a NIfTI file, besides its sform.
    acquisition : Acquisition, optional
        Optics that the image was recorded with.
    source : str, optional
        Name of the file or layer.
    warnings : tuple of str
        Sentences about contents of the file that the reader cannot keep. The report
        repeats them.
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
    acquisition: Acquisition | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(int(n) for n in self.data.shape)

    @property
    def sizes(self) -> dict[str, int]:
        """Length of each axis [pixels, planes, frames or channels]."""
        return dict(zip(self.axes, self.shape, strict=True))

    @property
    def dtype(self) -> np.dtype[Any]:
        dtype: np.dtype[Any] = np.dtype(self.data.dtype)
        return dtype

    @property
    def rgb(self) -> bool:
        return self.axes.endswith("S")

    def plane(self, at: Mapping[str, int]) -> NDArray[Any]:
        """Return the plane (Y, X), or (Y, X, S) of RGB, at an index of each other axis.

        Examples
        --------
        >>> Image(np.zeros((4, 8, 2, 6)), "ZXCY").plane({"Z": 1, "C": 0}).shape
        (6, 8)
        """
        values = np.asarray(self.data[tuple(at.get(axis, slice(None)) for axis in self.axes)])
        kept = [axis for axis in self.axes if axis in "YXS"]
        return values.transpose([kept.index(axis) for axis in sorted(kept, key="YXS".index)])

    def enlarged(self, factors: Mapping[str, int]) -> Image:
        """Return the image with each pixel repeated n times along the given axes."""
        data, voxel_size, position = self.data, dict(self.voxel_size), dict(self.position)
        for axis, factor in factors.items():
            data = np.repeat(np.asarray(data), factor, axis=self.axes.index(axis))
            if axis in voxel_size:
                voxel_size[axis] /= factor
                # Centre of the first of n small pixels.
                position[axis] = position.get(axis, 0.0) - voxel_size[axis] * (factor - 1) / 2
        steps = np.array([1 / factors.get(axis, 1) for axis in "XYZ"])
        finer = np.diag([*steps, 1.0])
        finer[:3, 3] = (steps - 1) / 2  # centre of the first of n small pixels
        placed = self._placed(finer)
        return replace(placed, data=data, voxel_size=voxel_size, position=position)

    def cut(self, selection: tuple[slice, ...]) -> Image:
        """Return a part of the image at its own position, with all axes.

        Parameters
        ----------
        selection : tuple of slice
            One slice per axis, without steps.

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
            acquisition=self.acquisition and self.acquisition.cut(channels),
        )

    def _placed(self, indices: NDArray[np.float64]) -> Image:
        """Return the image with affines for new pixel indices.

        `indices` is the (4, 4) matrix from new indices (x, y, z, 1) to the present ones.
        """

        def of_new(affine: Affine) -> Affine:
            return tuple(tuple(map(float, row)) for row in np.array(affine) @ indices)

        return replace(
            self,
            affine=None if self.affine is None else of_new(self.affine),
            qform=None if self.qform is None else (self.qform[0], of_new(self.qform[1])),
        )

    def calibrated(self, voxel_size: Mapping[Any, float] | None) -> Image:
        """Return the image with the given spacing along the given axes [micrometre]."""
        if not voxel_size:
            return self
        given = {axis.upper(): size for axis, size in voxel_size.items()}
        if set(given) - set(self.axes):
            raise AxesError(
                f"Got the voxel size {dict(voxel_size)} for an image with the axes {self.axes}; "
                f"expected a size for some of {', '.join(self.axes.lower())}."
            )
        units = {**self.units, **dict.fromkeys(given, "micrometer")}
        # The affine and a position in pixels rest on the old spacing, which is wrong.
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
        """Return an image with other values and the same axes, voxel size and units."""
        return replace(self, data=data)


def as_image(
    data: Any,
    axes: str | None = None,
    *,
    channel_axis: int | None = None,
) -> Image:
    """Wrap an array-like as an `Image`; refuse arrays that cannot be restored.

    Parameters
    ----------
    data : array_like or Image
        Real or boolean array of at least two dimensions. An `Image` keeps its axes unless
        `axes` is given.
    axes : str, optional
        Axis letters, one per dimension. By default, arrays of two to five dimensions
        have the axes YX, ZYX, TZYX and TZCYX; an array never gets S, and gets C
        by `channel_axis` or as one of five dimensions only.
    channel_axis : int, optional
        Dimension of the channels, as in scikit-image.

    Raises
    ------
    InputError
        The array is 0-d, 1-d or empty, or its values are complex, objects, records or text.
    AxesError
        The axes do not match the array.

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
        axes = image.axes or guess_axes(image.shape, channel_axis)
    check_axes(axes.upper(), image.shape)
    return _without_other_axes(replace(image, axes=axes.upper()))


def _without_other_axes(image: Image) -> Image:
    """Return an image without metadata of axes that it lacks or whose length differs."""
    channels = image.sizes.get("C", 0)
    names, colours = image.channel_names, image.channel_colours
    return replace(
        image,
        voxel_size={axis: size for axis, size in image.voxel_size.items() if axis in image.axes},
        units={axis: unit for axis, unit in image.units.items() if axis in image.axes},
        position={axis: at for axis, at in image.position.items() if axis in image.axes},
        channel_names=names if len(names) == channels else (),
        channel_colours=colours if len(colours) == channels else (),
    )


def finite_mask(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Return the mask of finite values; infinite and NaN values count as missing."""
    if values.dtype.kind == "f":
        return np.asarray(np.isfinite(values))
    return np.ones(values.shape, dtype=bool)
