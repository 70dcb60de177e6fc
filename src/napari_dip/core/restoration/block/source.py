"""BlockSource: reads a block as a problem, and maps its estimate back to the image's scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_dip.core.blocks.neighbours import neighbour_axis, read_neighbours
from napari_dip.core.blocks.read import from_channels_first, read_block, read_block_around
from napari_dip.core.blocks.stitch import count_pixels
from napari_dip.core.image.constant_regions import is_constant
from napari_dip.core.image.image import Image, finite_mask
from napari_dip.core.image.percentiles import percentiles
from napari_dip.core.image.scaling import find_scaling
from napari_dip.core.image.typical_planes import RANGE_PERCENTILES, is_far
from napari_dip.core.image.units import in_unit
from napari_dip.core.noise.impulses import find_impulses
from napari_dip.core.problem import Problem, make_problem
from napari_dip.core.restoration.block import kept_pixels
from napari_dip.core.restoration.block.data import BlockData
from napari_dip.core.restoration.channel_stats import find_channel

if TYPE_CHECKING:
    import torch

    from napari_dip.core.blocks.plan import Block
    from napari_dip.core.restoration.channel_stats import Channel
    from napari_dip.core.restoration.plan import RunPlan

# Margin around a tile that is searched for constant regions as well [pixels].
_HALO = 8
# Planes that the noise is measured on, for a plane or volume with an intensity map of its own.
_NOISE_PLANES = 4


@dataclass(frozen=True, slots=True)
class BlockSource:
    """Reads the blocks of an image, and maps estimates back to its scale.

    Attributes
    ----------
    plan : RunPlan
        The observation, the task, and the intensity map and noise of each channel.
    device : torch.device
        Device of the problems.
    """

    plan: RunPlan
    device: torch.device

    def read(self, block: Block) -> BlockData:
        """Read a block."""
        task = self.plan.task
        # The part of a large region that lies in a tile may be small.
        halo = _HALO if block.weights and task.leaves_out_regions else 0
        around, inside = read_block_around(self.plan.observation, block, halo)
        values = np.ascontiguousarray(around[inside])  # (C, [Z, ]Y, X)
        known = finite_mask(values)
        kept = self._constant_planes(block, values)
        if task.leaves_out_regions and not kept.all():
            # Where one channel is black the others may show structure.
            kept |= kept_pixels.constant_regions(around)[inside].all(axis=0)
        channels = self._fitted_channels(block, values, known & ~kept)
        valid = known & ~kept
        if self.plan.searches_impulses:
            valid &= ~_impulses(values)
        gains = [channel.scaling.gain for channel in channels]
        if task.local and not kept_pixels.differ(values, valid, gains):
            kept |= valid  # equal pixels leave nothing to fit
            valid[:] = False
        noiseless = self._is_noiseless(channels) and bool((valid | kept).all())
        fitted = valid.any() and not noiseless
        problem = self._problem(block, values, valid, channels) if fitted else None
        missing = count_pixels(block, ~known)
        return BlockData(block, values, problem, kept, channels, noiseless, missing)

    def _is_noiseless(self, channels: Sequence[Channel]) -> bool:
        negligible = all(channel.record.negligible for channel in channels)
        return self.plan.returns_noiseless and negligible

    def is_blank(self, block: Block) -> bool:
        """Return whether a block needs no fit; False for a lazy image, which is not read."""
        if type(self.plan.observation.data) is not np.ndarray:
            return False
        values = read_block(self.plan.observation, block)
        known = finite_mask(values)
        return not known.any() or bool(self._constant_planes(block, values)[known].all())

    def restored(self, data: BlockData, estimate: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the result of a (C, [Z, ]Y, X) estimate, in the axes of the image's array."""
        block = data.block
        channels = data.channels[: len(estimate)]
        planes = [
            channel.scaling.unscale(plane)
            for channel, plane in zip(channels, estimate, strict=True)
        ]
        result = self.plan.task.merge(
            from_channels_first(np.stack(planes), block),
            from_channels_first(data.values, block),
        )
        if not data.kept.any():
            return result
        kept = kept_pixels.enlarged(data.kept, estimate.shape)
        observed = kept_pixels.enlarged(
            kept_pixels.as_observed(data.values, data.kept), estimate.shape
        )
        return np.where(
            from_channels_first(kept, block),
            from_channels_first(observed, block),
            result,
        )

    def unchanged(self, data: BlockData) -> NDArray[np.float32]:
        """Return a block that needs no fit as observed, in the axes of the image's array."""
        shape = data.values.shape
        spatial = self.plan.operator.estimate_shape(shape[1:])
        observed = kept_pixels.as_observed(data.values, data.kept)
        return from_channels_first(kept_pixels.enlarged(observed, (shape[0], *spatial)), data.block)

    def _problem(
        self,
        block: Block,
        values: NDArray[Any],
        valid: NDArray[np.bool_],
        channels: Sequence[Channel],
    ) -> Problem:
        operator = self.plan.operator
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
            operator.part(values.shape[1:], block.start) if block.weights else operator,
            self._guide(block),
            anisotropy(self.plan.enlarged),
            self._neighbours(block, channels),
            min(channel.scaling.dark for channel in channels),
            self._excess(block, channels),
        )

    def _neighbours(self, block: Block, channels: Sequence[Channel]) -> NDArray[np.float32] | None:
        """Return the neighbouring planes in network units (K, Y, X), NaN at missing pixels."""
        reach, axis = self.plan.config.fit.neighbours, neighbour_axis(self.plan.observation)
        if not reach or axis is None:
            return None
        variance = channels[0].record.sigma ** 2
        planes = read_neighbours(self.plan.observation, block, axis, reach, variance)
        scaled = []
        for plane in planes:
            known = finite_mask(plane)
            if self.plan.searches_impulses:
                known &= ~find_impulses(plane)
            scaled.append(channels[0].scaling.scale(np.where(known, plane, np.nan)))
        return np.stack(scaled) if scaled else None

    def _excess(self, block: Block, channels: Sequence[Channel]) -> NDArray[np.float32] | None:
        """Return the excess variance of a block in network units (C, [Z, ]Y, X)."""
        if self.plan.excess is None:
            return None
        planes = read_block(self.plan.excess, block)[: len(channels)]
        gains = [channel.scaling.gain for channel in channels]
        return np.stack([plane / gain**2 for plane, gain in zip(planes, gains, strict=True)])

    def _guide(self, block: Block) -> NDArray[np.float32] | None:
        channels = [read_block(guide, block)[0] for guide in self.plan.guides]
        return np.stack(channels).astype(np.float32) if channels else None

    def _constant_planes(self, block: Block, values: NDArray[Any]) -> NDArray[np.bool_]:
        """Return True at the pixels of a block (C, [Z, ]Y, X) that belong to constant planes."""
        channels = self._channels(block, len(values))
        if self.plan.task.local:
            gains = [channel.scaling.gain for channel in channels]
            return kept_pixels.constant_planes(values, gains)
        kept = np.zeros(values.shape, dtype=bool)
        kept[np.array([channel.scaling.constant for channel in channels])] = True
        return kept

    def _channels(self, block: Block, count: int) -> list[Channel]:
        """Return the map and noise of each channel of a block; the samples of RGB share one."""
        indices = [block.channels[n] if block.channels else 0 for n in range(count)]
        return [self.plan.channels[index] for index in indices]

    def _fitted_channels(
        self, block: Block, values: NDArray[Any], fitted: NDArray[np.bool_]
    ) -> tuple[Channel, ...]:
        """Return the map and noise of each fitted channel, measured anew in an unusual block."""
        channels = self._channels(block, len(values))
        if not self.plan.task.local or not fitted.any() or "S" in block.axes:
            return tuple(channels)
        return tuple(
            self._fitted_channel(block, plane, where, channel)
            for plane, where, channel in zip(values, fitted, channels, strict=True)
        )

    def _fitted_channel(
        self, block: Block, values: NDArray[Any], fitted: NDArray[np.bool_], usual: Channel
    ) -> Channel:
        """Return the usual map and noise, or those of this part ([Z, ]Y, X) if it is unusual."""
        valid = values[fitted]
        if valid.size == 0 or is_constant(valid, usual.scaling.gain):
            return usual
        if block.weights or block.part:  # tiles share a map unless it clips their pixels
            low, high = usual.scaling.unscale(np.array([usual.scaling.low, usual.scaling.high]))
            far = valid.min() < low or valid.max() > high
        elif self.plan.observation.rgb:  # a sample of RGB by itself, with its own noise
            far = True
        else:
            low, high = percentiles(valid, RANGE_PERCENTILES)
            far = is_far(low, high, usual.scaling.range)
        if not far:
            return usual
        planes = np.where(fitted, values, np.nan).reshape(-1, *values.shape[-2:])
        known = planes[finite_mask(planes).any(axis=(-2, -1))][:_NOISE_PLANES]
        own = find_channel(known, find_scaling(valid), self.plan.config, self.plan.task)
        # Texture can hide the noise of one sample, though all samples together show it.
        hidden = self.plan.observation.rgb and own.record.negligible
        return usual if hidden and not usual.record.negligible else own


def anisotropy(image: Image) -> float:
    """Return the spacing of planes divided by that of pixels; 1 if it is not known."""
    units = [image.units.get(axis, "pixel") for axis in "ZYX"]
    sizes = [
        in_unit(image.voxel_size.get(axis, 0.0), unit, units[-1])
        for axis, unit in zip("ZYX", units, strict=True)
    ]
    known = [size for size in sizes if size]
    return 2 * known[0] / (known[1] + known[2]) if len(known) == 3 else 1.0


def _impulses(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Return True at the impulses of a block (C, [Z, ]Y, X), found plane by plane."""
    planes = values.reshape(-1, *values.shape[-2:])
    return np.stack([find_impulses(plane) for plane in planes]).reshape(values.shape)
