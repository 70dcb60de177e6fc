"""Blocks: what is fitted at once, a plane over Y and X, a volume over Z, Y and X, or a tile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from math import prod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_dip.core.image.axes import colour_samples, spatial_axes

if TYPE_CHECKING:
    from napari_dip.config import Channels
    from napari_dip.core.blocks.tiles import Tiling
    from napari_dip.core.image.image import Image


@dataclass(frozen=True, slots=True)
class Block:
    """A part of an image that is fitted at once.

    Attributes
    ----------
    index : int
        Position in the plan; the seed of the block derives from it.
    selection : tuple
        Index into the image's array: an int for each axis that is stepped
        over, a slice for each axis that is kept.
    axes : str
        The kept axes, in the order of the array.
    channels : tuple of int
        Position along C of each fitted channel, () without a C axis.
    target : tuple
        Index into the result's array, which may have more pixels.
    weights : tuple of (n,) float32 array
        Of a tile: what its estimate counts in the result, along each kept axis;
        () of whole planes and volumes.
    part : int
        From 1 on if it is a part of the block of this index, which had to be cut again.
    """

    index: int
    selection: tuple[int | slice, ...]
    axes: str
    channels: tuple[int, ...]
    target: tuple[int | slice, ...]
    weights: tuple[NDArray[np.float32], ...] = field(default=(), compare=False)
    part: int = 0


class _Piece(NamedTuple):
    """What a block is along one axis."""

    selection: int | slice
    target: int | slice
    weights: NDArray[np.float32]


_ALONE = np.ones(1, np.float32)


def plan_blocks(
    image: Image,
    channels: Channels | None,
    dims: int = 2,
    tiling: Tiling | None = None,
) -> list[Block]:
    """Cut an image into planes or volumes, every one of them, and these into tiles.

    Parameters
    ----------
    image : Image
        Any axes; T, Z of planes (and C or S, when separate) are stepped over.
    channels : {"joint", "separate"} or None
        None: the samples of RGB jointly, channels separately.
    dims : {2, 3}
        Planes, or volumes.
    tiling : Tiling, optional
        How to cut further what is larger than a tile.

    Raises
    ------
    AxesError
        When there are no volumes.
    UsageError
        When tiles would share all that they have.

    Examples
    --------
    >>> from napari_dip.core.image.image import as_image
    >>> from napari_dip.core.blocks.tiles import Tiling
    >>> [block.selection for block in plan_blocks(as_image(np.zeros((2, 8, 8))), None)]
    [(0, slice(None, None, None), slice(None, None, None)), \
(1, slice(None, None, None), slice(None, None, None))]
    >>> [block.selection for block in plan_blocks(as_image(np.zeros((4, 8))), None, 2, Tiling(5))]
    [(slice(0, 4, None), slice(0, 4, None)), (slice(0, 4, None), slice(4, 8, None))]
    """
    spatial = spatial_axes(image, dims)
    sizes = dict(zip(image.axes, image.shape, strict=True))
    if tiling is not None and all(sizes[axis] <= tiling.side for axis in spatial):
        tiling = None
    kept = set(spatial)
    if channels != "separate":
        kept.add("S")
    if channels == "joint":
        kept.add("C")
    samples = colour_samples(image)

    def pieces(axis: str) -> list[_Piece]:
        if axis in spatial and tiling is not None:
            factor = tiling.factors.get(axis, 1)
            spans = tiling.spans(axis, sizes[axis])
            weights = tiling.weights(axis, sizes[axis])
            return [
                _Piece(slice(start, stop), slice(factor * start, factor * stop), weight)
                for (start, stop), weight in zip(spans, weights, strict=True)
            ]
        if axis in kept:
            whole = slice(0, samples) if axis == "S" else slice(None)
            return [_Piece(whole, whole, _ALONE)]
        count = samples if axis == "S" else sizes[axis]
        return [_Piece(at, at, _ALONE) for at in range(count)]

    return [
        Block(
            index=index,
            selection=tuple(piece.selection for piece in along),
            axes="".join(axis for axis in image.axes if axis in kept),
            channels=_channels(image, [piece.selection for piece in along]),
            target=tuple(piece.target for piece in along),
            weights=tuple(
                piece.weights for axis, piece in zip(image.axes, along, strict=True) if axis in kept
            )
            if tiling is not None
            else (),
        )
        for index, along in enumerate(product(*map(pieces, image.axes)))
    ]


def count_channels(block: Block, image: Image) -> int:
    """Return how many channels of an image, or samples of RGB, a block has.

    Examples
    --------
    >>> from napari_dip.core.image.image import as_image
    >>> image = as_image(np.zeros((2, 8, 8)), "CYX")
    >>> [count_channels(plan_blocks(image, how)[0], image) for how in ("joint", "separate")]
    [2, 1]
    """
    parts = zip(image.axes, block.selection, image.shape, strict=True)
    kept = [(at, n) for axis, at, n in parts if axis in "CS" and isinstance(at, slice)]
    return prod(len(range(*at.indices(n))) for at, n in kept)


def split_block(block: Block, image: Image, tiling: Tiling) -> list[Block]:
    """Cut a block further; the weights of its parts sum to those that it has.

    Examples
    --------
    >>> from napari_dip.core.image.image import as_image
    >>> from napari_dip.core.blocks.tiles import Tiling
    >>> image = as_image(np.zeros((4, 8)))
    >>> (block,) = plan_blocks(image, None)
    >>> [part.selection for part in split_block(block, image, Tiling(5))]
    [(slice(0, 4, None), slice(0, 4, None)), (slice(0, 4, None), slice(4, 8, None))]
    """
    own = iter(block.weights or [_ALONE] * len(block.axes))

    def pieces(axis: str, size: int, selection: int | slice, target: int | slice) -> list[_Piece]:
        if isinstance(selection, int) or isinstance(target, int):
            return [_Piece(selection, target, _ALONE)]
        weights = next(own)
        if axis not in tiling.axes:
            return [_Piece(selection, target, weights)]
        factor, (first, stop, _) = tiling.factors.get(axis, 1), selection.indices(size)
        spans = tiling.spans(axis, stop - first)
        return [
            _Piece(
                slice(first + start, first + end),
                slice(factor * (first + start), factor * (first + end)),
                rise * (weights[factor * start : factor * end] if len(weights) > 1 else weights),
            )
            for (start, end), rise in zip(spans, tiling.weights(axis, stop - first), strict=True)
        ]

    places = zip(image.axes, image.shape, block.selection, block.target, strict=True)
    combined = list(product(*[pieces(*place) for place in places]))
    if len(combined) == 1:
        return [block]
    return [
        replace(
            block,
            selection=tuple(piece.selection for piece in along),
            target=tuple(piece.target for piece in along),
            weights=tuple(piece.weights for piece in along if not isinstance(piece.selection, int)),
            part=part,
        )
        for part, along in enumerate(combined, 1)
    ]


def _channels(image: Image, position: Sequence[int | slice]) -> tuple[int, ...]:
    if "C" not in image.axes:
        return ()
    axis = image.axes.index("C")
    at = position[axis]
    return tuple(range(image.shape[axis])) if isinstance(at, slice) else (at,)


def block_shape(block: Block, image: Image) -> tuple[int, ...]:
    """Return the number of pixels of a block along [Z, ]Y, X."""
    numbers = {
        axis: len(range(n)[part])
        for axis, n, part in zip(image.axes, image.shape, block.selection, strict=True)
        if isinstance(part, slice)
    }
    return tuple(numbers[axis] for axis in "ZYX" if axis in block.axes)
