"""Tables of readers and writers, and the choice of one by suffix or content."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from napari_dip.errors import FileFormatError
from napari_dip.io.dicom.reader import dicom_files, is_dicom, read_dicom
from napari_dip.io.napari_readers import read_with_plugin
from napari_dip.io.nifti import read_nifti, write_nifti
from napari_dip.io.numpy_arrays import read_numpy, write_numpy
from napari_dip.io.ome_zarr.store import is_zarr, read_zarr, write_zarr
from napari_dip.io.raster import read_picture, write_picture
from napari_dip.io.tiff.reader import read_companion, read_tiff
from napari_dip.io.tiff.writer import write_imagej, write_ome

if TYPE_CHECKING:
    from napari_dip.core.image.image import Image

    Reader = Callable[[Path, Callable[[int], None]], Image]
    Writer = Callable[[Path, Image, str | None], None]
    Format = TypeVar("Format", Reader, Writer)

READERS: dict[str, Reader] = {
    ".tif": read_tiff,
    ".tiff": read_tiff,
    ".companion.ome": read_companion,
    ".nii.gz": read_nifti,
    ".nii": read_nifti,
    ".dcm": read_dicom,
    ".npy": read_numpy,
    ".png": read_picture,
    ".jpg": read_picture,
    ".jpeg": read_picture,
    ".webp": read_picture,
}
WRITERS: dict[str, Writer] = {
    ".ome.tif": write_ome,
    ".ome.tiff": write_ome,
    ".tif": write_imagej,
    ".tiff": write_imagej,
    ".ome.zarr": write_zarr,
    ".zarr": write_zarr,
    ".nii.gz": write_nifti,
    ".nii": write_nifti,
    ".npy": write_numpy,
    ".png": write_picture,
}
# Readers and writers that need an optional library.
LIBRARIES: dict[Reader | Writer, str] = {
    read_zarr: "zarr",
    write_zarr: "zarr",
    read_nifti: "nibabel",
    write_nifti: "nibabel",
    read_dicom: "pydicom",
}


def is_image(path: Path) -> bool:
    """Return whether a path may be an image, by its suffix or the content of a folder."""
    if path.name.startswith("."):
        return False
    if path.is_dir():
        return is_zarr(path) or bool(dicom_files(path))
    return _by_suffix(READERS, path) is not None or is_dicom(path)


def reader_of(path: Path) -> Reader:
    """Return the function that reads an existing file or folder."""
    if path.is_dir() and is_zarr(path):
        return read_zarr
    if is_dicom(path) or (path.is_dir() and dicom_files(path)):
        return read_dicom
    if not path.is_file():
        problem = "is a folder without an image" if path.is_dir() else "does not exist"
        raise FileFormatError(f"Got {path}, which {problem}; expected an image file.")
    return _by_suffix(READERS, path) or read_with_plugin


def writer_of(path: Path) -> Writer:
    """Return the function that writes files with the suffix of a path."""
    writer = _by_suffix(WRITERS, path)
    if writer is None:
        raise FileFormatError(
            f"Got output {path}, whose format cannot be written; expected one of "
            f"{', '.join(WRITERS)}."
        )
    return writer


def _by_suffix(table: dict[str, Format], path: Path) -> Format | None:
    name = path.name.lower()
    # In each table the longer suffixes come first.
    return next((entry for suffix, entry in table.items() if name.endswith(suffix)), None)
