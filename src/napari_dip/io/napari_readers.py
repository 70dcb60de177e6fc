"""Reading of other formats with the installed napari plugins."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari_dip.core.image.axis_letters import KNOWN_AXES
from napari_dip.core.image.image import Image, as_image
from napari_dip.core.image.units import unit_name
from napari_dip.errors import FileFormatError
from napari_dip.optional import installed

# Attributes of a layer that turn it; its translation is then no position of the pixels.
_ROTATIONS = ("rotate", "shear", "affine")


def read_with_plugin(path: Path, check_memory: Callable[[int], None]) -> Image:
    """Read the only image of a file with the napari plugin for its format, without a window.

    Parameters
    ----------
    path : Path
        File of a format that an installed plugin reads.
    check_memory : callable
        Function called with the size of the image [bytes] once the plugin has opened it.
    """
    if not installed("npe2"):
        raise FileFormatError(
            f"{_unread(path)} Install napari and a reader plugin, or convert the file."
        )
    from npe2 import PluginManager, io_utils

    PluginManager.instance().discover()
    try:
        layers = io_utils.read([str(path)], stack=False)
    except ValueError as error:
        if "reader" not in str(error):  # raised by the plugin itself
            raise
        raise FileFormatError(
            f"{_unread(path)} Install a reader plugin, or convert the file."
        ) from error
    images = [layer for layer in layers if len(layer) < 3 or layer[2] == "image"]
    if len(images) != 1:
        raise FileFormatError(
            f"Got {path}, in which the napari plugin finds {len(images)} images; expected one. "
            "Save one of them as .ome.tif."
        )
    layer: Any = images[0]
    return _layer_image(layer[0], layer[1] if len(layer) > 1 else {}, check_memory)


def _unread(path: Path) -> str:
    return (
        f"Got {path}, a format that neither napari-dip nor an installed napari plugin reads; "
        "expected TIFF, OME-Zarr, NIfTI, DICOM, PNG, JPEG or .npy."
    )


def _layer_image(data: Any, details: dict[str, Any], check_memory: Callable[[int], None]) -> Image:
    """Return the image of a napari layer.

    Parameters
    ----------
    data : array or sequence of array
        Pixels, or the levels of a pyramid, of which the first is read.
    details : dict
        Attributes of the layer, named as in napari.
    check_memory : callable
        Function called with the size of the image [bytes].
    """
    finest = data[0] if isinstance(data, list | tuple) else data
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
    translation = details.get("translate")
    position = [] if translation is None else [float(at) for at in translation]
    if len(position) != len(spatial) or any(details.get(name) is not None for name in _ROTATIONS):
        position = []
    names = details.get("name") or ()
    channel_names = () if isinstance(names, str) else names  # a string is the name of the layer
    given = details.get("units")
    given = [given] * len(steps) if isinstance(given, str) else list(given or ())
    sizes = dict(zip(spatial, steps, strict=False)) if len(steps) == len(spatial) else {}
    units = dict(zip(spatial, (unit_name(str(unit)) for unit in given), strict=False))
    return Image(
        image.data,
        image.axes,
        # A step of 1 without a unit is napari's default, not a measured size.
        {axis: step for axis, step in sizes.items() if (step, units.get(axis)) != (1.0, None)},
        {axis: unit for axis, unit in units.items() if unit != "pixel"},
        position={axis: at for axis, at in zip(spatial, position, strict=False) if at != 0},
        channel_names=tuple(map(str, channel_names)) if "C" in image.axes else (),
    )
