"""Formats: which function reads or writes a file, by its suffix or by what it holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from napari_dip.errors import FileFormatError
from napari_dip.io.dicom.reader import dicom_files, is_dicom, read_dicom
from napari_dip.io.napari_readers import read_with_plugin
from napari_dip.io.nifti import read_nifti, write_nifti
from napari_dip.io.ome_zarr.store import is_zarr, read_zarr, write_zarr
from napari_dip.io.raster import read_numpy, read_picture, write_numpy, write_picture
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
# What of them needs a library that not everybody has.
LIBRARIES: dict[Reader | Writer, str] = {
    read_zarr: "zarr",
    write_zarr: "zarr",
    read_nifti: "nibabel",
    write_nifti: "nibabel",
    read_dicom: "pydicom",
}


def is_image(path: Path) -> bool:
    """Tell by its name, or by what a folder holds, whether a path may be an image."""
    if path.name.startswith("."):
        return False
    if path.is_dir():
        return is_zarr(path) or bool(dicom_files(path))
    return _by_suffix(READERS, path) is not None or is_dicom(path)


def reader_of(path: Path) -> Reader:
    """Return what reads a file or folder that exists."""
    if path.is_dir() and is_zarr(path):
        return read_zarr
    if is_dicom(path) or (path.is_dir() and dicom_files(path)):
        return read_dicom
    if not path.is_file():
        what = "a folder without an image" if path.is_dir() else "no such file"
        raise FileFormatError(f"Got {path}, which is {what}; expected an image file.")
    return _by_suffix(READERS, path) or read_with_plugin


def writer_of(path: Path) -> Writer:
    """Return what writes under a name."""
    writer = _by_suffix(WRITERS, path)
    if writer is None:
        raise FileFormatError(
            f"Got {path}, which cannot be written; expected one of {', '.join(WRITERS)}."
        )
    return writer


def _by_suffix(table: dict[str, Format], path: Path) -> Format | None:
    name = path.name.lower()
    # The longer suffixes come first.
    return next((entry for suffix, entry in table.items() if name.endswith(suffix)), None)
