"""TIFF, ImageJ hyperstacks and OME-TIFF by tifffile: axes, voxel size, units."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_dip.core.image import KNOWN_AXES, Image
from napari_dip.core.units import unit_name, unit_symbol
from napari_dip.errors import AxesError
from napari_dip.tiff_checks import (
    check_colours,
    check_complete,
    check_directories,
    check_one_image,
    largest_part,
    noticing_losses,
    ome_pixels,
)

_IMAGEJ_DTYPES = ("uint8", "uint16", "float32")
# A classic TIFF addresses 4 GiB, headers included.
_CLASSIC_LIMIT = 2**32 - 2**25
_CENTIMETRE = 3


def read_tiff(path: Path, check_memory: Callable[[int], None]) -> Image:
    """Read the first series of a TIFF file, and refuse others that are as large.

    Parameters
    ----------
    path : Path
        File.
    check_memory : callable
        Called with the size of the image [bytes] before it is read.
    """
    with noticing_losses(path), tifffile.TiffFile(path) as file:
        check_directories(path, file)
        series = file.series[0]
        check_one_image(path, file)
        check_complete(path, file)
        check_colours(path, series)
        check_memory(max(series.nbytes, largest_part(series)))
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


def _ome_spacing(file: tifffile.TiffFile) -> tuple[dict[str, float], dict[str, str]]:
    pixels = ome_pixels(file)
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
