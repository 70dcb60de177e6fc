"""Writers for File > Save: files keep the axes, scale and units of a layer. No Qt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import napari.layers
import numpy as np

from napari_dip.errors import NapariDipError
from napari_dip.gui.job.layer_image import image_of
from napari_dip.io.images import write_image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dip.core.image.image import Image


# The same as in `napari.yaml`.
SAVED_AS = (".ome.tif", ".ome.tiff", ".ome.zarr", ".nii.gz", ".nii")


def save_image(path: str, data: Any, attributes: dict[str, Any]) -> list[str]:
    """Write an image layer, with its report if it is a result.

    Parameters
    ----------
    path : str
        Output file. An existing file is replaced once the new one is complete.
    data, attributes
        Array and attributes of the layer, as npe2 passes them to a writer.

    Returns
    -------
    list of str
        Files that were written.
    """
    save_layer(path, napari.layers.Image(data, **attributes))
    return [path]


def save_labels(path: str, data: Any, attributes: dict[str, Any]) -> list[str]:
    """Write a labels layer, such as a mask; see `save_image`."""
    save_layer(path, napari.layers.Labels(data, **attributes))
    return [path]


def save_layer(path: str, layer: Any) -> None:
    """Write a layer as it is now; the suffix of the path decides the format."""
    report = layer.metadata.get("napari_dip")
    write_layer_image(path, image_of(layer), json.dumps(report) if report else None)


def write_layer_image(path: str | Path, image: Image, description: str | None = None) -> None:
    """Write the image of a layer in a data type that the file formats support.

    Raises
    ------
    NapariDipError
        For every error: napari takes a ValueError for a missing writer.
    """
    pixels = _in_file_dtype(np.asarray(image.data))
    try:
        write_image(path, image.with_data(pixels), description=description, overwrite=True)
    except NapariDipError as error:
        raise NapariDipError(str(error)) from error


def _in_file_dtype(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return the same values: 64-bit integers in the smallest integer type, float16 as float32."""
    if pixels.dtype.kind in "iu" and pixels.dtype.itemsize == 8 and pixels.size:
        bounds = (np.min_scalar_type(bound) for bound in (pixels.min(), pixels.max()))
        return pixels.astype(np.result_type(*bounds))
    return pixels.astype(np.float32) if pixels.dtype == np.float16 else pixels
