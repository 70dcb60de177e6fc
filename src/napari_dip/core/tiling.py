"""Tiling: where the tiles of a plane or volume begin, and what each counts where they overlap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil

import numpy as np
from numpy.typing import NDArray

from napari_dip.errors import UsageError


@dataclass(frozen=True, slots=True)
class Tiling:
    """How planes or volumes are cut into tiles.

    Attributes
    ----------
    side : int
        Largest size of a tile along each axis, with all it shares [pixels].
    overlap : int
        Over how many pixels neighbours are blended, at least.
    margins : mapping of str to int
        How many pixels more along an axis, at each end, a tile sees and has no say in.
    grid : int
        Tiles begin at multiples of it.
    """

    side: int
    overlap: int = 0
    margins: Mapping[str, int] = field(default_factory=dict)
    grid: int = 1

    def shared(self, axis: str) -> int:
        """Return how many pixels two neighbours have in common."""
        return _multiple(self.overlap + 2 * self.margins.get(axis, 0), self.grid)

    def spans(self, axis: str, size: int) -> list[tuple[int, int]]:
        """Return where the tiles along an axis start and stop: the fewest, of equal size.

        Raises
        ------
        UsageError
            When tiles would share all that they have.

        Examples
        --------
        >>> Tiling(6, overlap=2).spans("X", 11)
        [(0, 5), (3, 8), (6, 11)]
        """
        side, shared = self.side // self.grid * self.grid, self.shared(axis)
        if size <= self.side:
            return [(0, size)]
        if side <= shared:
            raise UsageError(
                f"Got tiles of {self.side} pixels, of which neighbours have {shared} along "
                f"{axis.lower()} in common; expected at least {_multiple(2 * shared, self.grid)}. "
                "Choose a larger tile or a smaller overlap."
            )
        step = _multiple(ceil((size - shared) / ceil((size - shared) / (side - shared))), self.grid)
        return [
            (start, min(start + step + shared, size)) for start in range(0, size - shared, step)
        ]

    def weights(self, axis: str, size: int, factor: int = 1) -> list[NDArray[np.float32]]:
        """Return what each tile along an axis counts, in pixels of a result n times as fine."""
        spans = [(factor * start, factor * stop) for start, stop in self.spans(axis, size)]
        margin, shared = factor * self.margins.get(axis, 0), factor * self.shared(axis)
        total, bumps = np.zeros(factor * size), []
        for start, stop in spans:
            bump, rise = np.ones(stop - start), _rise(stop - start, margin, shared - margin)
            bump *= rise if start > 0 else 1
            bump *= rise[::-1] if stop < factor * size else 1
            total[start:stop] += bump
            bumps.append(bump)
        # Where more than two tiles meet along an axis the sum is not one yet.
        return [
            (bump / total[start:stop]).astype(np.float32)
            for bump, (start, stop) in zip(bumps, spans, strict=True)
        ]


def _multiple(size: int, grid: int) -> int:
    """Return the next multiple."""
    return ceil(size / grid) * grid


def _rise(size: int, first: int, last: int) -> NDArray[np.float64]:
    """Return a half cosine, 0 before the first pixel and 1 from the last one on."""
    distance = (np.arange(size) + 0.5 - first) / max(last - first, 1e-9)
    rise: NDArray[np.float64] = np.sin(np.pi / 2 * np.clip(distance, 0, 1)) ** 2
    return rise
