"""OomFallback: what to try, step by step, when a fit runs out of memory."""

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
_SMALLEST_TILE = 16


class OomFallback:
    """Frees unused memory, then halves the tiles as often as possible, then uses the CPU.

    Finished blocks stay as they are; all later blocks are fitted with less memory, too.

    Parameters
    ----------
    image : Image
        Image that blocks are cut from.
    tiling : Tiling or None
        Tiles that blocks can be cut into; None if the operator needs whole blocks.
    runtime : Runtime
        Device and precision at the start.

    Attributes
    ----------
    runtime : Runtime
        Device and precision of the next fit.
    warnings : list of str
        Sentences about the steps so far, for the report.
    """

    def __init__(self, image: Image, tiling: Tiling | None, runtime: Runtime) -> None:
        self.runtime = runtime
        self.warnings: list[str] = []
        self._image = image
        self._tiling = tiling
        self._halved = False
        self._freed_for: int | None = None

    def parts(self, block: Block) -> list[Block]:
        """Return the blocks to fit in place of a block: itself, or smaller tiles of it."""
        if self._tiling is None or not self._halved:
            return [block]
        return split_block(block, self._image, self._tiling)

    def use_less(self, block: Block, reason: str) -> bool:
        """Take the next step after a block failed; return False if no step is left."""
        gc.collect()
        if self.runtime.device.type == "cuda":
            torch.cuda.empty_cache()
        if self._freed_for != block.index:
            self._freed_for = block.index
            self._warn(f"Out of memory ({reason}): unused memory was freed, and the fit repeated.")
            return True
        if smaller := self._smaller_tiles(block):
            self._tiling, self._halved = smaller, True
            self._warn(
                f"Out of memory ({reason}): the rest was fitted in tiles of {smaller.side} pixels."
            )
            return True
        if self.runtime.device.type != "cpu":
            self.runtime = Runtime(torch.device("cpu"), torch.float32)
            self._warn(f"Out of memory ({reason}): the rest was fitted on the CPU.")
            return True
        return False

    def _smaller_tiles(self, block: Block) -> Tiling | None:
        """Return tiles of half the size; None if neighbours would share most of their pixels."""
        if self._tiling is None:
            return None
        tiling = self._tiling
        largest = min(tiling.side, max(block_shape(block, self._image)))
        smallest = 2 * max(map(tiling.shared, tiling.axes))
        side = largest // 2
        if side < max(smallest, tiling.grid, _SMALLEST_TILE):
            return None
        return replace(tiling, side=side)

    def _warn(self, sentence: str) -> None:
        self.warnings.append(sentence)
        _LOG.warning(sentence)
