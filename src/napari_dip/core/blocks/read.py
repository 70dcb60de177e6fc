"""Read the pixels of a block, and reorder its axes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from napari_dip.core.blocks.plan import Block
    from napari_dip.core.image.image import Image


def read_block(image: Image, block: Block) -> NDArray[Any]:
    """Return the block's pixels as (C, [Z, ]Y, X), in the image's dtype."""
    values = to_channels_first(np.asarray(image.data[block.selection]), block)
    # The same order in memory, so that sums and thus results are the same.
    return np.ascontiguousarray(values if {"C", "S"} & set(block.axes) else values[None])


def read_block_around(
    image: Image, block: Block, margin: int
) -> tuple[NDArray[Any], tuple[slice | Any, ...]]:
    """Return a block with so many pixels more of its plane around it, and where in it it lies."""
    selection, inside = list(block.selection), [slice(None)] * 2
    for n, axis in enumerate("YX"):
        at = image.axes.index(axis)
        part = block.selection[at]
        assert isinstance(part, slice)  # of every block
        first, stop, _ = part.indices(image.shape[at])
        start = max(first - margin, 0)
        selection[at] = slice(start, stop + margin)
        inside[n] = slice(first - start, stop - start)
    return read_block(image, replace(block, selection=tuple(selection))), (..., *inside)


def to_channels_first(values: NDArray[Any], block: Block) -> NDArray[Any]:
    """Reorder the block's axes: channels, if any, then [Z, ]Y, X."""
    return values.transpose([block.axes.index(axis) for axis in _channels_first(block.axes)])


def from_channels_first(values: NDArray[Any], block: Block) -> NDArray[Any]:
    """Undo `read`: (C, [Z, ]Y, X) to the order of the image's array."""
    ordered = _channels_first(block.axes)
    if len(ordered) < values.ndim:
        values = values[0]
    return values.transpose([ordered.index(axis) for axis in block.axes])


def _channels_first(axes: str) -> str:
    return "".join(sorted(axes, key="CSZYX".index))
