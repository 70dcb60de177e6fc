"""OomFallback: what is tried, one after the other, when the memory is not enough for a fit."""

from __future__ import annotations

import gc
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from napari_dip.core.blocks.plan import block_shape, split_block
from napari_dip.core.hardware.device import Runtime

if TYPE_CHECKING:
    from napari_dip.core.blocks.plan import Block
    from napari_dip.core.blocks.tiles import Tiling
    from napari_dip.core.image.image import Image

_LOG = logging.getLogger(__name__)


class OomFallback:
    """Free what is not in use, then halve the tile as often as may be, then take the CPU.

    What has been finished stays; from a step on, all further blocks are fitted so.

    Parameters
    ----------
    image : Image
        What blocks are cut from.
    tiling : Tiling or None
        How blocks may be cut further; None if they depend on all their pixels.
    runtime : Runtime
        Device and precision.

    Attributes
    ----------
    runtime : Runtime
        As it is now.
    told : list of str
        The steps that were taken, in words.
    """

    def __init__(self, image: Image, tiling: Tiling | None, runtime: Runtime) -> None:
        self.runtime = runtime
        self.told: list[str] = []
        self._image = image
        self._tiling = tiling
        self._halved = False
        self._freed_for: int | None = None

    def parts(self, block: Block) -> list[Block]:
        """Return what a block is to be fitted in: itself, or smaller tiles of it."""
        if self._tiling is None or not self._halved:
            return [block]
        return split_block(block, self._image, self._tiling)

    def descend(self, block: Block, reason: str) -> bool:
        """Take the next step after a block has failed; return False if there is none left."""
        gc.collect()
        if self.runtime.device.type == "cuda":
            torch.cuda.empty_cache()
        if self._freed_for != block.index:
            self._freed_for = block.index
            self._tell(f"No more memory ({reason}): freed what was not in use, and tried again.")
            return True
        if smaller := self._smaller(block):
            self._tiling, self._halved = smaller, True
            self._tell(f"No more memory ({reason}): went on in tiles of {smaller.side} pixels.")
            return True
        if self.runtime.device.type != "cpu":
            self.runtime = Runtime(torch.device("cpu"), torch.float32)
            self._tell(f"No more memory ({reason}): went on by the CPU.")
            return True
        return False

    def _smaller(self, block: Block) -> Tiling | None:
        """Return tiles of half the size; None if neighbours would share most of them."""
        if self._tiling is None:
            return None
        tiling = self._tiling
        largest = min(tiling.side, max(block_shape(block, self._image)))
        smallest = 2 * max(map(tiling.shared, tiling.axes))
        side = largest // 2
        return replace(tiling, side=side) if side >= max(smallest, tiling.grid, 16) else None

    def _tell(self, words: str) -> None:
        self.told.append(words)
        _LOG.warning(words)
