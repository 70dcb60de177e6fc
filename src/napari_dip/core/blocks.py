"""Blocks: what is fitted at once, a plane over Y and X, or a volume over Z, Y and X."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_dip.errors import AxesError

if TYPE_CHECKING:
    from napari_dip.config import Channels
    from napari_dip.core.image import Image


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
    """

    index: int
    selection: tuple[int | slice, ...]
    axes: str
    channels: tuple[int, ...]


def plan(image: Image, channels: Channels | None, dims: int = 2) -> list[Block]:
    """Cut an image into planes or volumes, every one of them.

    Parameters
    ----------
    image : Image
        Any axes; T, Z of planes (and C or S, when separate) are stepped over.
    channels : {"joint", "separate"} or None
        None: the samples of RGB jointly, channels separately.
    dims : {2, 3}
        Planes, or volumes.

    Raises
    ------
    AxesError
        When there are no volumes.

    Examples
    --------
    >>> from napari_dip.core.image import as_image
    >>> [block.selection for block in plan(as_image(np.zeros((2, 8, 8))), None)]
    [(0, slice(None, None, None), slice(None, None, None)), \
(1, slice(None, None, None), slice(None, None, None))]
    """
    kept = set(spatial_axes(image, dims))
    if channels != "separate":
        kept.add("S")
    if channels == "joint":
        kept.add("C")
    # An even number of samples has alpha last: it is carried over untouched.
    samples = image.shape[-1] - (image.shape[-1] % 2 == 0) if image.rgb else 0
    steps = [
        (1 if axis in kept else samples if axis == "S" else size)
        for axis, size in zip(image.axes, image.shape, strict=True)
    ]
    blocks = []
    for index, position in enumerate(np.ndindex(*steps)):
        selection = tuple(
            (slice(0, samples) if axis == "S" else slice(None)) if axis in kept else int(at)
            for axis, at in zip(image.axes, position, strict=True)
        )
        blocks.append(
            Block(
                index=index,
                selection=selection,
                axes="".join(axis for axis in image.axes if axis in kept),
                channels=_channels(image, position, joint="C" in kept),
            )
        )
    return blocks


def _channels(image: Image, position: tuple[int, ...], *, joint: bool) -> tuple[int, ...]:
    if "C" not in image.axes:
        return ()
    axis = image.axes.index("C")
    return tuple(range(image.shape[axis])) if joint else (int(position[axis]),)


def spatial_axes(image: Image, dims: int) -> str:
    """Return "YX" or "ZYX", what planes or volumes of an image reach over.

    Raises
    ------
    AxesError
        When there are no volumes.
    """
    axes = "ZYX"[-dims:]
    if not set(axes) <= set(image.axes):
        raise AxesError(
            f"Got an image with the axes {image.axes} to be restored as volumes; expected an axis "
            "Z. Name the axes, such as ZYX, or choose planes (dims 2)."
        )
    return axes


def pixels(image: Image, dims: int = 2) -> int:
    """Return the number of pixels of a plane or of a volume."""
    return prod(image.shape[image.axes.index(axis)] for axis in spatial_axes(image, dims))


def some_planes(image: Image, channel: int, count: int = 4) -> NDArray[Any]:
    """Return up to `count` planes of a channel, spread over the image, as (P, Y, X)."""
    planes = [block for block in plan(image, "separate") if block.channels in ((), (channel,))]
    chosen = np.unique(np.linspace(0, len(planes) - 1, count).astype(int))
    return np.concatenate([read(image, planes[index]) for index in chosen])


def read(image: Image, block: Block) -> NDArray[Any]:
    """Return the block's pixels as (C, [Z, ]Y, X), in the image's dtype."""
    values = to_channels_first(np.asarray(image.data[block.selection]), block)
    # The same order in memory, so that sums and thus results are the same.
    return np.ascontiguousarray(values if {"C", "S"} & set(block.axes) else values[None])


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
