"""Axes: which dimension of an image holds channels, colours or space."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_dip.errors import AxesError

if TYPE_CHECKING:
    from napari_dip.core.image.image import Image


def channel_axis(image: Image) -> int | None:
    """Return the dimension that holds channels of different brightness (not RGB samples)."""
    return image.axes.index("C") if "C" in image.axes else None


def colour_samples(image: Image) -> int:
    """Return the number of colours of a pixel; 0 without an axis S.

    An even number of samples has the opacity last, which is no colour.
    """
    return image.shape[-1] - (image.shape[-1] % 2 == 0) if image.rgb else 0


def spatial_axes(image: Image, dims: int) -> str:
    """Return "YX" or "ZYX", what planes or volumes of an image reach over.

    Raises
    ------
    AxesError
        When there are no volumes.
    """
    axes = "ZYX"[-dims:]
    if not set(axes) <= set(image.axes):
        raise AxesError(
            f"Got an image with the axes {image.axes} to be restored as volumes; expected an axis "
            "Z. Name the axes, such as ZYX, or choose planes (dims 2)."
        )
    return axes
