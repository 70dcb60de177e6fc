"""File > Save: layers as files that keep their axes, scale and units. No Qt."""

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


# As the manifest says.
SAVED_AS = (".ome.tif", ".ome.tiff", ".ome.zarr", ".nii.gz", ".nii")


def save_image(path: str, data: Any, attributes: dict[str, Any]) -> list[str]:
    """Write an image layer, with the report if it is a result.

    Parameters
    ----------
    path : str
        A file that exists is replaced, once the new one is whole.
    data, attributes
        As napari tells a writer of npe2.

    Returns
    -------
    list of str
        What was written.
    """
    save_layer(path, napari.layers.Image(data, **attributes))
    return [path]


def save_labels(path: str, data: Any, attributes: dict[str, Any]) -> list[str]:
    """Write a labels layer, such as a mask; as `save_image`."""
    save_layer(path, napari.layers.Labels(data, **attributes))
    return [path]


def save_layer(path: str, layer: Any) -> None:
    """Write a layer as it is now, whatever the format."""
    report = layer.metadata.get("napari_dip")
    write_picture(path, image_of(layer), json.dumps(report) if report else None)


def write_picture(path: str | Path, picture: Image, description: str | None = None) -> None:
    """Write what a layer shows, in a type that files have.

    Raises
    ------
    NapariDipError
        Of no other kind: napari takes a ValueError of a writer for there being none.
    """
    pixels = _as_files_have(np.asarray(picture.data))
    try:
        write_image(path, picture.with_data(pixels), description=description, overwrite=True)
    except NapariDipError as error:
        raise NapariDipError(str(error)) from error


def _as_files_have(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return the same values: whole numbers in the narrowest type, no half floats."""
    if pixels.dtype.kind in "iu" and pixels.dtype.itemsize == 8 and pixels.size:
        bounds = (np.min_scalar_type(bound) for bound in (pixels.min(), pixels.max()))
        return pixels.astype(np.result_type(*bounds))
    return pixels.astype(np.float32) if pixels.dtype == np.float16 else pixels
