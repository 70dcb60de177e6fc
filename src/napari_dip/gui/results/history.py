"""The iterates of a run that can be gone back to, within a bound of memory. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from napari_dip.config import PAST_MEMORY

if TYPE_CHECKING:
    from napari_dip.core.restoration.progress import Progress


@dataclass(frozen=True, slots=True, eq=False)
class Iterate:
    """A block as it was at an iteration.

    Attributes
    ----------
    block : int
    selection : tuple
        Where it lies in the array of the result.
    iteration : int
    values : (...) array
        As the layer shows them, shaped as the selection.
    """

    block: int
    selection: tuple[int | slice, ...]
    iteration: int
    values: NDArray[Any]


class History:
    """Iterates of each block, evenly spread over its iterations.

    When they need more memory than there is for them, every second one of the block
    with the most is forgotten, and of what follows in that block every second one too.

    Parameters
    ----------
    budget : int
        Memory [bytes].
    """

    def __init__(self, budget: int = PAST_MEMORY) -> None:
        self._budget = budget
        self._blocks: dict[int, list[Iterate]] = {}
        self._strides: dict[int, int] = {}
        self._seen: dict[int, int] = {}
        self.nbytes = 0

    def add(self, progress: Progress, values: NDArray[Any]) -> None:
        """Take an iterate, unless the stride leaves it out."""
        block = progress.block
        kept = self._blocks.setdefault(block, [])
        if kept and progress.iteration <= kept[-1].iteration:
            self._forget(block, keep_every=0)  # another run of the same block
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
        """Return the iterates of a block, in order."""
        return list(self._blocks.get(block, ()))

    def selections(self) -> dict[int, tuple[int | slice, ...]]:
        """Return where the blocks lie that have iterates, the newest first."""
        return {block: kept[0].selection for block, kept in reversed(self._blocks.items()) if kept}

    def _thin(self) -> None:
        # Of equals the oldest: `max` returns the first.
        block = max(self._blocks, key=lambda one: len(self._blocks[one]))
        if len(self._blocks[block]) == 1:
            self._forget(block, keep_every=0)
            return
        self._forget(block, keep_every=2)
        self._strides[block] = 2 * self._strides.get(block, 1)

    def _forget(self, block: int, keep_every: int) -> None:
        before = self._blocks[block]
        after = before[::keep_every] if keep_every else []
        self._blocks[block] = after
        self.nbytes -= sum(one.values.nbytes for one in before)
        self.nbytes += sum(one.values.nbytes for one in after)
        if not after:
            self._strides.pop(block, None)
            self._seen.pop(block, None)
