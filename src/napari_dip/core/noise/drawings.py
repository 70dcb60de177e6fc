"""Drawings: images of two values, such as text, masks and halftone, whose texture is no noise."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_dip.core.image.image import finite_mask

# A pixel of a plane (P, Y, X) and its eight neighbours.
_NEIGHBOURS = np.array([[[1, 1, 1], [1, 0, 1], [1, 1, 1]]], dtype=bool)
# Independent pixels, such as those of a frame with single photons, differ from all neighbours by
# chance. A drawing has at most this share of such pixels; below this expected number, chance
# decides.
_MOST_ALONE, _FEWEST_EXPECTED = 0.25, 20


def is_drawing(planes: NDArray[Any]) -> bool:
    """Return whether planes have exactly two values and hardly any isolated pixels.

    Parameters
    ----------
    planes : (P, Y, X) array
        Planes of the channel; values that are not finite and their neighbours are left out.

    Notes
    -----
    Independent pixels, a share p of which is bright, differ from all their eight neighbours with
    the probability p (1 - p)^8 + (1 - p) p^8. The strokes, dots and blocks of a drawing are wider
    or connected. A drawing with salt and pepper has isolated pixels, and so has a frame in which
    each pixel counts at most one photon.

    Examples
    --------
    >>> photons = np.random.default_rng(0).random((1, 128, 128)) < 0.3
    >>> is_drawing(photons), is_drawing(photons.repeat(2, axis=1).repeat(2, axis=2))
    (False, True)
    """
    known = finite_mask(planes)
    values = planes[known]
    if not values.size:
        return False
    high = values.max()
    bright = planes == high
    others = values[values != high]
    if not others.size or others.min() != others.max():
        return False
    share = 1 - others.size / values.size
    expected = share * (1 - share) ** 8 + (1 - share) * share**8
    surrounded = ndimage.minimum_filter(known, footprint=_NEIGHBOURS) & known
    alone = bright & ~ndimage.maximum_filter(bright, footprint=_NEIGHBOURS)
    alone |= ~bright & ndimage.minimum_filter(bright, footprint=_NEIGHBOURS)
    count = expected * surrounded.sum()
    return bool(count >= _FEWEST_EXPECTED and (alone & surrounded).sum() <= _MOST_ALONE * count)
