"""Default axes, with a warning, for a file that does not name them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from napari_dip.core.image.image import Image, as_image

# Letter of a dimension without a name, as in tifffile.
UNNAMED = "Q"


def assume_axes(image: Image) -> Image:
    """Return an image whose unnamed dimensions get the default letters of arrays.

    This applies only if all dimensions but Y, X and the samples S are unnamed. Other
    images are returned unchanged; `as_image` raises an error for them.

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
    # A dummy array suffices, because the default depends on the dimensions only.
    axes = as_image(np.broadcast_to(np.uint8(0), (1,) * len(plain))).axes + colours
    warning = f"The file does not name its axes; {axes} is assumed. Name the axes if wrong."
    return replace(image, axes=axes, warnings=(*image.warnings, warning))
