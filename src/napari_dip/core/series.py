"""Series: planes or frames that follow one another, each begun where its neighbour ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

if TYPE_CHECKING:
    from napari_dip.core.blocks import Block
    from napari_dip.core.source import Work
    from napari_dip.core.state import Ending

# Planes are compared by means over so many pixels along each axis, fewer of tiny ones:
# noise is hardly left.
_COARSE = 8
# Below this correlation a plane shows something else than its neighbour: a scene cut.
_ALIKE = 0.5


class Series:
    """Which block follows which, and where each ended, as long as another may begin there.

    A plane follows the one before it along Z, the first of a frame the first of
    the frame before; tiles and channels each follow their own. What is kept is
    one ending for each tile and channel, and a coarse picture.

    Parameters
    ----------
    plan : list of Block
        In the order in which they are fitted; none, and nothing follows anything.
    axes : str
        Of the image's array.
    """

    def __init__(self, plan: Sequence[Block], axes: str) -> None:
        places = {_place(block): block.index for block in plan}
        self._before = {
            block.index: places[place]
            for block in plan
            if (place := _place_before(block, axes)) in places
        }
        self._followers = Counter(self._before.values())
        self._ended: dict[int, tuple[NDArray[np.float64], Sequence[Ending]]] = {}

    def follows(self, block: Block) -> bool:
        """Tell whether a block has a neighbour before it."""
        return block.index in self._before

    def is_followed(self, block: Block) -> bool:
        """Tell whether a block has a neighbour after it that has not begun."""
        return self._followers[block.index] > 0

    def starts(self, work: Work) -> Sequence[Ending]:
        """Return where to begin, for each run; nothing where a series, or a scene, begins."""
        before = self._before.get(work.block.index)
        if before is None:
            return ()
        coarse, endings = self._ended.get(before, (np.empty(0), ()))
        return endings if endings and alike(coarse, _coarse(work.values)) else ()

    def leave(self, block: Block) -> None:
        """Forget what nobody is left to begin with, once a block has been fitted."""
        before = self._before.get(block.index)
        if before is not None:
            self._followers[before] -= 1
            if not self._followers[before]:
                self._ended.pop(before, None)

    def add(self, work: Work, endings: Sequence[Ending]) -> None:
        """Keep where a block ended, if another may begin there."""
        if self.is_followed(work.block):
            warm = [ending.warm() for ending in endings]
            self._ended[work.block.index] = _coarse(work.values), warm


def alike(coarse: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    """Tell whether two planes, each made coarse, show about the same.

    Examples
    --------
    >>> hill = np.hanning(9)
    >>> alike(hill, 2 * hill + 1), alike(hill, -hill)
    (True, False)
    """
    if coarse.shape != other.shape:
        return False
    first, second = coarse - coarse.mean(), other - other.mean()
    scale = np.sqrt((first**2).sum() * (second**2).sum())
    return bool((first * second).sum() > _ALIKE * scale)


def _coarse(values: NDArray[np.generic]) -> NDArray[np.float64]:
    """Return means over squares of pixels of (C, [Z, ]Y, X); what is missing counts as the mean."""
    known = np.isfinite(values)
    filled = np.where(known, values, values[known].mean() if known.any() else 0).astype(np.float64)
    size = max(1, min(_COARSE, min(values.shape[-2:]) // _COARSE))
    axes = (filled.ndim - 2, filled.ndim - 1)
    means = ndimage.uniform_filter(filled, size, axes=axes, mode="nearest")
    return np.asarray(means[..., ::size, ::size])


def _place(block: Block) -> tuple[int, ...]:
    """Return where a block begins in the image's array."""
    return tuple(part if isinstance(part, int) else part.start or 0 for part in block.selection)


def _place_before(block: Block, axes: str) -> tuple[int, ...] | None:
    """Return where the block before it begins: along Z or T, whichever changes faster."""
    place = _place(block)
    for n in reversed(range(len(axes))):
        if axes[n] in "TZ" and isinstance(block.selection[n], int) and place[n] > 0:
            return (*place[:n], place[n] - 1, *place[n + 1 :])
    return None
