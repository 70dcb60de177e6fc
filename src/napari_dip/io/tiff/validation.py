"""Checks of TIFF files before reading, which raise errors for damaged and forged files."""

from __future__ import annotations

import logging
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np
import tifffile

from napari_dip.errors import FileFormatError
from napari_dip.io.tiff.ome import declared_size

# Messages that tifffile logs, without an error, when pixels are lost.
_LOSS_MESSAGES = ("invalid page offset", "Missing data are zeroed")
_GDAL_NODATA = 42113
# Largest size of compressed pixels: this multiple of their size, plus this many bytes.
_EXPANSION, _ALLOWANCE = 2, 2**16


@contextmanager
def detect_losses(path: Path) -> Iterator[None]:
    """Raise an error if tifffile logs a missing page or file, and hide all its log messages.

    tifffile only logs such losses. Its messages must not appear beside ours.
    """
    lost = False

    def listen(record: logging.LogRecord) -> bool:
        nonlocal lost
        lost = lost or any(loss in record.getMessage() for loss in _LOSS_MESSAGES)
        return False

    logger = tifffile.logger()
    logger.addFilter(listen)
    try:
        yield
    finally:
        logger.removeFilter(listen)
    if lost:
        raise _incomplete(path)


def check_directories(path: Path, file: tifffile.TiffFile) -> None:
    """Raise an error if page directories overlap: a small file may have millions of them."""
    layout, handle = file.tiff, file.filehandle
    offset, taken = file.pages.first.offset, 0
    while offset and not layout.is_ndpi:  # NDPI stores offsets in two halves
        handle.seek(offset)
        try:
            (tags,) = struct.unpack(layout.tagnoformat, handle.read(layout.tagnosize))
            handle.seek(tags * layout.tagsize, os.SEEK_CUR)
            (offset,) = struct.unpack(layout.offsetformat, handle.read(layout.offsetsize))
        except struct.error:
            return  # `check_complete` reports truncated files
        taken += layout.tagnosize + tags * layout.tagsize + layout.offsetsize
        if taken > handle.size:
            raise FileFormatError(
                f"Got {path}, whose page directories overlap; expected separate directories. "
                "The file is damaged or forged: copy it again."
            )


def check_one_image(path: Path, file: tifffile.TiffFile) -> None:
    """Raise an error for a second image, unless it is smaller, such as a thumbnail."""
    first, *others = file.series
    count = 1 + sum(other.size >= first.size for other in others)
    if count > 1:
        raise FileFormatError(
            f"Got {path}, which contains {count} images; expected one image. Save each to its own "
            "file."
        )


def decoded_part_size(series: tifffile.TiffPageSeries) -> int:
    """Return the size of a decoded strip or tile [bytes]; a forged one may be huge."""
    page = series.keyframe
    return int(np.prod(page.chunks)) * int(page.dtype.itemsize)


def warn_of_empty_parts(series: tifffile.TiffPageSeries) -> list[str]:
    """Return a warning if strips or tiles have no pixels, as in sparse files of GDAL."""
    if _GDAL_NODATA in series.keyframe.tags:
        return []  # tifffile fills them with the no-data value
    empty = sum(count == 0 for page in series.pages for count in page.databytecounts)
    if empty == 0:
        return []
    return [f"The file has {empty} strips or tiles without pixels; they are filled with 0."]


def _incomplete(path: Path) -> FileFormatError:
    return FileFormatError(
        f"Got {path}, which is incomplete ({path.stat().st_size} bytes); expected the complete "
        "file and all files of its set in one folder. Copy it again."
    )


def check_complete(path: Path, file: tifffile.TiffFile, pixels: Element | None) -> None:
    """Raise an error if a file is truncated or forged; tifffile reads the rest silently.

    Parameters
    ----------
    path : Path
        File.
    file : TiffFile
        Open file, whose first series will be read.
    pixels : Element or None
        Element Pixels of the OME-XML.
    """
    series = file.series[0]
    expected = _declared_size(file, pixels)
    pages = list(series.pages)
    beyond = series.dataoffset is not None and (
        series.dataoffset + series.nbytes > path.stat().st_size
    )
    if (
        beyond
        or None in pages  # the OME-XML has no pixels for a plane
        or (expected is not None and int(np.prod(series.shape)) < expected)
        or any(_is_incomplete(page, path.parent) for page in pages if page is not None)
    ):
        raise _incomplete(path)


def _is_incomplete(page: tifffile.TiffPage | tifffile.TiffFrame, folder: Path) -> bool:
    """Return whether a strip or tile is missing, beyond the file end, or far too large."""
    file = Path(page.parent.filehandle.path)  # an OME-TIFF set has several files
    if file.parent.resolve() != folder.resolve():
        return True
    size = file.stat().st_size
    key = page.keyframe
    parts = 1 if key.is_contiguous else int(np.prod(key.chunked))
    allowed = _EXPANSION * int(np.prod(key.chunks)) * key.dtype.itemsize + _ALLOWANCE
    return len(page.dataoffsets) < parts or any(
        offset + count > size or (key.compression > 1 and count > allowed)
        for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True)
    )


def _declared_size(file: tifffile.TiffFile, pixels: Element | None) -> int | None:
    """Return the number of values that the metadata declare; None if they declare none."""
    page = file.pages.first
    plane = int(np.prod(page.shape))
    if pixels is not None:
        return declared_size(pixels.attrib)
    if file.is_imagej and file.imagej_metadata:
        return plane * int(file.imagej_metadata.get("images", 1))
    if file.shaped_metadata and "shape" in file.shaped_metadata[0]:
        return int(np.prod(file.shaped_metadata[0]["shape"]))
    return None
