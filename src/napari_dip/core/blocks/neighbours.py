"""Neighbours: the planes before and behind a plane of a stack, or the frames around a frame."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_dip.core.blocks.read import read_block
from napari_dip.core.image.constant_regions import is_constant
from napari_dip.core.image.image import finite_mask
from napari_dip.core.image.neighbour_slots import slots

if TYPE_CHECKING:
    from napari_dip.core.blocks.plan import Block
    from napari_dip.core.image.image import Image

# Largest variance of the difference of planes of one scene, relative to that of a plane, both
# without noise. Neighbours help at 0.06 to 0.35 in six real stacks, and did harm at 0.8.
_SAME = 0.5


def neighbour_axis(image: Image) -> str | None:
    """Return the axis along which planes have neighbours: Z, else T; None without any.

    Examples
    --------
    >>> from napari_dip.core.image.image import as_image
    >>> [neighbour_axis(as_image(np.zeros((3, 8, 8)), axes)) for axes in ("ZYX", "TYX", "CYX")]
    ['Z', 'T', None]
    """
    sizes = image.sizes
    return next((axis for axis in "ZT" if sizes.get(axis, 1) > 1), None)


def read_neighbours(
    image: Image, block: Block, axis: str, reach: int, noise_variance: float = 0.0
) -> list[NDArray[Any]]:
    """Return the neighbours (Y, X) of a plane or tile; none if all of them are missing.

    Constant planes, such as dropped frames, count as missing, and so do all planes of a side
    whose nearest plane shows another scene.

    Parameters
    ----------
    image : Image
        Stack or series.
    block : Block
        Plane or tile of one channel.
    axis : str
        Axis along which planes have neighbours.
    reach : int
        Number of neighbours on each side.
    noise_variance : float
        Variance of the noise, in squared units of the image. Default 0.
    """
    (centre,) = read_block(image, block)
    planes: dict[int, NDArray[Any]] = {}
    for sign in (-1, 1):
        side = _read_side(image, block, axis, [sign * (1 + n) for n in range(reach)])
        if side and show_same_scene(centre, next(iter(side.values())), noise_variance):
            planes |= side
    return [planes[at] for at in slots(set(planes), reach)] if planes else []


def show_same_scene(plane: NDArray[Any], other: NDArray[Any], noise_variance: float) -> bool:
    """Return whether two planes (Y, X) differ by less than half of what structure they have.

    Parameters
    ----------
    plane, other : (Y, X) array
        Planes; values that are not finite in either are left out, and so is a difference of
        their brightness.
    noise_variance : float
        Variance of the noise of each.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> first, second, noise, more = random.normal(size=(4, 64, 64))
    >>> [show_same_scene(first + noise, one + more, 1.0) for one in (first, second)]
    [True, False]
    """
    known = finite_mask(plane) & finite_mask(other)
    if not known.any():
        return False
    values = plane[known].astype(np.float64)
    change = (values - other[known]).var() - 2 * noise_variance
    return bool(change <= _SAME * max(values.var() - noise_variance, 0.0) or change <= 0)


def _read_side(
    image: Image, block: Block, axis: str, offsets: list[int]
) -> dict[int, NDArray[Any]]:
    """Return the planes at these distances that exist and are not constant, nearest first."""
    n = image.axes.index(axis)
    position = block.selection[n]
    assert isinstance(position, int)  # each plane along this axis is a block of its own
    planes = {}
    for offset in offsets:
        if 0 <= position + offset < image.shape[n]:
            place = (*block.selection[:n], position + offset, *block.selection[n + 1 :])
            (plane,) = read_block(image, replace(block, selection=place))
            if finite_mask(plane).any() and not is_constant(plane):
                planes[offset] = plane
    return planes
