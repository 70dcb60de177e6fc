"""Plugins: any other format, by the readers of the napari plugins that are installed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari_dip.core.image.axis_letters import KNOWN_AXES
from napari_dip.core.image.image import Image, as_image
from napari_dip.core.image.units import unit_name
from napari_dip.errors import FileFormatError

# Attributes of a layer that turn it, after which its first pixel says little of the others.
_TURNS = ("rotate", "shear", "affine")


def read_by_plugin(path: Path, check_memory: Callable[[int], None]) -> Image:
    """Read the one image of a file as napari would; no window is opened.

    Parameters
    ----------
    path : Path
        File of a format that some plugin reads.
    check_memory : callable
        Called with the size of the image [bytes] once the plugin has opened it.
    """
    from npe2 import PluginManager, io_utils

    PluginManager.instance().discover()
    try:
        layers = io_utils.read([str(path)], stack=False)
    except ValueError as error:
        if "reader" not in str(error):  # a plugin's own
            raise
        raise FileFormatError(
            f"Got {path}, which neither napari-dip nor an installed napari plugin reads; expected "
            "TIFF, OME-Zarr, NIfTI, DICOM, PNG, JPEG or .npy. Install a reader plugin, or convert "
            "it."
        ) from error
    images = [layer for layer in layers if len(layer) < 3 or layer[2] == "image"]
    if len(images) != 1:
        raise FileFormatError(
            f"Got {path}, in which the plugin finds {len(images)} images; expected one. "
            "Save one of them as .ome.tif."
        )
    layer: Any = images[0]
    return _named(layer[0], layer[1] if len(layer) > 1 else {}, check_memory)


def _named(data: Any, details: dict[str, Any], check_memory: Callable[[int], None]) -> Image:
    """Return the image of a layer's data and attributes, as napari names them."""
    finest = data[0] if isinstance(data, list | tuple) else data  # levels of a pyramid
    check_memory(int(finest.size) * finest.dtype.itemsize)
    labels = "".join(str(label).upper() for label in details.get("axis_labels") or ())
    labels += "S" * bool(details.get("rgb"))
    known = len(labels) == finest.ndim and not set(labels) - set(KNOWN_AXES)
    channel = details.get("channel_axis")
    if not known and details.get("rgb"):
        labels, known = f"{as_image(finest[..., 0]).axes}S", True
    image = as_image(finest, labels if known else None, channel_axis=None if known else channel)
    spatial = [axis for axis in image.axes if axis != "S" and (known or axis != "C")]
    steps = [float(abs(step)) for step in details.get("scale") or ()]
    shift = details.get("translate")
    moved = [] if shift is None else [float(at) for at in shift]
    if len(moved) != len(spatial) or any(details.get(turn) is not None for turn in _TURNS):
        moved = []
    title = details.get("name") or ()
    title = () if isinstance(title, str) else title  # one for each channel, or one for all
    units = details.get("units")
    names = [units] * len(steps) if isinstance(units, str) else list(units or ())
    found = dict(zip(spatial, steps, strict=False)) if len(steps) == len(spatial) else {}
    named = dict(zip(spatial, (unit_name(str(unit)) for unit in names), strict=False))
    return Image(
        image.data,
        image.axes,
        {axis: step for axis, step in found.items() if (step, named.get(axis)) != (1.0, None)},
        {axis: unit for axis, unit in named.items() if unit != "pixel"},
        position={axis: at for axis, at in zip(spatial, moved, strict=False) if at != 0},
        channel_names=tuple(map(str, title)) if "C" in image.axes else (),
    )
