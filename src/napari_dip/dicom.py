"""DICOM by pydicom: one file, or a folder that holds one series, sorted by position.

Of a file nothing but pixels and geometry is read into an image, and no value
of a tag is ever put into a message: tags name patients.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_dip.core.image import Affine, Image
from napari_dip.errors import FileFormatError, InputError, NapariDipError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom import Dataset

_MAGIC_AT = 128
# Distances of planes that differ by more than this are a gap, not rounding.
_TOLERANCE = 0.05
_UNIT = "millimeter"
_PLACE = ("ImageOrientationPatient", "ImagePositionPatient")


def is_dicom(path: Path) -> bool:
    """Tell by its first bytes, since many DICOM files have no suffix."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(_MAGIC_AT + 4)[_MAGIC_AT:] == b"DICM"


def dicom_files(folder: Path) -> list[Path]:
    """Return the DICOM files of a folder, but for the index of a disc."""
    files = sorted(path for path in folder.iterdir() if path.name.upper() != "DICOMDIR")
    return [path for path in files if is_dicom(path)]


def read_dicom(path: Path, check_memory: Callable[[int], None]) -> Image:
    """Read a DICOM file, or the one series of a folder.

    Parameters
    ----------
    path : Path
        File, or folder.
    check_memory : callable
        Called with the size of the image [bytes] before it is read.

    Returns
    -------
    Image
        Stored values times slope plus intercept, such as Hounsfield units;
        planes in ascending order along their normal.
    """
    files = dicom_files(path) if path.is_dir() else [path]
    with _discreet(path):
        headers = [_header(file) for file in files]
        _check_one_series(path, headers)
        order, distance = _positions(path, headers)
        check_memory(sum(map(_bytes, headers)))
        first = headers[order[0]]
        planes = [_pixels(files[index]) for index in order]
        axes = "YXS" if first.get("SamplesPerPixel", 1) > 1 else "YX"
        if planes[0].ndim > len(axes):
            axes = ("T" if "FrameTime" in first else "Z") + axes
        voxel_size = _voxel_size(first, axes)
        values = planes[0]
        if len(planes) > 1:
            values, axes, voxel_size["Z"] = np.stack(planes), f"Z{axes}", distance
        units = {axis: "second" if axis == "T" else _UNIT for axis in voxel_size}
        return Image(values, axes, voxel_size, units, _affine(first, distance))


@contextmanager
def _discreet(path: Path) -> Iterator[None]:
    """Keep values of tags, which pydicom quotes, out of logs, warnings and messages."""
    logger = logging.getLogger("pydicom")
    logger.addFilter(_nothing)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (NapariDipError, MemoryError):
        raise
    except Exception as error:
        raise FileFormatError(
            f"Got {path}, which is no readable DICOM image ({type(error).__name__}); expected "
            "pixels, and files that are whole. Check that the copy is complete."
        ) from None
    finally:
        logger.removeFilter(_nothing)


def _nothing(record: logging.LogRecord) -> bool:
    return False


def _header(file: Path) -> Dataset:
    import pydicom

    header = pydicom.dcmread(file, stop_before_pixels=True)
    if "Rows" not in header or "Columns" not in header:
        raise FileFormatError(f"Got {file}, a DICOM file without an image; expected an image.")
    if header.get("PhotometricInterpretation") == "PALETTE COLOR":
        raise InputError(f"Got {file}, coloured by a palette; expected grey values or RGB.")
    if "PerFrameFunctionalGroupsSequence" in header or "ModalityLUTSequence" in header:
        raise InputError(
            f"Got {file}, whose scale is given by frame or by a table; expected one slope and "
            "intercept for each file. Convert it to NIfTI first, for instance with dcm2niix."
        )
    return header


def _bytes(header: Dataset) -> int:
    pixels = int(header.Rows) * int(header.Columns) * int(header.get("NumberOfFrames") or 1)
    return pixels * int(header.get("SamplesPerPixel", 1)) * 4


def _check_one_series(path: Path, headers: Sequence[Dataset]) -> None:
    series = {header.get("SeriesInstanceUID") for header in headers}
    if len(series) > 1:
        raise FileFormatError(
            f"Got {path} with files of {len(series)} series; expected one. "
            "Give each series a folder of its own."
        )
    if len(headers) > 1 and any(int(header.get("NumberOfFrames") or 1) > 1 for header in headers):
        raise FileFormatError(
            f"Got {path} with {len(headers)} files of several planes each; expected one plane in "
            "each. Restore the files one by one."
        )
    shapes = {(int(header.Rows), int(header.Columns)) for header in headers}
    directions = {
        tuple(map(float, header.get("ImageOrientationPatient", ()))) for header in headers
    }
    if len(shapes) > 1 or len(directions) > 1:
        raise FileFormatError(
            f"Got {path} with planes of {len(shapes)} sizes and {len(directions)} directions; "
            "expected all the same. Move localizers and reformats to another folder."
        )


def _positions(path: Path, headers: Sequence[Dataset]) -> tuple[list[int], float]:
    """Return the order of the planes along their normal, and their distance [mm]."""
    first = headers[0]
    if len(headers) == 1:
        spacing = first.get("SpacingBetweenSlices") or first.get("SliceThickness") or 1.0
        return [0], float(spacing)
    if not all(name in header for header in headers for name in _PLACE):
        raise FileFormatError(
            f"Got {path} with {len(headers)} planes of which not all have a position; expected "
            f"{' and '.join(_PLACE)} in each. Restore the files one by one."
        )
    normal = np.cross(*_directions(first))
    along = np.array([np.dot(normal, _numbers(header.ImagePositionPatient)) for header in headers])
    order = np.argsort(along, kind="stable")
    distances = np.diff(along[order])
    distance = float(np.median(distances))
    if distances.min() <= 0 or np.ptp(distances) > _TOLERANCE * distance:
        raise FileFormatError(
            f"Got {path} with planes that are {distances.min():.3g} to {distances.max():.3g} mm "
            "apart; expected the same distance between all. A file may be missing, or there may "
            "be several planes at one position: move these to another folder."
        )
    return [int(index) for index in order], distance


def _directions(header: Dataset) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where X and Y of the array point to, in the patient."""
    both = _numbers(header.ImageOrientationPatient)
    return both[:3], both[3:]


def _numbers(values: Any) -> NDArray[np.float64]:
    return np.array([float(value) for value in values])


def _pixels(file: Path) -> NDArray[Any]:
    import pydicom

    dataset = pydicom.dcmread(file)
    try:
        stored = dataset.pixel_array
    except (NotImplementedError, RuntimeError, ImportError) as error:
        syntax = dataset.file_meta.TransferSyntaxUID
        if not syntax.is_compressed:
            raise
        raise FileFormatError(
            f"Got {file}, compressed as {syntax.name}, which cannot be decoded here; expected a "
            "decoder or an uncompressed file. For JPEG 2000: pip install pylibjpeg "
            "pylibjpeg-openjpeg; for other JPEG: pip install pylibjpeg pylibjpeg-libjpeg. If they "
            "are installed, the file is damaged: fetch it again."
        ) from error
    slope, intercept = (
        float(dataset.get(name, default))
        for name, default in (("RescaleSlope", 1), ("RescaleIntercept", 0))
    )
    if (slope, intercept) == (1, 0):
        return np.asarray(stored)
    return np.asarray(stored * np.float64(slope) + intercept, dtype=np.float32)


def _voxel_size(header: Dataset, axes: str) -> dict[str, float]:
    # The distance of rows comes first.
    spacing = header.get("PixelSpacing")
    voxel_size = dict(zip("YX", map(float, spacing), strict=True)) if spacing else {}
    if "Z" in axes and header.get("SpacingBetweenSlices"):
        voxel_size["Z"] = float(header.SpacingBetweenSlices)
    if "T" in axes and header.get("FrameTime"):
        voxel_size["T"] = float(header.FrameTime) / 1000
    return voxel_size


def _affine(first: Dataset, distance: float) -> Affine | None:
    """Return the map of pixel indices (x, y, z, 1) to right, anterior, superior [mm]."""
    if not all(name in first for name in (*_PLACE, "PixelSpacing")):
        return None
    x, y = _directions(first)
    row, column = _numbers(first.PixelSpacing)
    affine = np.eye(4)
    affine[:3] = np.stack(
        [x * column, y * row, np.cross(x, y) * distance, _numbers(first.ImagePositionPatient)], 1
    )
    # DICOM's axes point to the left and to the back.
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
    return tuple(tuple(map(float, line)) for line in affine)
