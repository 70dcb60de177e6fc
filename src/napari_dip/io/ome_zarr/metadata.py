"""Reading and writing of OME-Zarr metadata: axes, voxel size, units, position and channels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_dip.core.image.image import Image
from napari_dip.core.image.units import unit_name
from napari_dip.errors import AxesError, FileFormatError, Hint

_LETTERS = "TCZYX"
_TYPES = {"T": "time", "C": "channel"}
# Axes of versions 0.1 and 0.2, which do not store names.
_DEFAULT_AXES = [{"name": letter.lower()} for letter in _LETTERS]
_VERSIONS = ("0.1", "0.2", "0.3", "0.4", "0.5")
_WHITE = "FFFFFF"


def ome_attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the OME metadata of a group, which version 0.5 nests one level deeper than 0.4."""
    return {**attributes, **attributes.get("ome", {})}


def image_metadata(path: Path, attributes: Mapping[str, Any], ndim: int) -> Image:
    """Return the metadata of the finest level as an image without pixels.

    Parameters
    ----------
    path : Path
        Folder to name in an error.
    attributes : mapping
        `ome_attributes` of the group of the image.
    ndim : int
        Number of dimensions of the finest level.

    Raises
    ------
    FileFormatError
        The version has coordinate systems, which are not supported.
    AxesError
        An axis is not T, C, Z, Y or X.
    """
    multiscale = attributes["multiscales"][0]
    version = str(multiscale.get("version") or attributes.get("version") or _VERSIONS[0])
    if "coordinateSystems" in multiscale:
        level = path / multiscale["datasets"][0]["path"]
        raise FileFormatError(
            f"Got {path}, which is OME-Zarr {version} with coordinate systems; expected version "
            f"{_VERSIONS[0]} to {_VERSIONS[-1]}. Choose the array {level} and name its axes, or "
            "convert it.",
            Hint("axes", "ZYX"),
        )
    warnings = []
    if version not in _VERSIONS:
        warnings.append(f"OME-Zarr version {version} is not known; it is read as {_VERSIONS[-1]}.")
    if len(attributes["multiscales"]) > 1:
        warnings.append(
            f"The file has {len(attributes['multiscales'])} multiscale images; the first is read."
        )
    details = [_axis_record(axis) for axis in multiscale.get("axes", _DEFAULT_AXES[-ndim:])]
    axes = _axes(path, details)
    changes = [
        *multiscale["datasets"][0].get("coordinateTransformations", ()),
        *multiscale.get("coordinateTransformations", ()),
    ]
    scale, offset = _compose(changes, len(axes))
    if unknown := {change["type"] for change in changes} - {"identity", "scale", "translation"}:
        warnings.append(
            f"Voxel size and position are unknown: the transformation {', '.join(unknown)} is not "
            "supported."
        )
        scale, offset = np.full(len(axes), np.nan), np.zeros(len(axes))
    elif (scale < 0).any():
        warnings.append("A mirrored axis is read in the order of the file, without its position.")
        offset = np.zeros(len(axes))
    units = _units(axes, details)
    names, colours = _channels(attributes.get("omero") or {})
    voxel_size = {
        axis: float(step)
        for axis, step in zip(axes, abs(scale), strict=True)
        # The scale is mandatory; 1 without a unit means that the size is unknown.
        if axis != "C" and 0 < step < np.inf and (step != 1 or axis in units)
    }
    return Image(
        np.empty((0,) * len(axes)),
        axes,
        voxel_size,
        {axis: unit for axis, unit in units.items() if axis in voxel_size},
        position={
            axis: float(at)
            for axis, at in zip(axes, offset, strict=True)
            if axis != "C" and np.isfinite(at) and at != 0
        },
        warnings=tuple(warnings),
        channel_names=names,
        channel_colours=colours,
    )


def _axis_record(axis: str | Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an axis with the layout of 0.4; in 0.3 an axis is only a name."""
    return {"name": axis} if isinstance(axis, str) else axis


def _axes(path: Path, details: Sequence[Mapping[str, Any]]) -> str:
    letters = {kind: letter for letter, kind in _TYPES.items()}
    names = [str(axis["name"]) for axis in details]
    axes = [
        name.upper() if name.upper() in _LETTERS else letters.get(str(axis.get("type")), name)
        for name, axis in zip(names, details, strict=True)
    ]
    if set(axes) - set(_LETTERS):
        raise AxesError(
            f"Got {path} with axes {names}; expected letters of {_LETTERS}. Name the axes.",
            Hint("axes", "TZCYX"),
        )
    return "".join(axes)


def _compose(
    changes: Sequence[Mapping[str, Any]], ndim: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return scale and offset of all transformations, applied in order."""
    scale, offset = np.ones(ndim), np.zeros(ndim)
    for change in changes:
        if change["type"] == "scale":
            scale, offset = scale * change["scale"], offset * change["scale"]
        elif change["type"] == "translation":
            offset = offset + change["translation"]
    return scale, offset


def _units(axes: str, details: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    units = {
        axis: unit_name(str(detail["unit"]))
        for axis, detail in zip(axes, details, strict=True)
        if axis != "C" and detail.get("unit")
    }
    return {axis: unit for axis, unit in units.items() if unit != "pixel"}


def _channels(omero: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return names and colours of channels; empty if no channel has one."""
    channels = omero.get("channels") or ()
    names = tuple(str(channel.get("label") or "") for channel in channels)
    colours = tuple(str(channel.get("color") or "").lstrip("#").upper() for channel in channels)
    return names if any(names) else (), colours if any(colours) else ()


def multiscale_metadata(image: Image, axes: str, levels: int) -> dict[str, Any]:
    """Return the metadata of a pyramid, whose levels halve the resolution along Y and X."""
    return {
        "type": "mean",
        "axes": [_axis(axis, image.units.get(axis)) for axis in axes],
        "datasets": [
            {"path": str(level), "coordinateTransformations": _transformations(image, axes, level)}
            for level in range(levels)
        ],
    }


def _axis(axis: str, unit: str | None) -> dict[str, str]:
    record = {"name": axis.lower(), "type": _TYPES.get(axis, "space")}
    return record if unit in (None, "pixel") else {**record, "unit": str(unit)}


def _transformations(image: Image, axes: str, level: int) -> list[dict[str, Any]]:
    sizes = [image.voxel_size.get(axis, 1.0) for axis in axes]
    factors = [2**level if axis in "YX" else 1 for axis in axes]
    scale = [size * factor for size, factor in zip(sizes, factors, strict=True)]
    # The centre of a mean of n pixels is shifted by (n - 1) / 2 pixels.
    shift = [
        image.position.get(axis, 0.0) + size * (factor - 1) / 2
        for axis, size, factor in zip(axes, sizes, factors, strict=True)
    ]
    translation = [{"type": "translation", "translation": shift}] if any(shift) or level else []
    return [{"type": "scale", "scale": scale}, *translation]


def omero_metadata(image: Image, coarsest: NDArray[Any], axes: str) -> dict[str, Any]:
    """Return names, colours and contrast of channels, for viewers.

    Parameters
    ----------
    image : Image
        Names and colours of channels.
    coarsest : (...) array
        Pixels of the coarsest level, whose range becomes the contrast.
    axes : str
        Axes of that level, one letter per dimension.
    """
    planes = np.moveaxis(coarsest, axes.index("C"), 0) if "C" in axes else coarsest[None]
    names = image.channel_names or ("",) * len(planes)
    colours = image.channel_colours or ("",) * len(planes)
    return {
        "channels": [
            {"label": name, "color": colour or _WHITE, "active": True, "window": _window(plane)}
            for name, colour, plane in zip(names, colours, planes, strict=False)
        ]
    }


def _window(plane: NDArray[Any]) -> dict[str, float]:
    finite = plane[np.isfinite(plane)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    return {"start": low, "end": high, "min": low, "max": high}
