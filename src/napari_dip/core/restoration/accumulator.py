"""Accumulator: the result of a run as it grows, block by block."""

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
    from napari_dip.core.restoration.block_problem import BlockData, BlockSource
    from napari_dip.core.tasks import Task


class Accumulator:
    """Estimates and their spread, and what is to be reported of each fit.

    Parameters
    ----------
    start : Image
        What the result is where no block has been put.
    runs : bool
        Blocks have several fits, whose spread is kept.
    sampled : bool
        Fits have a posterior deviation, which is kept.
    out : array or store, optional
        Where the result is put, so that it need not be in memory.

    Attributes
    ----------
    restored : (...) float32 array, or `out`
        On the image's scale.
    run_std, posterior_std : (...) float32 array or None
        0 where no block has been put.
    fits : list of (Block, list of Fit)
        Those that were put, without their pixels.
    skipped : int
        How many blocks have no observed pixel and stay missing.
    """

    def __init__(self, start: Image, *, runs: bool, sampled: bool, out: Any = None) -> None:
        self.restored = np.empty(start.shape, np.float32) if out is None else out
        for band in bands(start.shape, start.axes):
            self.restored[band] = np.asarray(start.data[band], dtype=np.float32)
        self.run_std = np.zeros(start.shape, np.float32) if runs else None
        self.posterior_std = np.zeros(start.shape, np.float32) if sampled else None
        self.fits: list[tuple[Block, list[Fit]]] = []
        self.skipped = 0
        # By plane: tiles of others do not overlap.
        self._laid: defaultdict[tuple[int, ...], list[Block]] = defaultdict(list)

    def keep(self, work: BlockData, source: BlockSource) -> None:
        """Put in a block that needs no fit, as it was observed; it has no spread."""
        block, observed = work.block, source.unfitted(work)
        laid = self._laid[tuple(at for at in block.target if isinstance(at, int))]
        stitch(self.restored, block, observed, laid)
        for spread in (self.run_std, self.posterior_std):
            if spread is not None:
                stitch(spread, block, np.zeros_like(observed), laid)
        if block.weights:
            laid.append(block)

    def skip(self, work: BlockData) -> None:
        """Leave a block as it is: not one pixel of it was observed."""
        self.skipped += 1

    def put(self, work: BlockData, source: BlockSource, fits: list[Fit]) -> None:
        """Blend in what the fits of a block found; of several the mean."""
        block = work.block
        laid = self._laid[tuple(at for at in block.target if isinstance(at, int))]
        estimates = np.stack([source.restored(work, fit.estimate) for fit in fits])
        # In double precision, so that the mean of equal values is that value.
        mean, std = estimates.mean(axis=0, dtype=float), estimates.std(axis=0, dtype=float)
        stitch(self.restored, block, mean.astype(np.float32), laid)
        if self.run_std is not None:
            stitch(self.run_std, block, std.astype(np.float32), laid)
        if self.posterior_std is not None:
            spreads = [_spread(work, source, fit) for fit in fits]
            spread = np.sqrt(np.mean(np.square(spreads), axis=0))
            stitch(self.posterior_std, block, spread, laid)
        if any(fit.posterior_std is None for fit in fits):
            self.posterior_std = None  # a part of the result has none
        if block.weights:
            laid.append(block)
        # Their pixels are in the result now, and need no memory twice.
        self.fits.append((block, [fit.without_pixels() for fit in fits]))


def _spread(work: BlockData, source: BlockSource, fit: Fit) -> NDArray[np.float32]:
    """Return a fit's posterior deviation on the image's scale; 0 where the image is kept."""
    kept = source.restored(work, fit.estimate)
    if fit.posterior_std is None:
        return np.full_like(kept, np.nan)
    return np.asarray(np.abs(source.restored(work, fit.estimate + fit.posterior_std) - kept))


def check_out(out: Any, image: Image, task: Task) -> None:
    """Refuse a place for the result that cannot take it.

    Raises
    ------
    UsageError
        The shape or the type is another, or the task needs the whole image at once.
    """
    if not task.by_parts:
        raise UsageError(
            f"Got a place for the result of {task.name}, which cannot be put together part by "
            "part; expected none. Take the result that is returned."
        )
    if tuple(out.shape) != image.shape or np.dtype(out.dtype) != np.float32:
        raise UsageError(
            f"Got a place of shape {tuple(out.shape)} and {np.dtype(out.dtype).name} for the "
            f"result; expected {image.shape} and float32."
        )
