"""Reading and writing of images in all supported formats.

Axes, voxel size and units are kept. An output is first written to a hidden file in
the same folder, then read back and compared, and only then renamed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_dip.core.image.image import Image, as_image
from napari_dip.core.image.scaling import restore_dtype
from napari_dip.errors import FileFormatError, Hint, NapariDipError, OutputExistsError, first_line
from napari_dip.io.atomic import atomic_write, check_writable, flush, sha256_of
from napari_dip.io.formats import LIBRARIES, READERS, WRITERS, is_image, reader_of, writer_of
from napari_dip.io.memory_check import check_memory
from napari_dip.io.numpy_arrays import read_kspace, read_maps
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
        File: .tif, .tiff (plain, ImageJ, OME), .png, .jpg, .jpeg, .webp, .npy, .nii,
        .nii.gz, DICOM, or any format of an installed napari plugin. Folder: an
        OME-Zarr or a DICOM series.
    axes : str, optional
        Axes that replace those of the file, one letter per dimension, such as "TZCYX".
    lazy : bool, default False
        Leave the pixels of a Zarr on the disk; each access reads the part it needs.

    Returns
    -------
    Image
        Pixels and axes; voxel size, units, position and channel names if the file has
        them. Pictures are turned upright. `warnings` lists what the reader changed or lost.

    Raises
    ------
    FileFormatError
        The file is missing, damaged, incomplete, or of an unsupported format.
    AxesError
        The axes do not match the dimensions, or the file does not define them.
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
    with _as_format_error(path):
        if lazy and reader is read_zarr:
            image = read_zarr(path, None)
            return replace(image, data=_LazyArray(path, image.data))
        return reader(path, check_memory)


class _LazyArray:
    """A Zarr array on the disk; reading a damaged part raises an error of this package."""

    def __init__(self, path: Path, array: Any) -> None:
        self._path, self._array = path, array
        self.shape, self.dtype, self.ndim = array.shape, array.dtype, array.ndim

    def __getitem__(self, part: Any) -> Any:
        with _as_format_error(self._path):
            return self._array[part]

    def __array__(
        self, dtype: np.dtype[Any] | None = None, copy: bool | None = None
    ) -> NDArray[Any]:
        return np.asarray(self[...], dtype)


@contextmanager
def _as_format_error(path: Path) -> Iterator[None]:
    """Convert exceptions of libraries to a `FileFormatError`."""
    try:
        yield
    except NapariDipError:
        raise
    except Exception as error:
        # Decoders raise exceptions of any class for damaged files.
        cause = _root_cause(error)
        raise FileFormatError(
            f"Got {path}, which cannot be read as {path.suffix or 'an image'} ({cause}); "
            "expected an image. Check that the file is complete and its suffix is correct."
        ) from error


def write_image(
    path: str | os.PathLike[str],
    image: Image,
    *,
    description: str | None = None,
    overwrite: bool = False,
    dtype: DTypeLike | None = None,
) -> None:
    """Write an image file atomically: on failure nothing is left and an old file stays.

    Parameters
    ----------
    path : path
        Output; its suffix selects the format: .ome.tif, .ome.tiff, .tif, .tiff (ImageJ),
        .ome.zarr, .zarr, .nii, .nii.gz, .npy or .png.
    image : Image
        Pixels, axes, voxel size and units.
    description : str, optional
        JSON object to store in the file, such as the report; .npy and .png cannot store it.
    overwrite : bool, default False
        Replace an existing file, or an existing folder with nothing but an OME-Zarr.
    dtype : dtype, optional
        Data type to convert to, with rounding and clipping; .png needs uint8 or uint16.

    Raises
    ------
    OutputExistsError
        The file exists and `overwrite` is false.
    FileFormatError
        The folder, the disk or the format does not allow writing the image.
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
    """The output was not completed and must be deleted."""


@contextmanager
def open_zarr_output(
    path: str | os.PathLike[str], image: Image, *, overwrite: bool = False
) -> Iterator[tuple[Any, Callable[[str], None]]]:
    """Open an OME-Zarr to write it block by block, atomically.

    Parameters
    ----------
    path : path
        Output folder.
    image : Image
        Shape, axes in the order of OME-Zarr, voxel size and units.
    overwrite : bool, default False
        Replace an existing folder with nothing but an OME-Zarr.

    Yields
    ------
    (array, complete)
        Float32 Zarr array to write to, and a function to call last, with the description.
        If it is not called, the output is deleted.
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
    """Raise the error that `write_image` would raise, before the restoration starts.

    Parameters
    ----------
    path : path
        Output.
    overwrite : bool
        Whether an existing output may be replaced.
    """
    path = Path(path)
    writer = writer_of(path)
    if writer in LIBRARIES:
        require(LIBRARIES[writer], path)
    if not path.parent.is_dir():
        raise FileFormatError(f"Got output {path}; expected the folder {path.parent} to exist.")
    check_writable(path)
    if path.exists() and path.is_dir() != (writer is write_zarr):
        found, expected = (
            ("a folder", "a file name")
            if path.is_dir()
            else ("a file", "the folder of an OME-Zarr")
        )
        raise FileFormatError(f"Got output {path}, which is {found}; expected {expected}.")
    if path.is_dir() and not holds_only_zarr(path):
        raise FileFormatError(
            f"Got output {path}, a folder with files that are not part of an OME-Zarr; expected a "
            "new name."
        )
    if path.exists() and not overwrite:
        raise OutputExistsError(
            f"Got output {path}, which exists; expected a new name, or permission to replace it.",
            Hint("overwrite"),
        )


def _root_cause(error: Exception) -> str:
    """Return the first line of the message of the innermost cause."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    return first_line(cause)


def _verify(path: Path, image: Image) -> None:
    """Raise an error if the values read back differ: a writer can fail silently."""
    expected = np.asarray(image.data)
    values = np.asarray(_read(path).data)
    # Sorted values, because writers drop axes of length 1 and reorder the others.
    same = values.size == expected.size and np.array_equal(
        np.sort(values, axis=None),
        np.sort(expected, axis=None),
        equal_nan=expected.dtype.kind == "f",
    )
    if not same:
        raise FileFormatError(
            f"Got other values from the written {path.suffix} file than from the image; expected "
            "equal values. The disk may be full or defective."
        )
