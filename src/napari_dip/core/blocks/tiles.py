"""Tiling: positions and blending weights of the tiles of planes and volumes."""

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
    from napari_dip.core.operators.base import Operator, Tileable
    from napari_dip.core.tasks import Task

# Largest share of the free memory for a fit; the rest is for the result and other programs.
_SHARE = 0.6


@dataclass(frozen=True, slots=True)
class Tiling:
    """Parameters of the tiles of planes or volumes.

    Attributes
    ----------
    side : int
        Largest size of a tile along each axis, including its overlap [pixels].
    overlap : int
        Smallest width over which neighbouring tiles are blended [pixels]. Default 0.
    axes : {"YX", "ZYX"}
        Axes of planes or volumes. Default "YX".
    margins : mapping of str to int
        Additional width at both ends of a tile along an axis, where its weight is 0 [pixels].
    grid : int
        Step between possible tile starts [pixels]. Default 1.
    factors : mapping of str to int
        Number of pixels of the result per pixel of the image along an axis; 1 by default.
    """

    side: int
    overlap: int = 0
    axes: str = "YX"
    margins: Mapping[str, int] = field(default_factory=dict)
    grid: int = 1
    factors: Mapping[str, int] = field(default_factory=dict)

    def shared(self, axis: str) -> int:
        """Return the width of the overlap of two neighbouring tiles along an axis [pixels]."""
        return _multiple(self.overlap + 2 * self.margins.get(axis, 0), self.grid)

    def spans(self, axis: str, size: int) -> list[tuple[int, int]]:
        """Return start and stop of each tile along an axis: the fewest tiles, of equal size.

        Raises
        ------
        UsageError
            The overlap is as large as the tiles.

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
                f"Got tiles of {self.side} pixels with an overlap of {shared} pixels along "
                f"{axis.lower()}; expected tiles of at least {_multiple(2 * shared, self.grid)}. "
                "Choose a larger tile or a smaller overlap."
            )
        step = _multiple(ceil((size - shared) / ceil((size - shared) / (side - shared))), self.grid)
        return [
            (start, min(start + step + shared, size)) for start in range(0, size - shared, step)
        ]

    def weights(self, axis: str, size: int) -> list[NDArray[np.float32]]:
        """Return the blending weights of each tile along an axis, in pixels of the result."""
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
        # Where more than two tiles overlap along an axis, the sum is not yet one.
        return [
            (bump / total[start:stop]).astype(np.float32)
            for bump, (start, stop) in zip(bumps, spans, strict=True)
        ]

    def seams(self, image: Image) -> dict[int, list[tuple[int, int]]]:
        """Return the start and stop of each blended zone, by dimension of the result."""
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
        """Return the record for the report; seams are measured only if `restored` is complete."""
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
    """Return the size rounded up to a multiple of the grid."""
    return ceil(size / grid) * grid


def _rise(size: int, first: int, last: int) -> NDArray[np.float64]:
    """Return a half cosine that rises from 0 at pixel `first` to 1 at pixel `last`."""
    distance = (np.arange(size) + 0.5 - first) / max(last - first, 1e-9)
    rise: NDArray[np.float64] = np.sin(np.pi / 2 * np.clip(distance, 0, 1)) ** 2
    return rise


def find_tiling(
    image: Image, task: Task, operator: Operator, axes: str, config: CompleteConfig, free: int
) -> Tiling | None:
    """Return the tiling of an image: the requested one, or one whose fits fit into memory.

    Parameters
    ----------
    image : Image
        Observation.
    task : Task
        Task of the restoration.
    operator : Operator
        Forward operator of complete planes or volumes.
    axes : {"YX", "ZYX"}
        Of planes or volumes.
    config : CompleteConfig
        Network, tile size and overlap.
    free : int
        Free memory [bytes].

    Returns
    -------
    Tiling or None
        None if complete planes or volumes are fitted.

    Raises
    ------
    UsageError
        Tiles are requested, but the observation cannot be tiled.
    """
    sizes = tuple(image.sizes[axis] for axis in axes)
    tiling = possible_tiling(image, task, operator, axes, config)
    if tiling is None:
        if config.tile is not None:
            raise UsageError(
                f"Got tiles of {config.tile} pixels for {task.name}, where each observed value "
                "depends on the complete image; expected no tiles. Leave them out, or crop it."
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
    # In smaller tiles most pixels would be fitted twice or more, because of the overlap.
    smallest = 2 * max(map(tiling.shared, axes))
    side = MAX_TILE
    while side // 2 >= smallest and not fits(side):
        side //= 2
    return replace(tiling, side=max(side, smallest, operator.grid))


def possible_tiling(
    image: Image, task: Task, operator: Tileable, axes: str, config: DipConfig
) -> Tiling | None:
    """Return the tiling of an image; None if the operator needs the complete image."""
    if operator.part(tuple(image.sizes[axis] for axis in axes)) is None:
        return None
    margins = {axis: operator.margin(n - len(axes)) for n, axis in enumerate(axes)}
    side = config.tile or MAX_TILE
    return Tiling(side, config.overlap, axes, margins, operator.grid, task.factors())
