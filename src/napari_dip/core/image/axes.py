"""Axes: the dimensions of an image that hold channels, colours and space."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_dip.errors import AxesError

if TYPE_CHECKING:
    from napari_dip.core.image.image import Image


def channel_axis(image: Image) -> int | None:
    """Return the dimension of the channels (not of RGB samples); None without channels."""
    return image.axes.index("C") if "C" in image.axes else None


def colour_samples(image: Image) -> int:
    """Return the number of colours of a pixel; 0 without an axis S.

    The last of an even number of samples is the opacity, which is not a colour.
    """
    return image.shape[-1] - (image.shape[-1] % 2 == 0) if image.rgb else 0


def spatial_axes(image: Image, dims: int) -> str:
    """Return the spatial axes of a fit: "YX" for planes (dims 2), "ZYX" for volumes (dims 3).

    Raises
    ------
    AxesError
        The image has no axis Z, but volumes are requested.
    """
    axes = "ZYX"[-dims:]
    if not set(axes) <= set(image.axes):
        raise AxesError(
            f"Got an image with the axes {image.axes} to be restored as volumes; expected an axis "
            "Z. Name the axes, such as ZYX, or choose planes (dims 2)."
        )
    return axes
