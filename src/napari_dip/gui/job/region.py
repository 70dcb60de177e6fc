"""Region: the part of a layer to restore, and the same part of its mask or guide. No Qt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np

from napari_dip.errors import InputError

if TYPE_CHECKING:
    import napari.layers
    from numpy.typing import NDArray

    from napari_dip.core.image.image import Image

Region = Literal["all", "current", "view", "rectangle"]
# Words in the form.
REGIONS: dict[Region, str] = {
    "all": "whole image",
    "current": "shown plane",
    "view": "visible area",
    "rectangle": "rectangle",
}
Box = Mapping[str, tuple[int, int]]


def view_of(layer: napari.layers.Image) -> NDArray[np.float64]:
    """Return the first and the last pixel on the canvas, (2, D), at the finest level."""
    corners = np.asarray(layer.corner_pixels, dtype=float)
    if layer.multiscale:
        corners = corners * layer.downsample_factors[layer.data_level]
    return corners


def rectangle_of(
    shapes: napari.layers.Shapes | None, layer: napari.layers.Image
) -> NDArray[np.float64]:
    """Return the corners of the bounding box of a shape, (2, D), in pixels of an image layer.

    Of several shapes the selected one counts; without a selection, the newest.

    Raises
    ------
    InputError
        The layer has no shape.
    """
    if shapes is None or not len(shapes.data):
        raise InputError(
            "Got no rectangle; expected a Shapes layer with one. Add one, draw a rectangle and "
            "choose it as Shapes."
        )
    chosen = max(shapes.selected_data, default=len(shapes.data) - 1)
    ndim = max(shapes.ndim, layer.ndim)
    corners = []
    for vertex in shapes.data[chosen]:
        world = np.zeros(ndim)
        world[ndim - shapes.ndim :] = shapes.data_to_world(vertex)
        corners.append(np.asarray(layer.world_to_data(world))[-layer.ndim :])
    return np.array([np.min(corners, axis=0), np.max(corners, axis=0)])


def box_of(corners: NDArray[np.float64], image: Image) -> Box:
    """Return start and stop along Y and X of the box between two corners, within the image.

    Raises
    ------
    InputError
        The box holds no pixel of the image.
    """
    axes = image.axes.replace("S", "")
    sizes = image.sizes
    box = {}
    for axis in "YX":
        low, high = corners[:, axes.index(axis)]
        start, stop = max(round(float(low)), 0), min(round(float(high)) + 1, sizes[axis])
        if start >= stop:
            raise InputError(
                "Got a region outside the image; expected one that holds pixels of it. Move "
                "the view or the rectangle."
            )
        box[axis] = (start, stop)
    return box


def cut(image: Image, box: Box, sizes: Mapping[str, int]) -> Image:
    """Return the part in a box of an image, or of a mask or guide of the same size.

    Parameters
    ----------
    image : Image
        Image to cut. Axes whose size differs from `sizes` are not cut.
    box : mapping of str to (start, stop)
        Range in pixels of each axis to cut.
    sizes : mapping of str to int
        Size of each axis of the image that the box belongs to.
    """
    if not box:
        return image
    selection = tuple(
        slice(*box[axis]) if axis in box and size == sizes[axis] else slice(None)
        for axis, size in zip(image.axes, image.shape, strict=True)
    )
    return image.cut(selection)
