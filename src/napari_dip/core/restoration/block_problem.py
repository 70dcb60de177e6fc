"""Source: a block as a problem in network units, and its estimate back on the image's scale."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_dip.core.blocks.read import from_channels_first, read_block, read_block_around
from napari_dip.core.blocks.stitch import count_pixels
from napari_dip.core.image.constant_regions import is_constant
from napari_dip.core.image.image import Image, finite_mask
from napari_dip.core.image.scaling import Scaling, find_scaling
from napari_dip.core.image.typical_planes import RANGE_PERCENTILES, is_far
from napari_dip.core.image.units import in_unit
from napari_dip.core.noise.impulses import find_impulses
from napari_dip.core.problem import Problem, make_problem
from napari_dip.core.restoration import kept_pixels as kept_pixels

if TYPE_CHECKING:
    import torch

    from napari_dip.core.blocks.plan import Block
    from napari_dip.core.operators.base import Operator
    from napari_dip.core.restoration.channel_stats import Channel
    from napari_dip.core.tasks import Task

# A tile is examined with so many pixels around it.
_HALO = 8
# The noise of a plane or volume on a scale of its own is measured in so many planes.
_SOME_PLANES = 4


@dataclass(frozen=True, slots=True)
class BlockData:
    """A block, and what was observed of it.

    Attributes
    ----------
    block : Block
    values : (C, [Z, ]Y, X) array
        On the image's scale.
    problem : Problem or None
        None where there is nothing to explain: constant, or missing.
    kept : (C, [Z, ]Y, X) bool array
        Pixels of constant planes and regions: they are not fitted and come back as observed.
    channels : tuple of Channel
        Intensity map and noise of each fitted channel.
    noiseless : bool
        The noise of all channels is negligible and nothing is missing: no fit is needed.
    invalid_pixels : float
        Missing ones; overlapping blocks share theirs.
    """

    block: Block
    values: NDArray[Any]
    problem: Problem | None
    kept: NDArray[np.bool_]
    channels: tuple[Channel, ...]
    noiseless: bool
    invalid_pixels: float

    @property
    def comes_back(self) -> bool:
        """Whether the block comes back as observed, without a fit."""
        return self.problem is None and (self.noiseless or bool(self.kept.any()))


@dataclass(frozen=True, slots=True)
class BlockSource:
    """What blocks are cut from.

    Attributes
    ----------
    observation : Image
        With NaN at missing pixels.
    guides : list of Image
        Channels of another picture, each of the observation's shape.
    task : Task
        The inverse problem.
    operator : Operator
        Of the whole image.
    channels : list of Channel
        Intensity map and noise of each entry of the axis C.
    own_channel : callable
        Measures the noise of planes (P, Y, X) that have an intensity map of their own.
    impulses : bool
        Whether impulses count as missing.
    returns_noiseless : bool
        Whether blocks with negligible noise come back as observed.
    anisotropy : float
        Spacing of the result's planes over that of its pixels.
    device : torch.device
        Where problems are solved.
    """

    observation: Image
    guides: list[Image]
    task: Task
    operator: Operator
    channels: list[Channel]
    own_channel: Callable[[NDArray[Any], Scaling], Channel]
    impulses: bool
    returns_noiseless: bool
    anisotropy: float
    device: torch.device

    def work(self, block: Block) -> BlockData:
        """Read a block."""
        # A region that continues beyond a tile looks small in it.
        halo = _HALO if block.weights and self.task.leaves_out_regions else 0
        around, inside = read_block_around(self.observation, block, halo)
        values = np.ascontiguousarray(around[inside])  # (C, [Z, ]Y, X)
        known = finite_mask(values)
        kept = self._constant_planes(block, values)
        if self.task.leaves_out_regions and not kept.all():
            kept |= kept_pixels.constant_regions(around)[inside]
        channels = self._channels_of(block, values, known & ~kept)
        valid = known & ~kept
        if self.impulses:
            valid &= ~_impulses(values)
        gains = [channel.scaling.gain for channel in channels]
        if self.task.local and not kept_pixels.differ(values, valid, gains):
            kept |= valid  # nothing can be fitted to equal pixels
            valid[:] = False
        noiseless = self._is_noiseless(channels) and bool((valid | kept).all())
        fitted = valid.any() and not noiseless
        problem = self._problem(block, values, valid, channels) if fitted else None
        missing = count_pixels(block, ~known)
        return BlockData(block, values, problem, kept, channels, noiseless, missing)

    def _is_noiseless(self, channels: Sequence[Channel]) -> bool:
        return self.returns_noiseless and all(one.record.negligible for one in channels)

    def is_blank(self, block: Block) -> bool:
        """Tell whether a block needs no fit, if that can be seen without reading a file."""
        if type(self.observation.data) is not np.ndarray:
            return False
        values = read_block(self.observation, block)
        known = finite_mask(values)
        return not known.any() or bool(self._constant_planes(block, values)[known].all())

    def restored(self, work: BlockData, estimate: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what the user gets for a (C, [Z, ]Y, X) estimate, as the array has it."""
        block = work.block
        channels = work.channels[: len(estimate)]
        planes = [
            channel.scaling.unscale(plane)
            for channel, plane in zip(channels, estimate, strict=True)
        ]
        found = self.task.merge(
            from_channels_first(np.stack(planes), block),
            from_channels_first(work.values, block),
        )
        if not work.kept.any():
            return found
        kept = kept_pixels.enlarged(work.kept, estimate.shape)
        observed = kept_pixels.enlarged(
            kept_pixels.as_observed(work.values, work.kept), estimate.shape
        )
        return np.where(
            from_channels_first(kept, block),
            from_channels_first(observed, block),
            found,
        )

    def unfitted(self, work: BlockData) -> NDArray[np.float32]:
        """Return what the user gets for a block that needs no fit, as the array has it."""
        shape = work.values.shape
        spatial = self.operator.estimate_shape(shape[1:])
        observed = kept_pixels.as_observed(work.values, work.kept)
        return from_channels_first(kept_pixels.enlarged(observed, (shape[0], *spatial)), work.block)

    def _problem(
        self,
        block: Block,
        values: NDArray[Any],
        valid: NDArray[np.bool_],
        channels: Sequence[Channel],
    ) -> Problem:
        scaled = [
            channel.scaling.scale(np.where(known, plane, 0))
            for channel, plane, known in zip(channels, values, valid, strict=True)
        ]
        return make_problem(
            np.stack(scaled),
            valid,
            [channel.noise for channel in channels],
            (
                min(channel.scaling.low for channel in channels),
                max(channel.scaling.high for channel in channels),
            ),
            self.device,
            self.operator.part(values.shape[1:]) if block.weights else self.operator,
            self._guide(block),
            self.anisotropy,
        )

    def _guide(self, block: Block) -> NDArray[np.float32] | None:
        channels = [read_block(guide, block)[0] for guide in self.guides]
        return np.stack(channels).astype(np.float32) if channels else None

    def _constant_planes(self, block: Block, values: NDArray[Any]) -> NDArray[np.bool_]:
        """Tell which pixels of a block (C, [Z, ]Y, X) belong to constant planes."""
        channels = self._channels(block, len(values))
        if self.task.local:
            return kept_pixels.constant_planes(values, [one.scaling.gain for one in channels])
        kept = np.zeros(values.shape, dtype=bool)
        kept[np.array([channel.scaling.constant for channel in channels])] = True
        return kept

    def _channels(self, block: Block, count: int) -> list[Channel]:
        """Return what holds for each fitted channel; the samples of RGB share one."""
        return [self.channels[block.channels[n] if block.channels else 0] for n in range(count)]

    def _channels_of(
        self, block: Block, values: NDArray[Any], fitted: NDArray[np.bool_]
    ) -> tuple[Channel, ...]:
        """Return what holds for each fitted channel: its own, where it is far from the others."""
        channels = self._channels(block, len(values))
        if not self.task.local or not fitted.any() or "S" in block.axes:
            return tuple(channels)
        return tuple(
            self._own(block, plane, where, channel)
            for plane, where, channel in zip(values, fitted, channels, strict=True)
        )

    def _own(
        self, block: Block, values: NDArray[Any], fitted: NDArray[np.bool_], usual: Channel
    ) -> Channel:
        """Return the map and noise of a part ([Z, ]Y, X) that the usual ones do not suit."""
        valid = values[fitted]
        if valid.size == 0 or is_constant(valid, usual.scaling.gain):
            return usual
        if block.weights or block.part:  # tiles share a map, unless it has no place for them
            low, high = usual.scaling.unscale(np.array([usual.scaling.low, usual.scaling.high]))
            far = valid.min() < low or valid.max() > high
        else:
            low, high = np.percentile(valid.astype(np.float64), RANGE_PERCENTILES)
            far = is_far(low, high, usual.scaling.range)
        if not far:
            return usual
        planes = np.where(fitted, values, np.nan).reshape(-1, *values.shape[-2:])
        known = planes[finite_mask(planes).any(axis=(-2, -1))][:_SOME_PLANES]
        return self.own_channel(known, find_scaling(valid))


def anisotropy(image: Image) -> float:
    """Return the spacing of planes over that of pixels; 1 where it is not known."""
    units = [image.units.get(axis, "pixel") for axis in "ZYX"]
    sizes = [
        in_unit(image.voxel_size.get(axis, 0.0), unit, units[-1])
        for axis, unit in zip("ZYX", units, strict=True)
    ]
    known = [size for size in sizes if size]
    return 2 * known[0] / (known[1] + known[2]) if len(known) == 3 else 1.0


def _impulses(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell which pixels of a block (C, [Z, ]Y, X) are impulses, plane by plane."""
    planes = values.reshape(-1, *values.shape[-2:])
    return np.stack([find_impulses(plane) for plane in planes]).reshape(values.shape)
