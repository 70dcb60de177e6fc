"""OME-Zarr by zarr: reads versions 0.1 to 0.5, writes 0.5 with a pyramid."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_dip.core.image.axis_letters import KNOWN_AXES
from napari_dip.core.image.image import Image
from napari_dip.errors import FileFormatError, InputError
from napari_dip.io.ome_zarr.metadata import (
    image_metadata,
    multiscale_metadata,
    ome_attributes,
    omero_metadata,
)

if TYPE_CHECKING:
    import zarr

# Order required by OME-Zarr, which stores RGB samples as channels.
_AXIS_ORDER = "TCZYX"
# The pyramid ends at a level of this size [pixels].
_COARSEST_SIZE = 512
# Side of a chunk along Y and X [pixels].
_CHUNK = 512
_METADATA = ("zarr.json", ".zgroup", ".zarray", ".zattrs")
# Names of the files of a store, besides chunks, whose names are numbers.
_FILE_NAMES = (*_METADATA, ".zmetadata", "METADATA.ome.xml")


def is_zarr(path: Path) -> bool:
    """Return whether a folder is a Zarr group or array."""
    return any((path / name).is_file() for name in _METADATA)


def holds_only_zarr(path: Path) -> bool:
    """Return whether a folder contains an OME-Zarr and no other files."""
    return is_zarr(path) and all(
        file.name in _FILE_NAMES or file.name.removeprefix("c").replace(".", "").isdigit()
        for file in path.rglob("*")
        if not file.is_dir()
    )


def read_zarr(path: Path, check_memory: Callable[[int], None] | None) -> Image:
    """Read the finest level of an OME-Zarr image, or a plain Zarr array.

    Parameters
    ----------
    path : Path
        Folder of a multiscale image, of a bioformats2raw layout with one image, or of
        an array.
    check_memory : callable or None
        Function called with the size of the image [bytes] before it is read; None for a
        lazy image.
    """
    import zarr

    node = zarr.open(str(path), mode="r")
    if isinstance(node, zarr.Array):
        return Image(_values(path, node, check_memory), _dimension_names(node) or "")
    attributes = ome_attributes(node.attrs)
    if "bioformats2raw.layout" in attributes:
        return read_zarr(path / _only_image(path, node), check_memory)
    if not attributes.get("multiscales"):
        kind = "a plate of images" if "plate" in attributes else "a Zarr group without an image"
        raise FileFormatError(
            f"Got {path}, which is {kind}; expected an OME-Zarr image. "
            "Choose the folder of one image in it."
        )
    array = node[attributes["multiscales"][0]["datasets"][0]["path"]]
    if "napari_dip" in attributes and array.nchunks_initialized < array.nchunks:
        # zarr reads zeros for a missing chunk, without an error.
        raise FileFormatError(
            f"Got {path}, in which {array.nchunks - array.nchunks_initialized} of {array.nchunks} "
            "chunks are missing; expected all chunks. Copy it again."
        )
    image = image_metadata(path, attributes, array.ndim)
    return image.with_data(_values(path, array, check_memory))


def write_zarr(path: Path, image: Image, description: str | None) -> None:
    """Write OME-Zarr 0.5 with a pyramid; the description becomes an attribute."""
    values, axes = _in_file_order(image)
    array = create_zarr(path, image.with_data(values), axes, values.dtype)
    array[...] = values
    if not _are_equal(array[...], values):
        raise _write_error(path, "0")
    complete_zarr(path, image, description)


def create_zarr(path: Path, image: Image, axes: str, dtype: np.dtype[Any]) -> zarr.Array:
    """Create an OME-Zarr and return its finest level, an empty array of the image's shape."""
    import zarr

    return _create_level(zarr.create_group(str(path), zarr_format=3), "0", image.shape, dtype, axes)


def complete_zarr(path: Path, image: Image, description: str | None) -> None:
    """Add coarser levels, block by block, and metadata to the finest level.

    Parameters
    ----------
    path : Path
        Folder made by `create_zarr`.
    image : Image
        Voxel size, units, position and channels.
    description : str or None
        JSON object, such as the report.

    Raises
    ------
    FileFormatError
        A chunk is missing, cannot be read, or differs from the written values.
    """
    import zarr

    group = zarr.open_group(str(path), mode="r+")
    level, levels = group["0"], 1
    axes = "".join(name.upper() for name in level.metadata.dimension_names)
    _check_level(path, level)
    while max(level.shape[-2:]) > _COARSEST_SIZE and min(level.shape[-2:]) > 1:
        coarser = _create_level(group, str(levels), _half_shape(level.shape), level.dtype, axes)
        for selection in _chunk_selections(coarser.shape):
            means = _mean_of_2x2(level[_finer_selection(selection)])
            coarser[selection] = means
            if not _are_equal(coarser[selection], means):
                raise _write_error(path, str(levels))
        _check_level(path, coarser)
        level, levels = coarser, levels + 1
    ome: dict[str, Any] = {
        "version": "0.5",
        "multiscales": [multiscale_metadata(image, axes, levels)],
    }
    if image.channel_names or image.channel_colours:
        ome["omero"] = omero_metadata(image, np.asarray(level[...]), axes)
    group.attrs.update({"ome": ome, "napari_dip": json.loads(description or "{}")})


def _create_level(
    group: zarr.Group, name: str, shape: tuple[int, ...], dtype: np.dtype[Any], axes: str
) -> zarr.Array:
    return group.create_array(
        name,
        shape=shape,
        dtype=dtype,
        chunks=(1,) * (len(shape) - 2) + tuple(min(size, _CHUNK) for size in shape[-2:]),
        dimension_names=list(axes.lower()),
        # Otherwise a chunk of zeros looks like a missing chunk.
        config={"write_empty_chunks": True},
    )


def _check_level(path: Path, level: zarr.Array) -> None:
    """Raise an error if a chunk of a level is missing."""
    if level.nchunks_initialized != level.nchunks:
        raise _write_error(path, level.basename)


def _write_error(path: Path, level: str) -> FileFormatError:
    return FileFormatError(
        f"Got other values from level {level} of the written {path} than from the image; "
        "expected equal values. The disk may be full or defective."
    )


def _are_equal(found: NDArray[Any], written: NDArray[Any]) -> bool:
    return np.array_equal(found, written, equal_nan=written.dtype.kind == "f")


def _only_image(path: Path, group: zarr.Group) -> str:
    names = [name for name in sorted(group.group_keys()) if name.isdigit()]
    if len(names) != 1:
        raise FileFormatError(
            f"Got {path}, which contains {len(names)} images; expected one image. "
            f"Choose its folder, such as {path / '0'}."
        )
    return str(names[0])


def _values(path: Path, array: zarr.Array, check_memory: Callable[[int], None] | None) -> Any:
    if array.dtype.kind not in "biuf":
        raise InputError(
            f"Got {path} of {array.dtype.name} values; expected integers, floats or booleans."
        )
    if check_memory is None:
        return array
    check_memory(array.nbytes)
    # If the result is in memory anyway, reading all pixels now finds damage before the fit.
    values: NDArray[Any] = np.asarray(array[...])
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def _dimension_names(array: zarr.Array) -> str | None:
    names = getattr(array.metadata, "dimension_names", None) or ()
    axes = "".join(str(name or "").upper() for name in names)
    return axes if len(axes) == array.ndim and not set(axes) - set(KNOWN_AXES) else None


def has_zarr_order(axes: str) -> bool:
    """Return whether axes are in the order that OME-Zarr requires."""
    return set(axes) <= set(_AXIS_ORDER) and axes == "".join(sorted(axes, key=_AXIS_ORDER.index))


def _in_file_order(image: Image) -> tuple[NDArray[Any], str]:
    letters = image.axes.replace("S", "C")
    axes = "".join(sorted(letters, key=_AXIS_ORDER.index))
    values = np.asarray(image.data).transpose([letters.index(axis) for axis in axes])
    return np.ascontiguousarray(values), axes


def _half_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (*shape[:-2], shape[-2] // 2, shape[-1] // 2)


def _chunk_selections(shape: tuple[int, ...]) -> Iterator[tuple[Any, ...]]:
    """Yield the selection of each chunk of a level."""
    starts = [range(0, size, _CHUNK) for size in shape[-2:]]
    for plane in np.ndindex(*shape[:-2]):
        for y, x in product(*starts):
            yield (*plane, *(slice(n, n + _CHUNK) for n in (y, x)))


def _finer_selection(coarser: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the selection in the next finer level of the pixels behind a coarser selection."""
    return (*coarser[:-2], *(slice(2 * part.start, 2 * part.stop) for part in coarser[-2:]))


def _mean_of_2x2(values: NDArray[Any]) -> NDArray[Any]:
    """Return means of 2 x 2 pixels; the last row or column of an odd size is dropped."""
    height, width = (size // 2 for size in values.shape)
    pairs = values[: 2 * height, : 2 * width].reshape(height, 2, width, 2)
    means = pairs.mean(axis=(1, 3), dtype=np.float64)
    is_integer = values.dtype.kind in "biu"
    return np.asarray((np.rint(means) if is_integer else means).astype(values.dtype))
