"""Accumulator: the result of a run, which grows block by block."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_dip.core.blocks.stitch import bands, stitch
from napari_dip.errors import UsageError

if TYPE_CHECKING:
    from napari_dip.core.blocks.plan import Block
    from napari_dip.core.fitting.result import Fit
    from napari_dip.core.image.image import Image
    from napari_dip.core.restoration.block.data import BlockData
    from napari_dip.core.restoration.block.source import BlockSource
    from napari_dip.core.tasks import Task


class Accumulator:
    """Restored pixels, their standard deviation, and the fits for the report.

    Parameters
    ----------
    start : Image
        Values of the result where no block has been put.
    runs : bool
        Whether blocks are fitted several times, so that the deviation over the runs is kept.
    sampled : bool
        Whether fits have a posterior deviation, which is kept.
    out : array, optional
        Array that receives the result instead of memory.

    Attributes
    ----------
    restored : (...) float32 array, or `out`
        Result on the image's scale.
    run_std, posterior_std : (...) float32 array or None
        Standard deviation on the image's scale; 0 where no block has been put.
    fits : list of (Block, list of Fit)
        Fits of each block, without their pixels.
    skipped : int
        Number of blocks without an observed pixel, which stay missing.
    """

    def __init__(self, start: Image, *, runs: bool, sampled: bool, out: Any = None) -> None:
        self.restored = np.empty(start.shape, np.float32) if out is None else out
        for band in bands(start.shape, start.axes):
            self.restored[band] = np.asarray(start.data[band], dtype=np.float32)
        self.run_std = np.zeros(start.shape, np.float32) if runs else None
        self.posterior_std = np.zeros(start.shape, np.float32) if sampled else None
        self.fits: list[tuple[Block, list[Fit]]] = []
        self.skipped = 0
        # Tiles that have been put, by plane: tiles of other planes do not overlap.
        self._tiles: defaultdict[tuple[int, ...], list[Block]] = defaultdict(list)

    def put_unchanged(self, data: BlockData, source: BlockSource) -> None:
        """Put a block that needs no fit as observed, with a deviation of 0."""
        block, observed = data.block, source.unchanged(data)
        tiles = self._tiles_of_plane(block)
        stitch(self.restored, block, observed, tiles)
        for deviation in (self.run_std, self.posterior_std):
            if deviation is not None:
                stitch(deviation, block, np.zeros_like(observed), tiles)
        if block.weights:
            tiles.append(block)

    def skip(self) -> None:
        """Count a block without an observed pixel; its pixels stay as they are."""
        self.skipped += 1

    def put(self, data: BlockData, source: BlockSource, fits: list[Fit]) -> None:
        """Put the mean estimate of the fits of a block, blended with its neighbours."""
        block = data.block
        tiles = self._tiles_of_plane(block)
        estimates = np.stack([source.restored(data, fit.estimate) for fit in fits])
        # In double precision the mean of equal values is exactly that value.
        mean, std = estimates.mean(axis=0, dtype=float), estimates.std(axis=0, dtype=float)
        stitch(self.restored, block, mean.astype(np.float32), tiles)
        if self.run_std is not None:
            stitch(self.run_std, block, std.astype(np.float32), tiles)
        if self.posterior_std is not None:
            deviations = [_posterior_std(data, source, fit) for fit in fits]
            deviation = np.sqrt(np.mean(np.square(deviations), axis=0))
            stitch(self.posterior_std, block, deviation, tiles)
        if any(fit.posterior_std is None for fit in fits):
            self.posterior_std = None  # it would be incomplete
        if block.weights:
            tiles.append(block)
        # The pixels are in the result now; a second copy would waste memory.
        self.fits.append((block, [fit.without_pixels() for fit in fits]))

    def _tiles_of_plane(self, block: Block) -> list[Block]:
        return self._tiles[tuple(at for at in block.target if isinstance(at, int))]


def _posterior_std(data: BlockData, source: BlockSource, fit: Fit) -> NDArray[np.float32]:
    """Return a fit's posterior deviation on the image's scale; 0 where pixels are kept."""
    restored = source.restored(data, fit.estimate)
    if fit.posterior_std is None:
        return np.full_like(restored, np.nan)
    return np.asarray(np.abs(source.restored(data, fit.estimate + fit.posterior_std) - restored))


def check_out(out: Any, image: Image, task: Task) -> None:
    """Refuse an array that cannot receive the result.

    Raises
    ------
    UsageError
        The shape or the type differs, or the task needs the whole result at once.
    """
    if not task.by_parts:
        raise UsageError(
            f"Got an output array for {task.name}, whose result cannot be written block by "
            "block; expected none. Use the result that is returned."
        )
    if tuple(out.shape) != image.shape or np.dtype(out.dtype) != np.float32:
        raise UsageError(
            f"Got an output array of shape {tuple(out.shape)} and type "
            f"{np.dtype(out.dtype).name}; expected {image.shape} and float32."
        )
