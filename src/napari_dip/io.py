"""Image files in and out: a reader and a writer for each suffix.

Axes, voxel size and units are kept. An output is written under a temporary
name in its own folder, verified by reading it back, and only then renamed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import psutil
from numpy.typing import NDArray

from napari_dip.core.image import Image, as_image
from napari_dip.core.scaling import restore_dtype
from napari_dip.dicom import dicom_files, is_dicom, read_dicom
from napari_dip.errors import FileFormatError, InputError, NapariDipError, OutputExistsError
from napari_dip.extras import require
from napari_dip.nifti import read_nifti, write_nifti
from napari_dip.pictures import read_numpy, read_picture, write_numpy, write_picture
from napari_dip.plugins import read_by_plugin
from napari_dip.tasks import Quantisation
from napari_dip.tiff import read_tiff, write_imagej, write_ome
from napari_dip.zarrs import holds_only_zarr, is_zarr, read_zarr, write_zarr

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    Reader = Callable[[Path, Callable[[int], None]], Image]
    Writer = Callable[[Path, Image, str | None], None]
    Format = TypeVar("Format", Reader, Writer)

# Pixels along Y and X that share a colour in 4:4:4, 4:2:2 and 4:2:0.
_COLOUR_FACTORS = ((1, 1), (1, 2), (2, 2))


def read_image(path: str | os.PathLike[str], axes: str | None = None) -> Image:
    """Read an image file.

    Parameters
    ----------
    path : path
        .tif, .tiff (plain, ImageJ, OME), .png, .jpg, .jpeg, .npy, .nii, .nii.gz,
        DICOM, the folder of an OME-Zarr or of a DICOM series, or what an
        installed napari plugin reads.
    axes : str, optional
        In place of the file's, such as TZCYX.

    Returns
    -------
    Image
        Axes from the file; voxel size and units where the file has them.

    Raises
    ------
    FileFormatError
        When the file is missing, damaged, cut off, or of another format.
    AxesError
        When the axes do not fit, or cannot be told from the file.
    """
    path = Path(path)
    reader = _reader(path)
    if reader in LIBRARIES:
        require(LIBRARIES[reader], path)
    try:
        image = reader(path, _check_memory)
    except NapariDipError:
        raise
    except (OSError, EOFError) as error:
        raise FileFormatError(f"Got {path}, which cannot be read ({_first(error)}).") from error
    except Exception as error:
        # Decoders raise what they like on damaged files; the cause stays attached.
        raise FileFormatError(
            f"Got {path}, which is no readable {path.suffix or 'image'} file ({_first(error)}); "
            "expected an image. "
            "Check that the copy is complete and the suffix right."
        ) from error
    return replace(as_image(image, axes), source=str(path))


def is_image(path: Path) -> bool:
    """Tell by its name, or by what a folder holds, whether a path may be an image."""
    if path.name.startswith("."):
        return False
    if path.is_dir():
        return is_zarr(path) or bool(dicom_files(path))
    return _by_suffix(READERS, path) is not None or is_dicom(path)


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


def read_quantisation(path: str | os.PathLike[str]) -> Quantisation | None:
    """Return how a JPEG file was rounded; None for any other file, and for rare kinds of JPEG.

    Parameters
    ----------
    path : path
        A file whose pixels `read_image` returns as they were decoded.

    Notes
    -----
    Of grey and of JFIF's luma and colour differences, the latter as fine as
    luma, or half as fine along X, or along both axes.
    """
    from PIL import Image as Picture
    from PIL import UnidentifiedImageError
    from PIL.JpegImagePlugin import JpegImageFile

    try:
        with Picture.open(path) as picture:
            if not isinstance(picture, JpegImageFile) or picture.mode not in ("L", "RGB"):
                return None
            tables, layers = picture.quantization, picture.layer
            stored_as_rgb = picture.info.get("adobe_transform") == 0
    except (OSError, UnidentifiedImageError):  # `read_image` says what is wrong with it
        return None
    # Of each component: its name, samples along X and Y, and table.
    samples = [(along_y, along_x) for _, along_x, along_y, _ in layers]
    factors = samples[0] if len(samples) == 3 else (1, 1)
    if stored_as_rgb or factors not in _COLOUR_FACTORS or set(samples[1:]) - {(1, 1)}:
        return None
    steps = tuple(np.reshape(tables[table], (8, 8)) for *_, table in layers)
    return Quantisation(steps, factors)


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
    writer = _writer(path)
    partial = path.with_name(f".partial-{uuid.uuid4().hex}-{path.name}")
    try:
        writer(partial, image, description)
        _flush(partial)
        _verify(partial, image)
        _replace(partial, path)
    except OSError as error:
        raise FileFormatError(
            f"Got {error.strerror or error} while writing {path}; expected a folder with "
            "enough space and the right to write."
        ) from error
    finally:
        _remove(partial)


def check_output(path: str | os.PathLike[str], overwrite: bool) -> None:
    """Raise now what `write_image` would raise after the work is done."""
    path = Path(path)
    writer = _writer(path)
    if writer in LIBRARIES:
        require(LIBRARIES[writer], path)
    if not path.parent.is_dir():
        raise FileFormatError(f"Got output {path}; expected the folder {path.parent} to exist.")
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
            f"Got output {path}, which exists; expected a new name. Use --overwrite to replace it."
        )


def sha256_of(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file, or of the names and files of a folder, in hexadecimal."""
    path = Path(path)
    if path.is_dir():
        listing = "".join(
            f"{sha256_of(file)}  {file.relative_to(path).as_posix()}\n" for file in _files_of(path)
        )
        return hashlib.sha256(listing.encode()).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _first(error: Exception) -> str:
    """Return the first line of what a library says."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _reader(path: Path) -> Reader:
    if path.is_dir() and is_zarr(path):
        return read_zarr
    if is_dicom(path) or (path.is_dir() and dicom_files(path)):
        return read_dicom
    if not path.is_file():
        what = "a folder without an image" if path.is_dir() else "no such file"
        raise FileFormatError(f"Got {path}, which is {what}; expected an image file.")
    return _by_suffix(READERS, path) or read_by_plugin


def _writer(path: Path) -> Writer:
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


def _check_memory(needed: int) -> None:
    """Refuse what does not fit: a forged header can ask for terabytes."""
    available = psutil.virtual_memory().available
    if needed > available:
        raise InputError(
            f"Got an image of {needed / 1e9:.1f} GB; expected at most the {available / 1e9:.1f} GB "
            "of free memory. Crop it, or close other programs."
        )


def _files_of(path: Path) -> list[Path]:
    """Return a file itself, or all files of a folder in the same order everywhere."""
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.rglob("*") if file.is_file())


def _flush(path: Path) -> None:
    for each in _files_of(path):
        with each.open("rb+") as file:
            os.fsync(file.fileno())


def _replace(partial: Path, path: Path) -> None:
    """Rename, over what is there; a folder is moved aside first, since none can be replaced."""
    if not path.is_dir():
        os.replace(partial, path)
        return
    old = path.with_name(f".old-{uuid.uuid4().hex}-{path.name}")
    os.rename(path, old)
    try:
        os.rename(partial, path)
    except OSError:
        os.rename(old, path)
        raise
    _remove(old)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _verify(path: Path, image: Image) -> None:
    """Read back what was written: a writer can fail without an exception."""
    expected = np.asarray(image.data)
    values = np.asarray(read_image(path).data)
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


READERS: dict[str, Reader] = {
    ".tif": read_tiff,
    ".tiff": read_tiff,
    ".nii.gz": read_nifti,
    ".nii": read_nifti,
    ".dcm": read_dicom,
    ".npy": read_numpy,
    ".png": read_picture,
    ".jpg": read_picture,
    ".jpeg": read_picture,
}
WRITERS: dict[str, Writer] = {
    ".ome.tif": write_ome,
    ".ome.tiff": write_ome,
    ".tif": write_imagej,
    ".tiff": write_imagej,
    ".ome.zarr": write_zarr,
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
