"""Writing of ImageJ hyperstacks and OME-TIFF by tifffile."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_dip.core.image.units import SECONDS, in_unit, is_duration, is_length, unit_symbol
from napari_dip.io.tiff.channels import imagej_labels, ome_channel_entries

if TYPE_CHECKING:
    from napari_dip.core.image.image import Image

_IMAGEJ_DTYPES = ("uint8", "uint16", "float32")
# A classic TIFF has at most 4 GiB, including headers.
_CLASSIC_LIMIT = 2**32 - 2**25


def write_ome(path: Path, image: Image, description: str | None) -> None:
    """Write an OME-TIFF; the description becomes a map annotation.

    A size in a unit that OME does not define is omitted, because OME readers reject it.
    """
    values, axes = _reordered(image)
    metadata: dict[str, Any] = {"axes": axes, **ome_channel_entries(image)}
    for axis in "ZYX":
        unit = image.units.get(axis, "pixel")
        if axis in image.voxel_size and is_length(unit):
            metadata[f"PhysicalSize{axis}"] = image.voxel_size[axis]
            metadata[f"PhysicalSize{axis}Unit"] = unit_symbol(unit)
    unit = image.units.get("T", "second")
    if "T" in image.voxel_size and is_duration(unit):
        metadata["TimeIncrement"] = image.voxel_size["T"]
        metadata["TimeIncrementUnit"] = unit_symbol(unit)
    metadata |= _plane_positions(image, axes, values.shape)
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


def _plane_positions(image: Image, axes: str, shape: tuple[int, ...]) -> dict[str, Any]:
    """Return the position of each plane as metadata for OME-XML."""
    planes = list(np.ndindex(*shape[: axes.index("Y")]))
    entries: dict[str, Any] = {}
    for axis, start in image.position.items():
        unit = image.units.get(axis, "pixel")
        if axis in "XYZ" and is_length(unit):
            step = image.voxel_size.get(axis, 1.0) if axis == "Z" else 0.0
            dimension = axes.index("Z") if axis == "Z" else None
            indices = [0 if dimension is None else plane[dimension] for plane in planes]
            entries[f"Position{axis}"] = [start + step * index for index in indices]
            entries[f"Position{axis}Unit"] = [unit_symbol(unit)] * len(planes)
    return {"Plane": entries} if entries else {}


def write_imagej(path: Path, image: Image, description: str | None) -> None:
    """Write an ImageJ hyperstack, or an OME-TIFF if ImageJ does not support the data type."""
    values, axes = _reordered(image)
    colour = axes.endswith("S")
    unsuitable = values.dtype.name not in _IMAGEJ_DTYPES or (colour and values.dtype != np.uint8)
    if unsuitable or values.nbytes > _CLASSIC_LIMIT:
        write_ome(path, image, description)
        return
    metadata: dict[str, Any] = {
        "axes": axes,
        **_imagej_lengths(image),
        **_imagej_interval(image),
        **imagej_labels(image, axes, values.shape),
    }
    if description is not None:
        metadata["Info"] = description
    size = [image.voxel_size.get(axis, 1.0) for axis in "XY"]
    tifffile.imwrite(
        path, values, imagej=True, resolution=(1 / size[0], 1 / size[1]), metadata=metadata
    )


def _imagej_lengths(image: Image) -> dict[str, Any]:
    """Return ImageJ metadata for units and spacing, with separate units of Y and Z if needed."""
    entries: dict[str, Any] = {}
    unit = image.units.get("X", "pixel")
    if unit != "pixel":
        entries["unit"] = _ascii(unit)
    y_unit = image.units.get("Y", "pixel")
    if y_unit not in (unit, "pixel"):
        entries["yunit"] = _ascii(y_unit)
    if "Z" in image.voxel_size:
        z_unit = image.units.get("Z", "pixel")
        size = in_unit(image.voxel_size["Z"], z_unit, unit)
        entries["spacing"] = image.voxel_size["Z"] if size is None else size
        if size is None and z_unit != "pixel":
            entries["zunit"] = _ascii(z_unit)
    return entries


def _imagej_interval(image: Image) -> dict[str, Any]:
    """Return ImageJ metadata for the frame interval, in seconds if the unit is known."""
    if "T" not in image.voxel_size:
        return {}
    unit = image.units.get("T", "second")
    if unit in SECONDS:
        return {"finterval": image.voxel_size["T"] * SECONDS[unit]}
    return {"finterval": image.voxel_size["T"], "tunit": _ascii(unit)}


def _ascii(unit: str) -> str:
    """Return a unit as one line of ASCII, as ImageJ metadata require."""
    if unit == "micrometer":
        return "um"
    symbol = unit_symbol(unit) or unit
    text = symbol if symbol.isascii() else unit
    return " ".join(text.encode("ascii", "backslashreplace").decode().split())


def _reordered(image: Image) -> tuple[NDArray[Any], str]:
    """Return values and axes in the order TZCYXS of both formats."""
    axes = "".join(sorted(image.axes, key="TZCYXS".index))
    values = np.asarray(image.data).transpose([image.axes.index(axis) for axis in axes])
    if values.dtype == bool:
        values = values.astype(np.uint8)
    return np.ascontiguousarray(values), axes
