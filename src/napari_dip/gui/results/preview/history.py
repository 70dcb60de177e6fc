"""History of a run: iterates that can be shown again, within a memory limit. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from napari_dip.config import PAST_MEMORY

if TYPE_CHECKING:
    from napari_dip.core.restoration.progress import Progress


@dataclass(frozen=True, slots=True, eq=False)
class Iterate:
    """Estimate of a block at an iteration.

    Attributes
    ----------
    block : int
        Index of the block.
    selection : tuple
        Index of the block in the array of the result.
    iteration : int
        Iteration of the fit.
    values : (...) array
        Values in the dtype of the layer, of the shape of the selection.
    """

    block: int
    selection: tuple[int | slice, ...]
    iteration: int
    values: NDArray[Any]


class History:
    """Iterates of each block, at regular intervals of its iterations.

    When the memory is full, the block with the most iterates loses every second one, and
    keeps only every second one from then on.

    Parameters
    ----------
    budget : int
        Memory of all iterates [bytes] (default: 256 MiB).
    """

    def __init__(self, budget: int = PAST_MEMORY) -> None:
        self._budget = budget
        self._blocks: dict[int, list[Iterate]] = {}
        self._strides: dict[int, int] = {}
        self._seen: dict[int, int] = {}
        self.nbytes = 0

    def add(self, progress: Progress, values: NDArray[Any]) -> None:
        """Store an iterate, if it is the turn of its stride."""
        block = progress.block
        kept = self._blocks.setdefault(block, [])
        if kept and progress.iteration <= kept[-1].iteration:
            self._forget(block, keep_every=0)  # another run of the same block has started
            kept = self._blocks[block]
        seen = self._seen.get(block, 0)
        self._seen[block] = seen + 1
        if seen % self._strides.get(block, 1) or values.nbytes > self._budget:
            return
        kept.append(Iterate(block, progress.selection, progress.iteration, values))
        self.nbytes += values.nbytes
        while self.nbytes > self._budget:
            self._thin()

    def of(self, block: int) -> list[Iterate]:
        """Return the iterates of a block, in the order of their iterations."""
        return list(self._blocks.get(block, ()))

    def selections(self) -> dict[int, tuple[int | slice, ...]]:
        """Return the selection of each block that has iterates, the newest block first."""
        return {block: kept[0].selection for block, kept in reversed(self._blocks.items()) if kept}

    def _thin(self) -> None:
        # `max` returns the first, hence the oldest, of blocks with equally many iterates.
        block = max(self._blocks, key=lambda index: len(self._blocks[index]))
        if len(self._blocks[block]) == 1:
            self._forget(block, keep_every=0)
            return
        self._forget(block, keep_every=2)
        self._strides[block] = 2 * self._strides.get(block, 1)

    def _forget(self, block: int, keep_every: int) -> None:
        before = self._blocks[block]
        after = before[::keep_every] if keep_every else []
        self._blocks[block] = after
        self.nbytes -= sum(iterate.values.nbytes for iterate in before)
        self.nbytes += sum(iterate.values.nbytes for iterate in after)
        if not after:
            self._strides.pop(block, None)
            self._seen.pop(block, None)


def is_whole(selection: Sequence[int | slice], axes: str) -> bool:
    """Return whether a selection has the full size along each axis that it does not index.

    Examples
    --------
    >>> is_whole((2, slice(None), slice(None)), "ZYX")
    True
    >>> is_whole((2, slice(0, 64), slice(None)), "ZYX")
    False
    """
    parts = zip(selection, axes, strict=True)
    return all(isinstance(part, int) or axis == "S" or part == slice(None) for part, axis in parts)


def covers(
    selection: Sequence[int | slice], position: Sequence[float], displayed: set[int]
) -> bool:
    """Return whether a selection is part of the plane that is displayed at a position.

    Examples
    --------
    >>> covers((2, slice(None), slice(None)), (2.0, 0.0, 0.0), {1, 2})
    True
    >>> covers((2, slice(None), slice(None)), (3.0, 0.0, 0.0), {1, 2})
    False
    """
    return all(
        axis in displayed or isinstance(part, slice) or part == round(float(at))
        for axis, (part, at) in enumerate(zip(selection, position, strict=True))
    )
