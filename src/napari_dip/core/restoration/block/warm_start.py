"""Warm starts: fit a plane or frame from the weights that its neighbour ended with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

if TYPE_CHECKING:
    from napari_dip.core.blocks.plan import Block
    from napari_dip.core.fitting.checkpoint import FitCheckpoint
    from napari_dip.core.restoration.block.data import BlockData

# Planes are compared by means over this many pixels along each axis, fewer in tiny planes:
# averaging removes most of the noise.
_CELL = 8
# Two planes with a lower correlation show different scenes, unless their difference is at
# most this many times the variance that noise alone explains.
_SIMILAR, _BY_CHANCE = 0.5, 2.0


class Thumbnail(NamedTuple):
    """A small copy of a plane, for comparison with another plane.

    Attributes
    ----------
    means : (C, [Z,] Y, X) array
        Means over squares of pixels.
    noise_variance : float
        Variance of these means that noise causes.
    """

    means: NDArray[np.float64]
    noise_variance: float


class _Finished(NamedTuple):
    """Thumbnail of a fitted block, and a checkpoint of each of its runs."""

    thumbnail: Thumbnail
    checkpoints: Sequence[FitCheckpoint]


class WarmStarts:
    """Predecessor of each block, and the checkpoints from which later blocks may start.

    A plane follows the plane before it along Z. The first plane of a frame follows the first
    plane of the frame before. Tiles and channels each follow their own. For each tile and
    channel, one checkpoint and one thumbnail are kept; after a scene cut, which may be a
    single dark frame, the checkpoint before the cut is kept as well.

    Parameters
    ----------
    blocks : sequence of Block
        Blocks to fit, in order, without those known to be blank; an empty sequence turns
        warm starts off.
    axes : str
        Axes of the image's array.
    """

    def __init__(self, blocks: Sequence[Block], axes: str) -> None:
        places = {_place(block): block.index for block in blocks}
        self._predecessor = {
            block.index: places[place]
            for block in blocks
            if (place := next((at for at in _places_before(block, axes) if at in places), None))
        }
        self._followers_left = Counter(self._predecessor.values())
        self._finished: dict[int, list[_Finished]] = {}

    def has_predecessor(self, block: Block) -> bool:
        """Return whether a block may start from the weights of an earlier block."""
        return block.index in self._predecessor

    def has_followers(self, block: Block) -> bool:
        """Return whether a later block, not yet fitted, may start from this block's weights."""
        return self._followers_left[block.index] > 0

    def starts(self, data: BlockData) -> Sequence[FitCheckpoint]:
        """Return a checkpoint for each run; none at the start of a series or a new scene."""
        before = self._before(data.block)
        if not before:
            return ()
        thumbnail = _thumbnail(data.values, data.kept)
        similar = (each for each in before if is_similar(each.thumbnail, thumbnail))
        return next((each.checkpoints for each in similar), ())

    def _before(self, block: Block) -> list[_Finished]:
        return self._finished.get(self._predecessor.get(block.index, -1), [])

    def skip(self, block: Block) -> None:
        """Pass the checkpoints before a block without a fit on to its followers."""
        if self.has_followers(block):
            self._finished[block.index] = self._before(block)

    def release(self, block: Block) -> None:
        """Forget, after a block was fitted, the checkpoints that no later block needs."""
        predecessor = self._predecessor.get(block.index)
        if predecessor is not None:
            self._followers_left[predecessor] -= 1
            if not self._followers_left[predecessor]:
                self._finished.pop(predecessor, None)

    def add(self, data: BlockData, checkpoints: Sequence[FitCheckpoint]) -> None:
        """Keep the checkpoints of a block if a later block may start from them."""
        if self.has_followers(data.block):
            finished = _Finished(
                _thumbnail(data.values, data.kept),
                [checkpoint.as_warm_start() for checkpoint in checkpoints],
            )
            other_scenes = [
                earlier
                for earlier in self._before(data.block)
                if not is_similar(earlier.thumbnail, finished.thumbnail)
            ]
            self._finished[data.block.index] = [finished, *other_scenes[:1]]


def is_similar(first: Thumbnail, second: Thumbnail) -> bool:
    """Return whether two planes show about the same scene, as far as the noise permits.

    Examples
    --------
    >>> hill = np.hanning(9)
    >>> is_similar(Thumbnail(hill, 0.0), Thumbnail(2 * hill + 1, 0.0))
    True
    >>> [is_similar(Thumbnail(hill, noise), Thumbnail(-hill, noise)) for noise in (0.01, 1.0)]
    [False, True]
    """
    if first.means.shape != second.means.shape:
        return False
    centred, other = (plane.means - plane.means.mean() for plane in (first, second))
    difference = ((centred - other) ** 2).mean()
    if difference < _BY_CHANCE * (first.noise_variance + second.noise_variance):
        return True
    scale = np.sqrt((centred**2).sum() * (other**2).sum())
    return bool((centred * other).sum() > _SIMILAR * scale)


def _thumbnail(values: NDArray[np.generic], kept: NDArray[np.bool_] | bool = False) -> Thumbnail:
    """Return the thumbnail of (C, [Z, ]Y, X); missing and kept pixels count as the mean."""
    known = np.isfinite(values) & np.logical_not(kept)
    filled = np.where(known, values, values[known].mean() if known.any() else 0).astype(np.float64)
    size = max(1, min(_CELL, min(values.shape[-2:]) // _CELL))
    axes = (filled.ndim - 2, filled.ndim - 1)
    means = ndimage.uniform_filter(filled, size, axes=axes, mode="nearest")
    # Neighbouring pixels show nearly the same scene, so that their difference is mostly noise.
    pixels = filled.ravel()
    noise = np.square(np.diff(pixels, prepend=pixels[:1])).mean() / 2
    return Thumbnail(means[..., ::size, ::size], float(noise / size**2))


def _place(block: Block) -> tuple[int, ...]:
    """Return the index in the image's array at which a block begins."""
    return tuple(part if isinstance(part, int) else part.start or 0 for part in block.selection)


def _places_before(block: Block, axes: str) -> Iterator[tuple[int, ...]]:
    """Yield the places of earlier blocks along Z and T, nearest first.

    The axis that varies fastest comes first.
    """
    place = _place(block)
    steps = [n for n, at in enumerate(block.selection) if axes[n] in "TZ" and isinstance(at, int)]
    while (n := next((n for n in reversed(steps) if place[n] > 0), None)) is not None:
        place = (*place[:n], place[n] - 1, *place[n + 1 :])
        yield place
