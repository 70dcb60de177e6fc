"""Axes that a file does not name: the usual order is assumed, with a warning."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from napari_dip.core.image.image import Image, as_image

UNNAMED = "Q"


def assume_axes(image: Image) -> Image:
    """Return an image whose dimensions without a name have the letters that arrays get.

    Only where all dimensions but Y, X and the samples S lack a name; others stay as they
    are, for `as_image` to refuse.

    Examples
    --------
    >>> image = assume_axes(Image(np.zeros((2, 5, 8, 8)), "QQYX"))
    >>> image.axes, image.warnings
    ('TZYX', ('The file does not name its axes; TZYX is assumed. Name the axes if wrong.',))
    """
    colours = "S" if image.axes.endswith("S") else ""
    plain = image.axes.removesuffix("S")
    if plain != UNNAMED * (len(plain) - 2) + "YX" or UNNAMED not in plain:
        return image
    # A stand-in without memory: the guess depends on the dimensions only.
    axes = as_image(np.broadcast_to(np.uint8(0), (1,) * len(plain))).axes + colours
    warning = f"The file does not name its axes; {axes} is assumed. Name the axes if wrong."
    return replace(image, axes=axes, warnings=(*image.warnings, warning))
