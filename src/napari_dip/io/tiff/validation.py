"""What is asked of a TIFF file before it is read: damaged and forged ones are refused."""

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

# What tifffile only logs although the image is then not what was stored.
_LOSSES = ("invalid page offset", "Missing data are zeroed")
_GDAL_NODATA = 42113
# Compressed pixels may take this many times their own size, and this much more [bytes].
_EXPANSION, _ALLOWANCE = 2, 2**16


@contextmanager
def detect_losses(path: Path) -> Iterator[None]:
    """Refuse a file of which a page or a partner is not there; tifffile only logs that.

    What else it logs would stand beside our own sentence, or beside none.
    """
    lost = False

    def listen(record: logging.LogRecord) -> bool:
        nonlocal lost
        lost = lost or any(loss in record.getMessage() for loss in _LOSSES)
        return False

    logger = tifffile.logger()
    logger.addFilter(listen)
    try:
        yield
    finally:
        logger.removeFilter(listen)
    if lost:
        raise _cut_off(path)


def check_directories(path: Path, file: tifffile.TiffFile) -> None:
    """Refuse directories of pages that overlap: of those a small file may have very many."""
    layout, handle = file.tiff, file.filehandle
    offset, taken = file.pages.first.offset, 0
    while offset and not layout.is_ndpi:  # whose offsets are stored in two halves
        handle.seek(offset)
        try:
            (tags,) = struct.unpack(layout.tagnoformat, handle.read(layout.tagnosize))
            handle.seek(tags * layout.tagsize, os.SEEK_CUR)
            (offset,) = struct.unpack(layout.offsetformat, handle.read(layout.offsetsize))
        except struct.error:
            return  # it was cut off, of which there is more to say
        taken += layout.tagnosize + tags * layout.tagsize + layout.offsetsize
        if taken > handle.size:
            raise FileFormatError(
                f"Got {path}, whose directories of pages overlap; expected one after another. "
                "The file is damaged or forged."
            )


def check_one_image(path: Path, file: tifffile.TiffFile) -> None:
    """Refuse a second image, unless it is a smaller one such as a thumbnail or a label."""
    first, *others = file.series
    count = 1 + sum(other.size >= first.size for other in others)
    if count > 1:
        raise FileFormatError(
            f"Got {path}, which holds {count} images; expected one. Save each as a file of its own."
        )


def decoded_part_size(series: tifffile.TiffPageSeries) -> int:
    """Return the size of a decoded strip or tile, which can be forged [bytes]."""
    page = series.keyframe
    return int(np.prod(page.chunks)) * int(page.dtype.itemsize)


def warn_of_empty_parts(series: tifffile.TiffPageSeries) -> list[str]:
    """Warn of strips and tiles that were never written; GDAL's sparse files have such."""
    if _GDAL_NODATA in series.keyframe.tags:
        return []  # tifffile fills them with that value, so they are missing
    empty = sum(count == 0 for page in series.pages for count in page.databytecounts)
    if empty == 0:
        return []
    return [f"The file has {empty} strips or tiles without pixels; their pixels are 0."]


def _cut_off(path: Path) -> FileFormatError:
    return FileFormatError(
        f"Got {path}, which was cut off or lacks a part ({path.stat().st_size} bytes); expected "
        "the whole file, and beside it all files of its set. Copy it again."
    )


def check_complete(path: Path, file: tifffile.TiffFile, pixels: Element | None) -> None:
    """Refuse a file that was cut off or forged: tifffile reads what is left without a word.

    Parameters
    ----------
    path : Path
        File.
    file : TiffFile
        Its first series is what will be read.
    pixels : Element or None
        Pixels of its OME-XML.
    """
    series = file.series[0]
    expected = _declared_size(file, pixels)
    pages = list(series.pages)
    beyond = series.dataoffset is not None and (
        series.dataoffset + series.nbytes > path.stat().st_size
    )
    if (
        beyond
        or None in pages  # a plane to which the OME-XML has no pixels
        or (expected is not None and int(np.prod(series.shape)) < expected)
        or any(_is_incomplete(page, path.parent) for page in pages if page is not None)
    ):
        raise _cut_off(path)


def _is_incomplete(page: tifffile.TiffPage | tifffile.TiffFrame, folder: Path) -> bool:
    """Tell whether a strip or tile is missing, beyond the end, or far larger than its pixels."""
    partner = Path(page.parent.filehandle.path)  # a set of OME-TIFF has several files
    if partner.parent.resolve() != folder.resolve():
        return True
    size = partner.stat().st_size
    key = page.keyframe
    parts = 1 if key.is_contiguous else int(np.prod(key.chunked))
    allowed = _EXPANSION * int(np.prod(key.chunks)) * key.dtype.itemsize + _ALLOWANCE
    return len(page.dataoffsets) < parts or any(
        offset + count > size or (key.compression > 1 and count > allowed)
        for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True)
    )


def _declared_size(file: tifffile.TiffFile, pixels: Element | None) -> int | None:
    """Return how many numbers the metadata promise, if they do."""
    page = file.pages.first
    plane = int(np.prod(page.shape))
    if pixels is not None:
        return declared_size(pixels.attrib)
    if file.is_imagej and file.imagej_metadata:
        return plane * int(file.imagej_metadata.get("images", 1))
    if file.shaped_metadata and "shape" in file.shaped_metadata[0]:
        return int(np.prod(file.shaped_metadata[0]["shape"]))
    return None
