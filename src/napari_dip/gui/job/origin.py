"""Where the pixels of a layer come from: its file, or the image that was restored. No Qt."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dip.core.image.image import Image
from napari_dip.errors import NapariDipError
from napari_dip.io.headers import read_header
from napari_dip.io.images import read_image, read_quantisation
from napari_dip.io.tiff.reader import mark_no_data

if TYPE_CHECKING:
    import napari.layers

    from napari_dip.core.tasks import Quantisation

_TIFF = (".tif", ".tiff")

# Entry in the metadata of a result: axes and voxel size of its pixels.
_ENTRY = "napari_dip_source"


def is_result(layer: napari.layers.Layer) -> bool:
    """Return whether a layer was made by a run in this session."""
    return _ENTRY in layer.metadata


def finest(layer: napari.layers.Layer) -> Any:
    """Return the pixels of a layer, at the finest level of a multiscale layer."""
    return layer.data[0] if layer.multiscale else layer.data


def origin_of(layer: napari.layers.Layer) -> Image | None:
    """Return the image that the pixels of a layer come from, for its axes and voxel size.

    napari's own reader drops both, so they are read from the file again. None for a layer
    without a file of the same shape.
    """
    data = finest(layer)
    entry = layer.metadata.get(_ENTRY)
    if entry is not None:
        return Image(data, entry["axes"], entry["voxel_size"], entry["units"])
    header = None if layer.source.path is None else read_header(layer.source.path)
    return header if header is not None and header.shape == tuple(data.shape) else None


def is_its_file(layer: napari.layers.Layer) -> bool:
    """Return whether a layer still has the pixels of its file; lazy data count as unchanged."""
    path, data = layer.source.path, layer.data
    if path is None:
        return False
    if layer.multiscale or not isinstance(data, np.ndarray):
        return True
    try:
        pixels = read_image(path).data
    except NapariDipError:
        return False
    return np.array_equal(np.squeeze(pixels), np.squeeze(data))


def with_missing_pixels(image: Image, layer: napari.layers.Image) -> Image:
    """Return the image of a layer with NaN at the no-data pixels of its TIFF file.

    napari reads only the stored values, such as -9999 outside a survey.
    """
    path = None if layer.source.path is None else Path(layer.source.path)
    in_memory = isinstance(image.data, np.ndarray)
    if path is None or path.suffix.lower() not in _TIFF or not path.is_file() or not in_memory:
        return image
    try:
        return mark_no_data(path, image)
    except (OSError, ValueError):  # the file has changed: only the pixels of the layer count
        return image


def quantisation_of(layer: napari.layers.Image) -> Quantisation | None:
    """Return the quantisation of the JPEG file of a layer; None if its pixels have changed."""
    path = layer.source.path
    quantisation = None if path is None else read_quantisation(path)
    if quantisation is None or not isinstance(layer.data, np.ndarray):
        return None
    return quantisation if is_its_file(layer) else None


def result_metadata(image: Image, factors: Mapping[str, int]) -> dict[str, Any]:
    """Return the metadata of a result layer.

    Parameters
    ----------
    image : Image
        Image that is restored.
    factors : mapping of str to int
        Ratio of the pixels of the result and of the image, by axis (default: 1).
    """
    sizes = {axis: size / factors.get(axis, 1) for axis, size in image.voxel_size.items()}
    return {_ENTRY: {"axes": image.axes, "voxel_size": sizes, "units": dict(image.units)}}
