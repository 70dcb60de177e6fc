"""Stitching: what blocks became is put into one result, an array or a store.

Tiles overlap. Where they do, the result is the mean of their estimates with weights that
rise and fall smoothly and sum to one.
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

# Of a plane that is copied in bands.
_ROWS = 1024


def stitch(
    result: Any,
    block: Block,
    values: NDArray[np.float32],
    laid: Iterable[Block] = (),
) -> None:
    """Put what a block became, ordered as the array is, into the result, an array or a store.

    A pixel is the mean of the tiles that reached it, by their weights: those
    in `laid` and this one, in any order.

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
    with np.errstate(invalid="ignore"):  # what no tile has reached may be missing
        blended = region + own / np.maximum(before + own, np.finfo(np.float32).tiny) * (
            values - region
        )
    result[block.target] = np.where(own > 0, np.where(before > 0, blended, values), region)


def outer(weights: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return the product of weights along each axis, of as many dimensions."""
    return np.asarray(reduce(np.multiply, np.ix_(*weights)))


def _common(block: Block, other: Block) -> list[tuple[slice, NDArray[np.float32]]]:
    """Return where in a block another one lies and what it counts, along each kept axis."""
    pieces, weights = [], iter(zip(block.weights, other.weights, strict=True))
    for mine, theirs in zip(block.target, other.target, strict=True):
        if isinstance(mine, int) or isinstance(theirs, int):
            if mine != theirs:
                return []
            continue
        own, counts = next(weights)
        first, origin = mine.start or 0, theirs.start or 0
        start, stop = max(first, origin), min(first + len(own), origin + len(counts))
        if start >= stop:
            return []
        pieces.append((slice(start - first, stop - first), counts[start - origin : stop - origin]))
    return pieces


def bands(shape: Sequence[int], axes: str) -> Iterator[tuple[int | slice, ...]]:
    """Return selections that are an array together, none of them large.

    Examples
    --------
    >>> list(bands((2, 4, 4), "ZYX"))
    [(0, slice(0, 1024, None), slice(None, None, None)), \
(1, slice(0, 1024, None), slice(None, None, None))]
    """
    whole = slice(None)

    def pieces(axis: str, size: int) -> Iterable[int | slice]:
        if axis == "Y":
            return [slice(start, start + _ROWS) for start in range(0, size, _ROWS)]
        return range(size) if axis in "TCZ" else [whole]

    yield from product(*map(pieces, axes, shape))


def count_pixels(block: Block, where: NDArray[np.bool_]) -> float:
    """Return how many pixels (C, [Z, ]Y, X) are True; tiles share those that they overlap at."""
    return float(count_pixels_by_plane(block, where).sum())


def count_pixels_by_plane(block: Block, where: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the same for each plane, (C[, Z])."""
    if not block.weights:
        return np.asarray(where.sum(axis=(-2, -1), dtype=np.float64))
    ordered = from_channels_first(where, block)
    pairs = zip(block.weights, ordered.shape, strict=True)
    # One weight of each observed pixel, where the result has more.
    weighted = outer([w[:: max(len(w) // n, 1)] for w, n in pairs]) * ordered
    planes = to_channels_first(weighted, block).reshape(where.shape)
    return np.asarray(planes.sum(axis=(-2, -1), dtype=np.float64))
