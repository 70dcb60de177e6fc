"""Tiling: where the tiles of a plane or volume begin, and what each counts where they overlap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import ceil, prod
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_dip.config import MAX_TILE, CompleteConfig, DipConfig
from napari_dip.core.hardware.fit_cost import fit_memory
from napari_dip.core.records import TilingRecord
from napari_dip.errors import UsageError
from napari_dip.metrics import seam_ratio

if TYPE_CHECKING:
    from napari_dip.core.image.image import Image
    from napari_dip.core.operators.base import Operator
    from napari_dip.core.tasks import Task

# This share of the free memory a fit may take: the rest is for the result, and for others.
_SHARE = 0.6


@dataclass(frozen=True, slots=True)
class Tiling:
    """How planes or volumes are cut into tiles.

    Attributes
    ----------
    side : int
        Largest size of a tile along each axis, with all it shares [pixels].
    overlap : int
        Over how many pixels neighbours are blended, at least.
    axes : {"YX", "ZYX"}
        Of planes or volumes.
    margins : mapping of str to int
        How many pixels more along an axis, at each end, a tile sees and has no say in.
    grid : int
        Tiles begin at multiples of it.
    factors : mapping of str to int
        How many times more pixels the result has along an axis.
    """

    side: int
    overlap: int = 0
    axes: str = "YX"
    margins: Mapping[str, int] = field(default_factory=dict)
    grid: int = 1
    factors: Mapping[str, int] = field(default_factory=dict)

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

    def weights(self, axis: str, size: int) -> list[NDArray[np.float32]]:
        """Return what each tile along an axis counts, in pixels of the result."""
        factor = self.factors.get(axis, 1)
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

    def seams(self, image: Image) -> dict[int, list[tuple[int, int]]]:
        """Return where, along dimensions of the result, tiles take over from one another."""
        seams = {}
        for dimension, (axis, size) in enumerate(zip(image.axes, image.shape, strict=True)):
            if axis in self.axes:
                factor, margin = self.factors.get(axis, 1), self.margins.get(axis, 0)
                seams[dimension] = [
                    (factor * (start + margin), factor * (stop - margin))
                    for (_, stop), (start, _) in pairwise(self.spans(axis, size))
                ]
        return seams

    def record(
        self, image: Image, restored: NDArray[np.float32] | None, tiles: int, skipped: int
    ) -> TilingRecord:
        """Return what the report says; of seams only if all tiles are there."""
        seams = None if restored is None else seam_ratio(restored, self.seams(image))
        ratio, chance = seams or (None, None)
        return TilingRecord(
            tile=self.side,
            overlap=max(map(self.shared, self.axes)),
            tiles=tiles,
            skipped=skipped,
            seam_ratio=ratio,
            seam_chance=chance,
        )


def _multiple(size: int, grid: int) -> int:
    """Return the next multiple."""
    return ceil(size / grid) * grid


def _rise(size: int, first: int, last: int) -> NDArray[np.float64]:
    """Return a half cosine, 0 before the first pixel and 1 from the last one on."""
    distance = (np.arange(size) + 0.5 - first) / max(last - first, 1e-9)
    rise: NDArray[np.float64] = np.sin(np.pi / 2 * np.clip(distance, 0, 1)) ** 2
    return rise


def find_tiling(
    image: Image, task: Task, operator: Operator, axes: str, config: CompleteConfig, free: int
) -> Tiling | None:
    """Return how an image is cut: as asked for, or so that its fits fit the memory.

    Parameters
    ----------
    image : Image
        The observation's size.
    task, operator : Task, Operator
        What is fitted.
    axes : {"YX", "ZYX"}
        Of planes or volumes.
    config : CompleteConfig
        Network, tile size and overlap.
    free : int
        Memory [bytes].

    Returns
    -------
    Tiling or None
        None if planes, or volumes, are fitted whole.

    Raises
    ------
    UsageError
        Tiles were asked for, of what cannot be cut.
    """
    sizes = tuple(image.shape[image.axes.index(axis)] for axis in axes)
    tiling = possible_tiling(image, task, operator, axes, config)
    if tiling is None:
        if config.tile is not None:
            raise UsageError(
                f"Got tiles of {config.tile} pixels for {task.name}, where all that was observed "
                "depends on the whole image; expected no tiles. Leave them out, or crop the image."
            )
        return None

    def fits(side: int) -> bool:
        size = tuple(min(side, n) for n in sizes)
        part = operator.part(size)
        assert part is not None  # asked above
        return fit_memory(config.fit, prod(part.estimate_shape(size))) <= _SHARE * free

    if config.tile is not None:
        return tiling if tiling.side < max(sizes) else None
    if fits(max(sizes)):
        return None
    # Smaller ones would be fitted twice and more, for what they have in common.
    smallest = 2 * max(map(tiling.shared, axes))
    side = MAX_TILE
    while side // 2 >= smallest and not fits(side):
        side //= 2
    return replace(tiling, side=max(side, smallest, operator.grid))


def possible_tiling(
    image: Image, task: Task, operator: Operator, axes: str, config: DipConfig
) -> Tiling | None:
    """Return how an image can be cut; None if all that was observed depends on all of it."""
    if operator.part(tuple(image.shape[image.axes.index(axis)] for axis in axes)) is None:
        return None
    margins = {axis: operator.margin(n - len(axes)) for n, axis in enumerate(axes)}
    side = config.tile or MAX_TILE
    return Tiling(side, config.overlap, axes, margins, operator.grid, task.factors())
