"""Reading of DICOM files and series by pydicom.

An image gets pixels and geometry only. No message contains the value of a tag,
because tags identify patients.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from warnings import catch_warnings, simplefilter

import numpy as np

from napari_dip.core.image.image import Image
from napari_dip.errors import FileFormatError, InputError, NapariDipError
from napari_dip.io.dicom.frames import split_frames
from napari_dip.io.dicom.geometry import (
    SCANNER,
    UNIT,
    affine_of,
    count_orientations,
    frame_interval,
    is_mosaic,
    pixel_size,
    pixel_spacing,
    stack_planes,
)
from napari_dip.io.dicom.values import check_values, is_colour, read_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom import Dataset

_MAGIC_OFFSET = 128


def is_dicom(path: Path) -> bool:
    """Return whether a file is DICOM, by its first bytes: many have no suffix."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(_MAGIC_OFFSET + 4)[_MAGIC_OFFSET:] == b"DICM"


def dicom_files(folder: Path) -> list[Path]:
    """Return the DICOM files in a folder, without the index of a disc (DICOMDIR)."""
    files = sorted(path for path in folder.iterdir() if path.name.upper() != "DICOMDIR")
    return [path for path in files if is_dicom(path)]


def read_dicom(path: Path, check_memory: Callable[[int], None]) -> Image:
    """Read a DICOM file, or the only series in a folder.

    Parameters
    ----------
    path : Path
        File or folder.
    check_memory : callable
        Function called with the size of the image [bytes] before it is read.

    Returns
    -------
    Image
        Stored values times slope plus intercept, such as Hounsfield units; NaN for
        padding; planes in ascending order along their normal.
    """
    files = dicom_files(path) if path.is_dir() else [path]
    with _hide_tag_values(path):
        originals = [_header(file) for file in files]
        headers = _plane_headers(path, originals)
        _check_one_series(path, headers)
        warnings: list[str] = []
        stack = stack_planes(path, headers, warnings)
        check_memory(sum(map(_size_in_bytes, originals)))
        first = headers[stack.order[0]]
        if len(files) == 1:
            frames = read_values(files[0], split_frames(path, originals[0]), warnings)
            planes = [frames[index] for index in stack.order] if len(headers) > 1 else [frames]
        else:
            planes = [
                read_values(files[index], [headers[index]], warnings) for index in stack.order
            ]
        axes = "YXS" if is_colour(first) else "YX"
        if is_mosaic(first):
            warnings.append("A mosaic of slices is read as one plane without an affine.")
        voxel_size = pixel_size(first, warnings)
        if planes[0].ndim > len(axes):
            times = frame_interval(first, warnings)
            axes = ("Z" if times is None else "T") + axes
            voxel_size |= stack.sizes if times is None else times
        values = planes[0]
        if len(planes) > 1:
            values, axes = np.stack(planes), f"Z{axes}"
            voxel_size |= stack.sizes
        units = {axis: "second" if axis == "T" else UNIT for axis in voxel_size}
        affine = affine_of(first, stack)
        return Image(
            values,
            axes,
            voxel_size,
            units,
            affine,
            affine_code=None if affine is None else SCANNER,
            warnings=tuple(dict.fromkeys(warnings)),
        )


@contextmanager
def _hide_tag_values(path: Path) -> Iterator[None]:
    """Keep tag values, which pydicom quotes, out of logs, warnings and errors."""
    logger = logging.getLogger("pydicom")
    logger.addFilter(_reject_record)
    try:
        with catch_warnings():
            simplefilter("ignore")
            yield
    except (NapariDipError, MemoryError):
        raise
    except Exception as error:
        raise FileFormatError(
            f"Got {path}, which cannot be read as DICOM ({type(error).__name__}); expected files "
            "with pixels. Check that the copy is complete."
        ) from None
    finally:
        logger.removeFilter(_reject_record)


def _reject_record(record: logging.LogRecord) -> bool:
    return False


def _header(file: Path) -> Dataset:
    import pydicom

    header = pydicom.dcmread(file, stop_before_pixels=True)
    if "Rows" not in header or "Columns" not in header:
        raise FileFormatError(f"Got {file}, a DICOM file without an image; expected pixels.")
    check_values(file, header)
    if "ModalityLUTSequence" in header:
        raise InputError(
            f"Got {file}, whose scale is a table; expected a slope and an intercept. Convert it to "
            "NIfTI first, for example with dcm2niix."
        )
    return header


def _plane_headers(path: Path, headers: Sequence[Dataset]) -> list[Dataset]:
    """Return one header per plane: per file of a series, or per frame with a position."""
    if len(headers) > 1:
        frames_of_files = [split_frames(path, header) for header in headers]
        return [
            header if len(frames) > 1 else frames[0]
            for header, frames in zip(headers, frames_of_files, strict=True)
        ]
    frames = split_frames(path, headers[0])
    if len(frames) == 1 or "ImagePositionPatient" in frames[0]:
        return frames
    frames[0].NumberOfFrames = len(frames)
    return frames[:1]


def _size_in_bytes(header: Dataset) -> int:
    pixels = int(header.Rows) * int(header.Columns) * int(header.get("NumberOfFrames") or 1)
    return pixels * int(header.get("SamplesPerPixel", 1)) * 4


def _check_one_series(path: Path, headers: Sequence[Dataset]) -> None:
    series = {header.get("SeriesInstanceUID") for header in headers}
    if len(series) > 1:
        raise FileFormatError(
            f"Got {path} with files of {len(series)} series; expected one series. Move each series "
            "to a separate folder."
        )
    if len(headers) > 1 and any(int(header.get("NumberOfFrames") or 1) > 1 for header in headers):
        raise FileFormatError(
            f"Got {path} with {len(headers)} files, some with several planes; expected one plane "
            "per file. Restore the files one by one."
        )
    shapes = {(int(header.Rows), int(header.Columns)) for header in headers}
    spacings = len({pixel_spacing(header) for header in headers})
    orientations = count_orientations(headers)
    if len(shapes) > 1 or spacings > 1 or orientations > 1:
        raise FileFormatError(
            f"Got {path} with planes of {len(shapes)} sizes, {spacings} pixel spacings and "
            f"{orientations} orientations; expected one of each. Move localizers and reformats to "
            "another folder."
        )
