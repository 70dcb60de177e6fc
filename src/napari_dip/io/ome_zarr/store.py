"""OME-Zarr by zarr: 0.1 to 0.5 in, 0.5 with a pyramid out; `zarr_metadata` says what it means."""

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
from napari_dip.io.ome_zarr.metadata import described, multiscale_of, ome_attributes, omero_of

if TYPE_CHECKING:
    import zarr

# The order that OME-Zarr demands; it has no samples, an RGB pixel has channels.
_ORDER = "TCZYX"
# A viewer shows a level of this size at once [pixels].
_SMALLEST_LEVEL = 512
_CHUNK = 512
_METADATA = ("zarr.json", ".zgroup", ".zarray", ".zattrs")
# What of a store may be replaced: these and chunks, whose names are numbers.
_STORED = (*_METADATA, ".zmetadata", "METADATA.ome.xml")


def is_zarr(path: Path) -> bool:
    """Tell whether a folder is a Zarr group or array."""
    return any((path / name).is_file() for name in _METADATA)


def holds_only_zarr(path: Path) -> bool:
    """Tell whether an OME-Zarr, and nothing else, would be lost with a folder."""
    return is_zarr(path) and all(
        file.name in _STORED or file.name.removeprefix("c").replace(".", "").isdigit()
        for file in path.rglob("*")
        if not file.is_dir()
    )


def read_zarr(path: Path, check_memory: Callable[[int], None] | None) -> Image:
    """Read the finest level of an OME-Zarr image, or a plain Zarr array.

    Parameters
    ----------
    path : Path
        Folder of a multiscale image, of a bioformats2raw layout with one
        image in it, or of an array.
    check_memory : callable or None
        Called with the size of the image [bytes] before it is read; without it the image
        stays lazy.
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
            "Name the folder of one image in it."
        )
    array = node[attributes["multiscales"][0]["datasets"][0]["path"]]
    if "napari_dip" in attributes and array.nchunks_initialized < array.nchunks:
        # Without an error zarr reads zeros for a chunk that is not there.
        raise FileFormatError(
            f"Got {path}, of which {array.nchunks - array.nchunks_initialized} of {array.nchunks} "
            "chunks are missing; expected all of them. Copy it again."
        )
    image = described(path, attributes, array.ndim)
    return image.with_data(_values(path, array, check_memory))


def write_zarr(path: Path, image: Image, description: str | None) -> None:
    """Write OME-Zarr 0.5, each level half of the one above; the description is an attribute."""
    values, axes = _ordered(image)
    array = create_zarr(path, image.with_data(values), axes, values.dtype)
    array[...] = values
    if not _same(array[...], values):
        raise _damaged(path, "0")
    complete_zarr(path, image, description)


def create_zarr(path: Path, image: Image, axes: str, dtype: np.dtype[Any]) -> zarr.Array:
    """Begin an OME-Zarr and return its finest level, of the image's shape, to be written into."""
    import zarr

    return _create_level(zarr.create_group(str(path), zarr_format=3), "0", image.shape, dtype, axes)


def complete_zarr(path: Path, image: Image, description: str | None) -> None:
    """Add coarser levels, block by block, and all that is to be known to a finest level.

    Parameters
    ----------
    path : Path
        What `create_zarr` began.
    image : Image
        Voxel size and units.
    description : str or None
        A JSON object.

    Raises
    ------
    FileFormatError
        A chunk is missing, cannot be read, or is not what was written.
    """
    import zarr

    group = zarr.open_group(str(path), mode="r+")
    level, levels = group["0"], 1
    axes = "".join(name.upper() for name in level.metadata.dimension_names)
    _check_level(path, level)
    while max(level.shape[-2:]) > _SMALLEST_LEVEL and min(level.shape[-2:]) > 1:
        coarser = _create_level(group, str(levels), _halved(level.shape), level.dtype, axes)
        for part in _chunks_of(coarser.shape):
            means = _means_of_pairs(level[_doubled(part)])
            coarser[part] = means
            if not _same(coarser[part], means):
                raise _damaged(path, str(levels))
        _check_level(path, coarser)
        level, levels = coarser, levels + 1
    ome: dict[str, Any] = {"version": "0.5", "multiscales": [multiscale_of(image, axes, levels)]}
    if image.channel_names or image.channel_colours:
        ome["omero"] = omero_of(image, np.asarray(level[...]), axes)
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
        # Else a chunk of zeros could not be told from one that was lost.
        config={"write_empty_chunks": True},
    )


def _check_level(path: Path, level: zarr.Array) -> None:
    """Refuse a level of which a chunk is missing."""
    if level.nchunks_initialized != level.nchunks:
        raise _damaged(path, level.basename)


def _damaged(path: Path, level: str) -> FileFormatError:
    return FileFormatError(
        f"Got other values back from level {level} of {path} than were written; expected "
        "the same. The disk may be full or failing."
    )


def _same(found: NDArray[Any], written: NDArray[Any]) -> bool:
    return np.array_equal(found, written, equal_nan=written.dtype.kind == "f")


def _only_image(path: Path, group: zarr.Group) -> str:
    names = [name for name in sorted(group.group_keys()) if name.isdigit()]
    if len(names) != 1:
        raise FileFormatError(
            f"Got {path}, which holds {len(names)} images; expected one. "
            f"Name its folder, such as {path / '0'}."
        )
    return str(names[0])


def _values(path: Path, array: zarr.Array, check_memory: Callable[[int], None] | None) -> Any:
    if array.dtype.kind not in "biuf":
        raise InputError(
            f"Got {path} of {array.dtype.name} values; expected whole numbers, floats or booleans."
        )
    if check_memory is None:
        return array
    check_memory(array.nbytes)
    # Read at once, not lazily: where the result is in memory anyway, damage is found
    # before the work.
    values: NDArray[Any] = np.asarray(array[...])
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def _dimension_names(array: zarr.Array) -> str | None:
    names = getattr(array.metadata, "dimension_names", None) or ()
    axes = "".join(str(name or "").upper() for name in names)
    return axes if len(axes) == array.ndim and not set(axes) - set(KNOWN_AXES) else None


def is_ordered(axes: str) -> bool:
    """Tell whether axes are in the order that OME-Zarr demands."""
    return set(axes) <= set(_ORDER) and axes == "".join(sorted(axes, key=_ORDER.index))


def _ordered(image: Image) -> tuple[NDArray[Any], str]:
    named = image.axes.replace("S", "C")
    axes = "".join(sorted(named, key=_ORDER.index))
    values = np.asarray(image.data).transpose([named.index(axis) for axis in axes])
    return np.ascontiguousarray(values), axes


def _halved(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (*shape[:-2], shape[-2] // 2, shape[-1] // 2)


def _chunks_of(shape: tuple[int, ...]) -> Iterator[tuple[Any, ...]]:
    """Return where the chunks of a level are."""
    starts = [range(0, size, _CHUNK) for size in shape[-2:]]
    for place in np.ndindex(*shape[:-2]):
        for y, x in product(*starts):
            yield (*place, *(slice(n, n + _CHUNK) for n in (y, x)))


def _doubled(part: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return where the pixels are that a part of a coarser level is made of."""
    return (*part[:-2], *(slice(2 * at.start, 2 * at.stop) for at in part[-2:]))


def _means_of_pairs(values: NDArray[Any]) -> NDArray[Any]:
    """Return means of 2 x 2 pixels; a last row or column without another is left out."""
    height, width = (size // 2 for size in values.shape)
    pairs = values[: 2 * height, : 2 * width].reshape(height, 2, width, 2)
    means = pairs.mean(axis=(1, 3), dtype=np.float64)
    whole = values.dtype.kind in "biu"
    return np.asarray((np.rint(means) if whole else means).astype(values.dtype))
