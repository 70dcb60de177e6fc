"""Alignment of a second array, such as a mask or a guide, with the axes of an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_dip.errors import InputError

if TYPE_CHECKING:
    from napari_dip.core.image.image import Image


def aligned(other: Image, image: Image, what: str) -> NDArray[Any]:
    """Return an array broadcast to the shape of an image, without a copy.

    Parameters
    ----------
    other : Image
        Array with the image's Y and X; it is repeated along axes that it lacks. The largest
        of its own RGB samples is used.
    image : Image
        Image that the array belongs to.
    what : str
        Name of the array in an error message, such as "mask".

    Raises
    ------
    InputError
        The axes or the shape do not match the image.

    Examples
    --------
    >>> from napari_dip.core.image.image import as_image
    >>> stack = as_image(np.zeros((5, 8, 8)))
    >>> aligned(as_image(np.ones((8, 8))), stack, "mask").shape
    (5, 8, 8)
    """
    values, axes = np.asarray(other.data), other.axes
    if axes.endswith("S"):
        values, axes = values.max(axis=-1), axes[:-1]
    spatial = image.axes.replace("S", "")
    if values.ndim == len(spatial) and not set(axes) <= set(spatial):
        axes = spatial  # the axes of a plain array are only the defaults
    sizes = image.sizes
    fits = all(
        axis in spatial and size in (sizes[axis], 1)
        for axis, size in zip(axes, values.shape, strict=True)
    )
    if not fits or any(values.shape[axes.index(axis)] != sizes[axis] for axis in "YX"):
        raise InputError(
            f"Got a {what} of shape {values.shape} ({axes}) for an image of shape {image.shape} "
            f"({image.axes}); expected the same Y and X, or the same axes."
        )
    kept = [axis for axis in image.axes if axis in axes]
    values = values.transpose([axes.index(axis) for axis in kept])
    index = tuple(slice(None) if axis in kept else None for axis in image.axes)
    return np.broadcast_to(values[index], image.shape)
