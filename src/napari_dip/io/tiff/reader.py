"""Reading of TIFF, ImageJ hyperstacks and OME-TIFF by tifffile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_dip.core.image.image import Image
from napari_dip.errors import FileFormatError
from napari_dip.io.tiff.calibration import (
    Calibration,
    imagej_calibration,
    ome_calibration,
    plain_calibration,
)
from napari_dip.io.tiff.channels import channel_names_of_labels, ome_channels
from napari_dip.io.tiff.colours import (
    apply_palette,
    arrange_samples,
    check_colours,
    invert_white_is_zero,
    undo_premultiplication,
)
from napari_dip.io.tiff.ome import first_of_set, ome_pixels, usable_xml
from napari_dip.io.tiff.ome_optics import ome_acquisition
from napari_dip.io.tiff.validation import (
    check_complete,
    check_directories,
    check_one_image,
    decoded_part_size,
    detect_losses,
    warn_of_empty_parts,
)
from napari_dip.io.tiff.values import (
    apply_calibration,
    apply_orientation,
    mark_missing,
    no_data_mask,
)


def read_tiff(path: Path, check_memory: Callable[[int], None]) -> Image:
    """Read the only image of a TIFF file; smaller images, such as thumbnails, are ignored.

    Parameters
    ----------
    path : Path
        File.
    check_memory : callable
        Function called with the size of the image [bytes] before it is read.

    Returns
    -------
    Image
        Pixels and metadata; if the file leaves several dimensions without a name, their
        axes are Q.
    """
    with _opened(path) as (file, xml, warnings):
        image = _read(path, file, None if xml is None else ome_pixels(xml), check_memory)
    return replace(image, warnings=(*warnings, *image.warnings), acquisition=ome_acquisition(xml))


def read_tiff_header(path: Path) -> Image:
    """Return the image of a TIFF file without its pixels.

    Parameters
    ----------
    path : Path
        File; only its tags are read.

    Returns
    -------
    Image
        Axes, voxel size and units of the stored array, which is not turned upright; all
        values are 0.
    """
    with _opened(path) as (file, xml, warnings):
        series = file.series[0]
        calibration = _calibration(file, None if xml is None else ome_pixels(xml))
        return Image(
            np.broadcast_to(np.zeros((), series.dtype), series.shape),
            _letters(series.axes),
            calibration.voxel_size,
            calibration.units,
            warnings=(*warnings, *calibration.warnings),
            acquisition=ome_acquisition(xml),
        )


@contextmanager
def _opened(path: Path) -> Iterator[tuple[tifffile.TiffFile, str | None, Sequence[str]]]:
    """Open a file; yield it with its OME-XML, if it has any, and warnings."""
    with detect_losses(path):
        with tifffile.TiffFile(path) as file:
            check_directories(path, file)
            xml, warnings = usable_xml(path, str(file.pages.first.description))
        options: dict[str, Any] = {"is_ome": False} if xml is None else {"omexml": xml}
        with tifffile.TiffFile(path, **options) as file:
            yield file, xml, warnings


def read_companion(path: Path, check_memory: Callable[[int], None]) -> Image:
    """Read the set of OME-TIFF files that a companion file describes."""
    return read_tiff(first_of_set(path), check_memory)


def mark_no_data(path: Path, image: Image) -> Image:
    """Return an image that another program read, with NaN at the no-data values of the file.

    Parameters
    ----------
    path : Path
        TIFF file; only its tags are read.
    image : Image
        Stored values of the file, in memory.
    """
    with tifffile.TiffFile(path) as file:
        missing = no_data_mask(file.pages.first, image.data)
    if missing is None:
        return image
    values, warning = mark_missing(image.data, missing, image.axes)
    return replace(image.with_data(values), warnings=(*image.warnings, warning))


def _read(
    path: Path,
    file: tifffile.TiffFile,
    pixels: ElementTree.Element | None,
    check_memory: Callable[[int], None],
) -> Image:
    if not file.series:
        raise FileFormatError(f"Got {path}, a TIFF file without pixels; expected an image.")
    series = file.series[0]
    page = series.keyframe
    check_one_image(path, file)
    check_complete(path, file, pixels)
    check_colours(path, page)
    check_memory(max(series.nbytes, decoded_part_size(series)))
    calibration = _calibration(file, pixels)
    values, axes, warnings = _pixels(file, series, calibration.voxel_size)
    return Image(
        values,
        axes,
        calibration.voxel_size,
        calibration.units,
        position=calibration.position,
        warnings=(*calibration.warnings, *warn_of_empty_parts(series), *warnings),
        **_channels(file, pixels, axes, values.shape),
    )


def _channels(
    file: tifffile.TiffFile,
    pixels: ElementTree.Element | None,
    axes: str,
    shape: tuple[int, ...],
) -> dict[str, Any]:
    """Return names and colours of channels, as fields of an Image."""
    if pixels is not None:
        return ome_channels(pixels)
    if file.is_imagej and file.imagej_metadata is not None:
        return channel_names_of_labels(file.imagej_metadata, axes, shape)
    return {}


def _calibration(file: tifffile.TiffFile, pixels: ElementTree.Element | None) -> Calibration:
    if pixels is not None:
        return ome_calibration(pixels)
    if file.is_imagej and file.imagej_metadata is not None:
        return imagej_calibration(file)
    return plain_calibration(file)


def _pixels(
    file: tifffile.TiffFile, series: tifffile.TiffPageSeries, sizes: dict[str, float]
) -> tuple[NDArray[Any], str, list[str]]:
    """Return values with colours, calibration, no-data and orientation applied, and warnings.

    Parameters
    ----------
    file : TiffFile
        Open file.
    series : TiffPageSeries
        Series to read.
    sizes : dict of str to float
        Voxel size by axis; Y and X are swapped in place if the image is turned.
    """
    page = series.keyframe
    stored = series.asarray()
    missing = no_data_mask(page, stored)
    values, inverted = invert_white_is_zero(page, stored)
    values, axes = arrange_samples(page, values, _letters(series.axes))
    values, axes, palette = apply_palette(page, values, axes)
    if missing is not None:
        missing, _ = arrange_samples(page, missing, _letters(series.axes))
        if missing.ndim < values.ndim:
            missing = np.broadcast_to(missing[..., None], values.shape)
    calibrated = None
    if file.is_imagej and file.imagej_metadata is not None:
        values, calibrated = apply_calibration(file.imagej_metadata, values)
    no_data = None
    if missing is not None:
        values, no_data = mark_missing(values, missing, axes)
    values, axes, opacity = undo_premultiplication(page, values, axes)
    values, turned = apply_orientation(page, values, axes, sizes)
    warnings = (inverted, palette, calibrated, no_data, opacity, turned)
    return values, axes, [warning for warning in warnings if warning is not None]


def _letters(axes: str) -> str:
    """Return the axes of tifffile with Q for unnamed dimensions; a single one becomes Z."""
    letters = axes.replace("I", "Q")
    return letters.replace("Q", "Z") if letters.count("Q") == 1 and "Z" not in letters else letters
