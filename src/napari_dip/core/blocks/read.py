"""Reading of the pixels of a block, and the order of its axes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from napari_dip.core.blocks.plan import Block
    from napari_dip.core.image.image import Image


def read_block(image: Image, block: Block) -> NDArray[Any]:
    """Return the pixels of a block as (C, [Z, ]Y, X), in the dtype of the image."""
    values = to_channels_first(np.asarray(image.data[block.selection]), block)
    # A fixed order in memory, so that sums and results do not depend on the order of axes.
    return np.ascontiguousarray(values if {"C", "S"} & set(block.axes) else values[None])


def read_block_around(
    image: Image, block: Block, margin: int
) -> tuple[NDArray[Any], tuple[slice | Any, ...]]:
    """Return a block with a margin of its plane, and the index of the block in it.

    Parameters
    ----------
    image : Image
        Image of the block.
    block : Block
        Block over Y and X.
    margin : int
        Width of the margin [pixels], where the image has these pixels.

    Returns
    -------
    (C, [Z, ]Y, X) array, tuple
        Pixels with margin, and the index of the block in this array.
    """
    selection, inside = list(block.selection), [slice(None)] * 2
    for n, axis in enumerate("YX"):
        at = image.axes.index(axis)
        part = block.selection[at]
        assert isinstance(part, slice)  # every block extends over Y and X
        first, stop, _ = part.indices(image.shape[at])
        start = max(first - margin, 0)
        selection[at] = slice(start, stop + margin)
        inside[n] = slice(first - start, stop - start)
    return read_block(image, replace(block, selection=tuple(selection))), (..., *inside)


def to_channels_first(values: NDArray[Any], block: Block) -> NDArray[Any]:
    """Reorder the axes of a block from that of the array to ([C, ][Z, ]Y, X)."""
    return values.transpose([block.axes.index(axis) for axis in _channels_first(block.axes)])


def from_channels_first(values: NDArray[Any], block: Block) -> NDArray[Any]:
    """Reorder the axes of a block from (C, [Z, ]Y, X) to that of the array."""
    ordered = _channels_first(block.axes)
    if len(ordered) < values.ndim:
        values = values[0]
    return values.transpose([ordered.index(axis) for axis in block.axes])


def _channels_first(axes: str) -> str:
    return "".join(sorted(axes, key="CSZYX".index))
