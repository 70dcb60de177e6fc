"""Blocks: the parts of an image that are fitted separately (planes, volumes or tiles)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    """A part of an image with a fit of its own.

    Attributes
    ----------
    index : int
        Position in the plan, from which the seed of the block derives.
    selection : tuple
        Index into the array of the image: an int for each axis with one block per position,
        a slice for each axis of the block.
    axes : str
        Axes of the block, in the order of the array.
    channels : tuple of int
        Position of each fitted channel along C; () without an axis C.
    target : tuple
        Index into the array of the result, which may have more pixels.
    weights : tuple of (n,) float32 array
        Blending weights of a tile along each axis of the block, in pixels of the result;
        () for complete planes and volumes.
    part : int
        Number of the part, from 1, if this block was split further; else 0.
    """

    index: int
    selection: tuple[int | slice, ...]
    axes: str
    channels: tuple[int, ...]
    target: tuple[int | slice, ...]
    weights: tuple[NDArray[np.float32], ...] = field(default=(), compare=False)
    part: int = 0

    @property
    def start(self) -> tuple[int, ...]:
        """Position of the first pixel ([Z, ]Y, X) in the image."""
        spans = (part for part in self.selection if isinstance(part, slice))
        places = zip(self.axes, spans, strict=True)
        return tuple(span.start or 0 for axis, span in places if axis in "ZYX")


class _Piece(NamedTuple):
    """Extent of a block along one axis."""

    selection: int | slice
    target: int | slice
    weights: NDArray[np.float32]


_WEIGHT_ONE = np.ones(1, np.float32)


def plan_blocks(
    image: Image,
    channels: Channels | None,
    dims: int = 2,
    tiling: Tiling | None = None,
) -> list[Block]:
    """Return the blocks of an image: all planes or volumes, cut into tiles if requested.

    Parameters
    ----------
    image : Image
        Image with any axes. Each position along T, along Z (for planes) and along C or S (if
        separate) has its own block.
    channels : {"joint", "separate"} or None
        Fit of channels and RGB samples. None: RGB samples jointly, channels separately.
    dims : {2, 3}
        2 for planes, 3 for volumes. Default 2.
    tiling : Tiling, optional
        Tiles for planes or volumes that are larger than a tile. Default: no tiles.

    Raises
    ------
    AxesError
        Volumes are requested, but the image has no axis Z.
    UsageError
        The overlap of the tiles is as large as the tiles.

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
    sizes = image.sizes
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
            complete = slice(0, samples) if axis == "S" else slice(None)
            return [_Piece(complete, complete, _WEIGHT_ONE)]
        count = samples if axis == "S" else sizes[axis]
        return [_Piece(at, at, _WEIGHT_ONE) for at in range(count)]

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


def nearest_first(blocks: Sequence[Block], axes: str, place: Mapping[str, int]) -> list[Block]:
    """Return blocks in the order of their distance from a place; tiles of a plane keep theirs.

    Parameters
    ----------
    blocks : sequence of Block
        Blocks of an image.
    axes : str
        Axes of the array of the image.
    place : mapping of str to int
        Index along some of T, Z and C, such as {"Z": 5}.

    Examples
    --------
    >>> from napari_dip.core.image.image import as_image
    >>> blocks = plan_blocks(as_image(np.zeros((4, 8, 8))), None)
    >>> [block.index for block in nearest_first(blocks, "ZYX", {"Z": 2})]
    [2, 1, 3, 0]
    """

    def distance(block: Block) -> tuple[int, int]:
        """Return the distance along T and Z, then along C: channels of a plane stay together."""
        apart = {
            axis: abs(at - place[axis])
            for axis, at in zip(axes, block.selection, strict=True)
            if axis in place and isinstance(at, int)
        }
        return apart.get("T", 0) + apart.get("Z", 0), apart.get("C", 0)

    return sorted(blocks, key=distance)


def count_channels(block: Block, image: Image) -> int:
    """Return the number of channels or RGB samples of a block.

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
    """Split a block into tiles; the weights of the parts sum to the weights of the block.

    Examples
    --------
    >>> from napari_dip.core.image.image import as_image
    >>> from napari_dip.core.blocks.tiles import Tiling
    >>> image = as_image(np.zeros((4, 8)))
    >>> (block,) = plan_blocks(image, None)
    >>> [part.selection for part in split_block(block, image, Tiling(5))]
    [(slice(0, 4, None), slice(0, 4, None)), (slice(0, 4, None), slice(4, 8, None))]
    """
    own = iter(block.weights or [_WEIGHT_ONE] * len(block.axes))

    def pieces(axis: str, size: int, selection: int | slice, target: int | slice) -> list[_Piece]:
        if isinstance(selection, int) or isinstance(target, int):
            return [_Piece(selection, target, _WEIGHT_ONE)]
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
    """Return the shape ([Z, ]Y, X) of a block in pixels of the image."""
    numbers = {
        axis: len(range(n)[part])
        for axis, n, part in zip(image.axes, image.shape, block.selection, strict=True)
        if isinstance(part, slice)
    }
    return tuple(numbers[axis] for axis in "ZYX" if axis in block.axes)
