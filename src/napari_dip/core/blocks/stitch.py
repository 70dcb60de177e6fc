"""Stitching: the estimates of blocks are written into one result, an array or a store.

Where tiles overlap, the result is the weighted mean of their estimates. The weights change
smoothly and sum to one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_dip.core.blocks.read import from_channels_first, to_channels_first

if TYPE_CHECKING:
    from napari_dip.core.blocks.plan import Block

# Rows of a band, in which planes are copied.
_ROWS = 1024


def stitch(
    result: Any,
    block: Block,
    values: NDArray[np.float32],
    laid: Iterable[Block] = (),
) -> None:
    """Write the estimate of a block into the result.

    A pixel becomes the weighted mean of all tiles that cover it: this one and those in `laid`.
    The order of tiles does not matter.

    Parameters
    ----------
    result : array or store
        Result, changed in place.
    block : Block
        Block of the estimate.
    values : array
        Estimate of the block, with axes in the order of the array.
    laid : iterable of Block
        Tiles that are already in the result. Default: none.

    Examples
    --------
    >>> from napari_dip.core.blocks.plan import plan_blocks
    >>> from napari_dip.core.image.image import as_image
    >>> from napari_dip.core.blocks.tiles import Tiling
    >>> result = np.zeros((1, 4), np.float32)
    >>> left, right = plan_blocks(as_image(result), None, 2, Tiling(3, overlap=2))
    >>> stitch(result, left, np.full((1, 3), 2.0, np.float32))
    >>> stitch(result, right, np.full((1, 3), 4.0, np.float32), [left])
    >>> bool(np.allclose(result, [2.0, 2.3, 3.7, 4.0], atol=0.01))
    True
    """
    if not block.weights:
        result[block.target] = values
        return
    own = outer(block.weights)
    before = np.zeros_like(own)
    for other in laid:
        if pieces := _common(block, other):
            before[tuple(inside for inside, _ in pieces)] += outer([w for _, w in pieces])
    region = result[block.target]
    with np.errstate(invalid="ignore"):  # pixels that no tile has covered may be NaN
        blended = region + own / np.maximum(before + own, np.finfo(np.float32).tiny) * (
            values - region
        )
    result[block.target] = np.where(own > 0, np.where(before > 0, blended, values), region)


def outer(weights: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return the outer product of the weights along each axis, one dimension per axis."""
    return np.asarray(reduce(np.multiply, np.ix_(*weights)))


def _common(block: Block, other: Block) -> list[tuple[slice, NDArray[np.float32]]]:
    """Return the overlap of another block and its weights there, along each axis of a block."""
    pieces, weights = [], iter(zip(block.weights, other.weights, strict=True))
    for span, other_span in zip(block.target, other.target, strict=True):
        if isinstance(span, int) or isinstance(other_span, int):
            if span != other_span:
                return []
            continue
        own, others = next(weights)
        first, origin = span.start or 0, other_span.start or 0
        start, stop = max(first, origin), min(first + len(own), origin + len(others))
        if start >= stop:
            return []
        pieces.append((slice(start - first, stop - first), others[start - origin : stop - origin]))
    return pieces


def bands(shape: Sequence[int], axes: str) -> Iterator[tuple[int | slice, ...]]:
    """Return small selections that cover an array once.

    Examples
    --------
    >>> list(bands((2, 4, 4), "ZYX"))
    [(0, slice(0, 1024, None), slice(None, None, None)), \
(1, slice(0, 1024, None), slice(None, None, None))]
    """
    everything = slice(None)

    def pieces(axis: str, size: int) -> Iterable[int | slice]:
        if axis == "Y":
            return [slice(start, start + _ROWS) for start in range(0, size, _ROWS)]
        return range(size) if axis in "TCZ" else [everything]

    yield from product(*map(pieces, axes, shape))


def count_pixels(block: Block, where: NDArray[np.bool_]) -> float:
    """Return the number of True pixels (C, [Z, ]Y, X), weighted where tiles overlap."""
    return float(count_pixels_by_plane(block, where).sum())


def count_pixels_by_plane(block: Block, where: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the weighted number of True pixels of each plane, (C[, Z])."""
    if not block.weights:
        return np.asarray(where.sum(axis=(-2, -1), dtype=np.float64))
    ordered = from_channels_first(where, block)
    pairs = zip(block.weights, ordered.shape, strict=True)
    # One weight per pixel of the image, where the result has more pixels.
    weighted = outer([w[:: max(len(w) // n, 1)] for w, n in pairs]) * ordered
    planes = to_channels_first(weighted, block).reshape(where.shape)
    return np.asarray(planes.sum(axis=(-2, -1), dtype=np.float64))
