"""TIFF, ImageJ hyperstacks and OME-TIFF by tifffile: axes, voxel size, units."""

from __future__ import annotations

import logging
import os
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_dip.core.image import KNOWN_AXES, Image
from napari_dip.core.units import unit_name, unit_symbol
from napari_dip.errors import AxesError, FileFormatError, InputError

_IMAGEJ_DTYPES = ("uint8", "uint16", "float32")
# A classic TIFF addresses 4 GiB, headers included.
_CLASSIC_LIMIT = 2**32 - 2**25
_CENTIMETRE = 3
# What tifffile only logs although the image is then not what was stored.
_LOSSES = ("invalid page offset", "Missing data are zeroed")
# Compressed pixels may take this many times their own size, and this much more [bytes].
_EXPANSION, _ALLOWANCE = 2, 2**16


def read_tiff(path: Path, check_memory: Callable[[int], None]) -> Image:
    """Read the first series of a TIFF file, and refuse others that are as large.

    Parameters
    ----------
    path : Path
        File.
    check_memory : callable
        Called with the size of the image [bytes] before it is read.
    """
    with _noticing_losses(path), tifffile.TiffFile(path) as file:
        _check_directories(path, file)
        series = file.series[0]
        _check_one_image(path, file)
        _check_complete(path, file)
        _check_colours(path, series)
        check_memory(max(series.nbytes, _largest_part(series)))
        axes = _known_axes(path, series.axes)
        voxel_size, units = _spacing(file)
        kept = {
            axis: size for axis, size in voxel_size.items() if axis in axes and 0 < size < np.inf
        }
        values, axes = _samples_last(series.asarray(), axes)
        return Image(values, axes, kept, {axis: units[axis] for axis in kept})


def write_ome(path: Path, image: Image, description: str | None) -> None:
    """Write an OME-TIFF; the description becomes a map annotation."""
    values, axes = _reordered(image)
    metadata: dict[str, Any] = {"axes": axes}
    for axis in "ZYX":
        if axis in image.voxel_size:
            metadata[f"PhysicalSize{axis}"] = image.voxel_size[axis]
            metadata[f"PhysicalSize{axis}Unit"] = unit_symbol(image.units.get(axis, "pixel"))
    if "T" in image.voxel_size:
        metadata["TimeIncrement"] = image.voxel_size["T"]
        metadata["TimeIncrementUnit"] = unit_symbol(image.units.get("T", "second"))
    if description is not None:
        metadata["MapAnnotation"] = {"Namespace": "napari-dip", "report": description}
    tifffile.imwrite(
        path,
        values,
        ome=True,
        bigtiff=values.nbytes > _CLASSIC_LIMIT,
        photometric="rgb" if axes.endswith("S") and values.shape[-1] in (3, 4) else "minisblack",
        metadata=metadata,
    )


def write_imagej(path: Path, image: Image, description: str | None) -> None:
    """Write an ImageJ hyperstack, or OME-TIFF where ImageJ has no such pixels."""
    values, axes = _reordered(image)
    colour = axes.endswith("S")
    unsuitable = values.dtype.name not in _IMAGEJ_DTYPES or (colour and values.dtype != np.uint8)
    if unsuitable or values.nbytes > _CLASSIC_LIMIT:
        write_ome(path, image, description)
        return
    metadata: dict[str, Any] = {"axes": axes}
    if "X" in image.units:
        unit = image.units["X"]
        metadata["unit"] = "um" if unit == "micrometer" else unit_symbol(unit)
    if "Z" in image.voxel_size:
        metadata["spacing"] = image.voxel_size["Z"]
    if "T" in image.voxel_size:
        metadata["finterval"] = image.voxel_size["T"]
    if description is not None:
        metadata["Info"] = description
    size = [image.voxel_size.get(axis, 1.0) for axis in "XY"]
    tifffile.imwrite(
        path, values, imagej=True, resolution=(1 / size[0], 1 / size[1]), metadata=metadata
    )


def _known_axes(path: Path, axes: str) -> str:
    """Translate tifffile's axes; pages of a plain file are planes."""
    letters = list(axes)
    plain = [at for at, letter in enumerate(letters) if letter in "QI"]
    if len(plain) == 1 and "Z" not in letters:
        letters[plain[0]] = "Z"
    found = "".join(letters)
    if set(found) - set(KNOWN_AXES):
        raise AxesError(
            f"Got {path} with axes {axes}; expected letters of {KNOWN_AXES}. "
            "Name the axes, such as --axes TZCYX."
        )
    return found


def _samples_last(values: NDArray[Any], axes: str) -> tuple[NDArray[Any], str]:
    """Return colours that were stored plane by plane as the samples of a pixel."""
    if "S" not in axes:
        return values, axes
    return np.moveaxis(values, axes.index("S"), -1), axes.replace("S", "") + "S"


@contextmanager
def _noticing_losses(path: Path) -> Iterator[None]:
    """Refuse a file of which a page or a partner is not there; tifffile only logs that."""
    seen: list[str] = []

    def listen(record: logging.LogRecord) -> bool:
        seen.append(record.getMessage())
        return True

    logger = tifffile.logger()
    logger.addFilter(listen)
    try:
        yield
    finally:
        logger.removeFilter(listen)
    if any(loss in message for message in seen for loss in _LOSSES):
        raise _cut_off(path)


def _check_directories(path: Path, file: tifffile.TiffFile) -> None:
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


def _check_one_image(path: Path, file: tifffile.TiffFile) -> None:
    """Refuse a second image, unless it is a smaller one such as a thumbnail or a label."""
    first, *others = file.series
    count = 1 + sum(other.size >= first.size for other in others)
    if count > 1:
        raise FileFormatError(
            f"Got {path}, which holds {count} images; expected one. Save each as a file of its own."
        )


def _check_colours(path: Path, series: tifffile.TiffPageSeries) -> None:
    """Refuse colours that are neither grey values nor RGB."""
    colours = series.keyframe.photometric
    if colours in (tifffile.PHOTOMETRIC.SEPARATED, tifffile.PHOTOMETRIC.CIELAB):
        raise InputError(
            f"Got {path} with {colours.name} colours; expected grey values or RGB. Convert it."
        )


def _largest_part(series: tifffile.TiffPageSeries) -> int:
    """Return the size of a decoded strip or tile, which can be forged [bytes]."""
    page = series.keyframe
    return int(np.prod(page.chunks)) * int(page.dtype.itemsize)


def _cut_off(path: Path) -> FileFormatError:
    return FileFormatError(
        f"Got {path}, which was cut off or lacks a part ({path.stat().st_size} bytes); expected "
        "the whole file, and beside it all files of its set. Copy it again."
    )


def _check_complete(path: Path, file: tifffile.TiffFile) -> None:
    """Refuse a file that was cut off or forged: tifffile reads what is left without a word."""
    series = file.series[0]
    expected = _promised_size(file)
    pages = [page for page in series.pages if page is not None]
    beyond = series.dataoffset is not None and (
        series.dataoffset + series.nbytes > path.stat().st_size
    )
    if (
        beyond
        or (expected is not None and int(np.prod(series.shape)) < expected)
        or any(_lacks_parts(page, path.parent) for page in pages)
    ):
        raise _cut_off(path)


def _lacks_parts(page: tifffile.TiffPage | tifffile.TiffFrame, folder: Path) -> bool:
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


def _promised_size(file: tifffile.TiffFile) -> int | None:
    """Return how many numbers the metadata promise, if they do."""
    page = file.pages.first
    plane = int(np.prod(page.shape))
    if file.is_ome and file.ome_metadata:
        pixels = _ome_pixels(file)
        sizes = [int(pixels.get(f"Size{axis}", 1)) for axis in "XYZCT"]
        return int(np.prod(sizes))
    if file.is_imagej and file.imagej_metadata:
        return plane * int(file.imagej_metadata.get("images", 1))
    if file.shaped_metadata and "shape" in file.shaped_metadata[0]:
        return int(np.prod(file.shaped_metadata[0]["shape"]))
    return None


def _spacing(file: tifffile.TiffFile) -> tuple[dict[str, float], dict[str, str]]:
    """Return voxel size and unit of each axis that the file knows."""
    if file.is_ome and file.ome_metadata:
        return _ome_spacing(file)
    sizes, unit = _resolution(file)
    imagej = file.imagej_metadata if file.is_imagej else None
    if imagej is not None:
        name = unit_name(str(imagej.get("unit", "pixel")))
        if name == "pixel":
            return {}, {}
        voxel_size, units = dict(sizes), dict.fromkeys("ZYX", name)
        if "spacing" in imagej:
            voxel_size["Z"] = float(imagej["spacing"])
        if imagej.get("finterval"):
            voxel_size["T"], units["T"] = float(imagej["finterval"]), "second"
        return voxel_size, units
    # Inches are a screen's or printer's resolution, not the specimen's.
    if unit == _CENTIMETRE:
        micrometres = {axis: size * 1e4 for axis, size in sizes.items()}
        return micrometres, dict.fromkeys("YX", "micrometer")
    return {}, {}


def _resolution(file: tifffile.TiffFile) -> tuple[dict[str, float], int]:
    tags = file.pages.first.tags
    sizes = {}
    for axis in "XY":
        if f"{axis}Resolution" in tags:
            numerator, denominator = tags[f"{axis}Resolution"].value
            if numerator:
                sizes[axis] = denominator / numerator
    unit = tags["ResolutionUnit"].value if "ResolutionUnit" in tags else 1
    return sizes, int(unit)


def _ome_pixels(file: tifffile.TiffFile) -> Mapping[str, Any]:
    image = tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]
    pixels: Mapping[str, Any] = (image[0] if isinstance(image, list) else image)["Pixels"]
    return pixels


def _ome_spacing(file: tifffile.TiffFile) -> tuple[dict[str, float], dict[str, str]]:
    pixels = _ome_pixels(file)
    voxel_size, units = {}, {}
    for axis in "ZYX":
        if f"PhysicalSize{axis}" in pixels:
            voxel_size[axis] = float(pixels[f"PhysicalSize{axis}"])
            units[axis] = unit_name(str(pixels.get(f"PhysicalSize{axis}Unit", "µm")))
    if "TimeIncrement" in pixels:
        voxel_size["T"] = float(pixels["TimeIncrement"])
        units["T"] = unit_name(str(pixels.get("TimeIncrementUnit", "s")))
    return voxel_size, units


def _reordered(image: Image) -> tuple[np.ndarray[Any, Any], str]:
    """Return values and axes in the order TZCYXS, which both formats accept."""
    axes = "".join(sorted(image.axes, key="TZCYXS".index))
    values = np.asarray(image.data).transpose([image.axes.index(axis) for axis in axes])
    if values.dtype == bool:
        values = values.astype(np.uint8)
    return np.ascontiguousarray(values), axes
