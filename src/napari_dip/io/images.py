"""Image files in and out, whatever the format.

Axes, voxel size and units are kept. An output is written under a temporary
name in its own folder, verified by reading it back, and only then renamed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
from numpy.typing import NDArray

from napari_dip.core.image.image import Image, as_image
from napari_dip.core.image.scaling import restore_dtype
from napari_dip.errors import FileFormatError, Hint, InputError, NapariDipError, OutputExistsError
from napari_dip.io.atomic import atomic_write, check_writable, flush, sha256_of
from napari_dip.io.formats import LIBRARIES, READERS, WRITERS, is_image, reader_of, writer_of
from napari_dip.io.ome_zarr.store import (
    complete_zarr,
    create_zarr,
    holds_only_zarr,
    read_zarr,
    write_zarr,
)
from napari_dip.io.raster import read_quantisation
from napari_dip.io.tiff.axes import assume_axes
from napari_dip.optional import require

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

__all__ = [
    "LIBRARIES",
    "READERS",
    "WRITERS",
    "check_output",
    "is_image",
    "open_zarr_output",
    "read_image",
    "read_kspace",
    "read_maps",
    "read_quantisation",
    "sha256_of",
    "write_image",
]


def read_image(
    path: str | os.PathLike[str], axes: str | None = None, *, lazy: bool = False
) -> Image:
    """Read an image file.

    Parameters
    ----------
    path : path
        .tif, .tiff (plain, ImageJ, OME), .png, .jpg, .jpeg, .webp, .npy, .nii,
        .nii.gz, DICOM, the folder of an OME-Zarr or of a DICOM series, or what an
        installed napari plugin reads.
    axes : str, optional
        In place of the file's, such as TZCYX.
    lazy : bool
        Leave the pixels of a Zarr where they are until they are asked for.

    Returns
    -------
    Image
        Axes from the file; voxel size, units, position and channel names where the
        file has them; pictures upright; `warnings` on what was not taken over as it is.

    Raises
    ------
    FileFormatError
        When the file is missing, damaged, cut off, or of another format.
    AxesError
        When the axes do not fit, or cannot be told from the file.
    """
    path = Path(path)
    image = _read(path, lazy)
    if axes is None:
        image = assume_axes(image)
    return replace(as_image(image, axes), source=str(path))


def _read(path: Path, lazy: bool = False) -> Image:
    reader = reader_of(path)
    if reader in LIBRARIES:
        require(LIBRARIES[reader], path)
    with _library_errors_translated(path):
        if lazy and reader is read_zarr:
            image = read_zarr(path, None)
            return replace(image, data=_LazyArray(path, image.data))
        return reader(path, _check_memory)


class _LazyArray:
    """An array on the disk, whose damage is found only as its parts are read."""

    def __init__(self, path: Path, array: Any) -> None:
        self._path, self._array = path, array
        self.shape, self.dtype, self.ndim = array.shape, array.dtype, array.ndim

    def __getitem__(self, part: Any) -> Any:
        with _library_errors_translated(self._path):
            return self._array[part]

    def __array__(
        self, dtype: np.dtype[Any] | None = None, copy: bool | None = None
    ) -> NDArray[Any]:
        return np.asarray(self[...], dtype)


@contextmanager
def _library_errors_translated(path: Path) -> Iterator[None]:
    """Turn what a library raises into an error of ours."""
    try:
        yield
    except NapariDipError:
        raise
    except Exception as error:
        # Decoders raise what they like on damaged files; the cause stays attached.
        cause = _root_cause(error)
        raise FileFormatError(
            f"Got {path}, which is no readable {path.suffix or 'image'} file ({cause}); "
            "expected an image. Check that the copy is complete and the suffix right."
        ) from error


def read_kspace(path: str | os.PathLike[str]) -> NDArray[np.complexfloating] | None:
    """Return the complex numbers of a .npy file; None for any other file, or other numbers."""
    path = Path(path)
    if path.suffix.lower() != ".npy" or not path.is_file():
        return None
    try:
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):  # `read_image` says what is wrong with it
        return None
    if mapped.dtype.kind != "c":
        return None
    _check_memory(mapped.nbytes)
    return np.array(mapped)


def read_maps(path: str | os.PathLike[str]) -> NDArray[np.complexfloating]:
    """Return the complex numbers of a .npy file, and refuse any other."""
    maps = read_kspace(path)
    if maps is None:
        raise FileFormatError(
            f"Got sensitivity maps {path}; expected a .npy file of complex numbers, (coils, Y, X)."
        )
    return maps


def write_image(
    path: str | os.PathLike[str],
    image: Image,
    *,
    description: str | None = None,
    overwrite: bool = False,
    dtype: DTypeLike | None = None,
) -> None:
    """Write an image file, whole or not at all.

    Parameters
    ----------
    path : path
        The suffix decides: .ome.tif, .ome.tiff, .tif, .tiff (ImageJ), .ome.zarr,
        .nii, .nii.gz, .npy or .png.
    image : Image
        Values, axes, voxel size and units.
    description : str, optional
        A JSON object to keep in the file, such as the report; not in .npy and .png.
    overwrite : bool
        Replace an existing file, or a folder that holds an OME-Zarr alone.
    dtype : dtype, optional
        Convert the values, rounded and clipped; .png needs uint8 or uint16.

    Raises
    ------
    OutputExistsError
        When the file exists and `overwrite` is false.
    FileFormatError
        When the folder, the disk or the format does not allow it.
    """
    path = Path(path)
    check_output(path, overwrite)
    if dtype is not None:
        image = image.with_data(restore_dtype(np.asarray(image.data), np.dtype(dtype)))
    writer = writer_of(path)
    with atomic_write(path) as partial:
        writer(partial, image, description)
        flush(partial)
        _verify(partial, image)


class _Incomplete(Exception):
    """What was begun is not to be kept."""


@contextmanager
def open_zarr_output(
    path: str | os.PathLike[str], image: Image, *, overwrite: bool = False
) -> Iterator[tuple[Any, Callable[[str], None]]]:
    """Write an OME-Zarr part by part, whole or not at all.

    Parameters
    ----------
    path : path
        A folder.
    image : Image
        Shape, axes in the order of OME-Zarr, voxel size and units.
    overwrite : bool
        Replace a folder that holds an OME-Zarr alone.

    Yields
    ------
    (array, complete)
        A float32 Zarr array to write into, and what is to be called with the description
        at the end; without that nothing is there afterwards.
    """
    path = Path(path)
    check_output(path, overwrite)
    completed = False
    with suppress(_Incomplete), atomic_write(path) as partial:
        array = create_zarr(partial, image, image.axes, np.dtype(np.float32))

        def complete(description: str) -> None:
            nonlocal completed
            complete_zarr(partial, image, description)
            flush(partial)
            completed = True

        yield array, complete
        if not completed:
            raise _Incomplete


def check_output(path: str | os.PathLike[str], overwrite: bool) -> None:
    """Raise now what `write_image` would raise after the work is done."""
    path = Path(path)
    writer = writer_of(path)
    if writer in LIBRARIES:
        require(LIBRARIES[writer], path)
    if not path.parent.is_dir():
        raise FileFormatError(f"Got output {path}; expected the folder {path.parent} to exist.")
    check_writable(path)
    if path.exists() and path.is_dir() != (writer is write_zarr):
        kinds = ("a folder", "a file name") if path.is_dir() else ("a file", "an OME-Zarr folder")
        raise FileFormatError(f"Got output {path}, which is {kinds[0]}; expected {kinds[1]}.")
    if path.is_dir() and not holds_only_zarr(path):
        raise FileFormatError(
            f"Got output {path}, a folder that holds other files than an OME-Zarr's; expected a "
            "new name."
        )
    if path.exists() and not overwrite:
        raise OutputExistsError(
            f"Got output {path}, which exists; expected a new name, or leave to replace it.",
            Hint("overwrite"),
        )


def _root_cause(error: Exception) -> str:
    """Return the first line of what a library says of the first cause."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    return str(cause).splitlines()[0] if str(cause) else type(cause).__name__


def _check_memory(needed: int) -> None:
    """Refuse what does not fit: a forged header can ask for terabytes."""
    available = psutil.virtual_memory().available
    if needed > available:
        raise InputError(
            f"Got an image of {needed / 1e9:.1f} GB; expected at most the {available / 1e9:.1f} GB "
            "of free memory. Crop it, or close other programs."
        )


def _verify(path: Path, image: Image) -> None:
    """Read back what was written: a writer can fail without an exception."""
    expected = np.asarray(image.data)
    values = np.asarray(_read(path).data)
    # Writers drop axes of length 1 and put the others into their format's order.
    same = values.size == expected.size and np.array_equal(
        np.sort(values, axis=None),
        np.sort(expected, axis=None),
        equal_nan=expected.dtype.kind == "f",
    )
    if not same:
        raise FileFormatError(
            f"Got other values back from {path.suffix} than were written; expected the same. "
            "The disk may be full or failing."
        )
