"""Axes and voxel size of an image file, without reading its pixels."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from napari_dip.core.image.image import Image, as_image
from napari_dip.io.formats import LIBRARIES, reader_of
from napari_dip.io.ome_zarr.store import read_zarr
from napari_dip.io.tiff.axes import assume_axes
from napari_dip.io.tiff.reader import read_tiff, read_tiff_header
from napari_dip.optional import require


def read_header(path: str | os.PathLike[str]) -> Image | None:
    """Return the image of a file without its pixels.

    Parameters
    ----------
    path : path
        File or folder. TIFF and OME-Zarr are supported.

    Returns
    -------
    Image or None
        Axes, voxel size, units and shape, as the pixels are stored; the values are not
        those of the file. None for another format, and for a file that cannot be read.
    """
    path = Path(path)
    try:
        state = path.stat()
    except OSError:
        return None
    return _header(path, (state.st_mtime_ns, state.st_size))


@lru_cache(maxsize=64)
def _header(path: Path, state: tuple[int, int]) -> Image | None:
    """Return the header of a file; `state` makes a changed file a new entry of the cache."""
    try:
        reader = reader_of(path)
        if reader is read_tiff:
            return as_image(assume_axes(read_tiff_header(path)))
        if reader is read_zarr:
            require(LIBRARIES[reader], path)
            return as_image(read_zarr(path, None))
    except Exception:  # decoders raise exceptions of any class for damaged files
        return None
    return None
