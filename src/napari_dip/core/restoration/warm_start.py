"""Series: planes or frames that follow one another, each begun where its neighbour ended."""

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
    from napari_dip.core.restoration.block_problem import BlockData

# Planes are compared by means over so many pixels along each axis, fewer of tiny ones:
# noise is hardly left.
_COARSE = 8
# Below this correlation a plane shows something else than its neighbour, a scene cut, unless
# they differ by no more than so many times what noise alone explains.
_ALIKE, _BY_CHANCE = 0.5, 2.0


class Coarse(NamedTuple):
    """A plane seen from afar.

    Attributes
    ----------
    means : (C, [Z,] Y, X) array
        Over squares of pixels.
    chance : float
        Variance of these by noise.
    """

    means: NDArray[np.float64]
    chance: float


class _Ended(NamedTuple):
    """Where a block ended, for each run, and what it shows."""

    coarse: Coarse
    checkpoints: Sequence[FitCheckpoint]


class WarmStarts:
    """Which block follows which, and where each ended, as long as another may begin there.

    A plane follows the one before it along Z, the first of a frame the first of
    the frame before; tiles and channels each follow their own. What is kept is
    one ending for each tile and channel, and a coarse picture. After a scene cut,
    which may be one dark frame, it is also the ending before the cut.

    Parameters
    ----------
    plan : list of Block
        In the order in which they are fitted, without those that are known to be blank; none,
        and nothing follows anything.
    axes : str
        Of the image's array.
    """

    def __init__(self, plan: Sequence[Block], axes: str) -> None:
        places = {_place(block): block.index for block in plan}
        self._before = {
            block.index: places[place]
            for block in plan
            if (place := next((one for one in _places_before(block, axes) if one in places), None))
        }
        self._followers = Counter(self._before.values())
        self._ended: dict[int, list[_Ended]] = {}

    def follows(self, block: Block) -> bool:
        """Tell whether a block has a neighbour before it."""
        return block.index in self._before

    def is_followed(self, block: Block) -> bool:
        """Tell whether a block has a neighbour after it that has not begun."""
        return self._followers[block.index] > 0

    def starts(self, work: BlockData) -> Sequence[FitCheckpoint]:
        """Return where to begin, for each run; nothing where a series, or a scene, begins."""
        coarse = _coarse(work.values, work.kept)
        fitting = (one for one in self._ended_before(work.block) if alike(one.coarse, coarse))
        return next((one.checkpoints for one in fitting), ())

    def _ended_before(self, block: Block) -> list[_Ended]:
        return self._ended.get(self._before.get(block.index, -1), [])

    def skip(self, block: Block) -> None:
        """Hand over what a block without a fit could have begun with to those that follow it."""
        if self.is_followed(block):
            self._ended[block.index] = self._ended_before(block)

    def leave(self, block: Block) -> None:
        """Forget what nobody is left to begin with, once a block has been fitted."""
        before = self._before.get(block.index)
        if before is not None:
            self._followers[before] -= 1
            if not self._followers[before]:
                self._ended.pop(before, None)

    def add(self, work: BlockData, checkpoints: Sequence[FitCheckpoint]) -> None:
        """Keep where a block ended, if another may begin there."""
        if self.is_followed(work.block):
            ended = _Ended(
                _coarse(work.values, work.kept), [checkpoint.warm() for checkpoint in checkpoints]
            )
            before = self._ended_before(work.block)
            others = [one for one in before if not alike(one.coarse, ended.coarse)]
            self._ended[work.block.index] = [ended, *others[:1]]


def alike(coarse: Coarse, other: Coarse) -> bool:
    """Tell whether two planes show about the same, as far as noise lets it be seen.

    Examples
    --------
    >>> hill = np.hanning(9)
    >>> alike(Coarse(hill, 0.0), Coarse(2 * hill + 1, 0.0))
    True
    >>> [alike(Coarse(hill, noise), Coarse(-hill, noise)) for noise in (0.01, 1.0)]
    [False, True]
    """
    if coarse.means.shape != other.means.shape:
        return False
    first, second = (picture.means - picture.means.mean() for picture in (coarse, other))
    apart = ((first - second) ** 2).mean()
    if apart < _BY_CHANCE * (coarse.chance + other.chance):
        return True
    scale = np.sqrt((first**2).sum() * (second**2).sum())
    return bool((first * second).sum() > _ALIKE * scale)


def _coarse(values: NDArray[np.generic], kept: NDArray[np.bool_] | bool = False) -> Coarse:
    """Return (C, [Z, ]Y, X) from afar; what is missing, or kept, counts as the mean."""
    known = np.isfinite(values) & np.logical_not(kept)
    filled = np.where(known, values, values[known].mean() if known.any() else 0).astype(np.float64)
    size = max(1, min(_COARSE, min(values.shape[-2:]) // _COARSE))
    axes = (filled.ndim - 2, filled.ndim - 1)
    means = ndimage.uniform_filter(filled, size, axes=axes, mode="nearest")
    # Of a pixel and the next the scene is nearly the same.
    pixels = filled.ravel()
    noise = np.square(np.diff(pixels, prepend=pixels[:1])).mean() / 2
    return Coarse(means[..., ::size, ::size], float(noise / size**2))


def _place(block: Block) -> tuple[int, ...]:
    """Return where a block begins in the image's array."""
    return tuple(part if isinstance(part, int) else part.start or 0 for part in block.selection)


def _places_before(block: Block, axes: str) -> Iterator[tuple[int, ...]]:
    """Yield where the blocks before it begin, nearest first: along Z or T, the faster one first."""
    place = _place(block)
    steps = [n for n, at in enumerate(block.selection) if axes[n] in "TZ" and isinstance(at, int)]
    while (n := next((n for n in reversed(steps) if place[n] > 0), None)) is not None:
        place = (*place[:n], place[n] - 1, *place[n + 1 :])
        yield place
