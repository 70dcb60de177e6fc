"""BlockData: a block, its observed pixels and the problem to solve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from napari_dip.core.blocks.plan import Block
    from napari_dip.core.problem import Problem
    from napari_dip.core.restoration.channel_stats import Channel


@dataclass(frozen=True, slots=True)
class BlockData:
    """A block and its observed pixels.

    Attributes
    ----------
    block : Block
        Place of the block in the image.
    values : (C, [Z, ]Y, X) array
        Observation on the image's scale.
    problem : Problem or None
        The inverse problem; None where no fit is needed or no pixel was observed.
    kept : (C, [Z, ]Y, X) bool array
        Pixels of constant planes and regions; they are not fitted and come back as observed.
    channels : tuple of Channel
        Intensity map and noise of each fitted channel.
    noiseless : bool
        Whether the noise of all channels is negligible and no pixel is missing, so that no
        fit is needed.
    invalid_pixels : float
        Number of missing pixels; tiles share those of their overlap.
    """

    block: Block
    values: NDArray[Any]
    problem: Problem | None
    kept: NDArray[np.bool_]
    channels: tuple[Channel, ...]
    noiseless: bool
    invalid_pixels: float

    @property
    def returns_unchanged(self) -> bool:
        """Whether the block comes back as observed, without a fit."""
        return self.problem is None and (self.noiseless or bool(self.kept.any()))
