"""Source: a block as a problem in network units, and its estimate back on the image's scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_dip.core import blocks, stitching
from napari_dip.core.image import Image, mask_invalid
from napari_dip.core.impulses import find_impulses
from napari_dip.core.problem import Problem, make_problem
from napari_dip.core.units import in_unit

if TYPE_CHECKING:
    import torch

    from napari_dip.core.channels import Channel
    from napari_dip.core.operators import Operator
    from napari_dip.tasks import Task


@dataclass(frozen=True, slots=True)
class Work:
    """A block, and what was observed of it.

    Attributes
    ----------
    block : Block
    values : (C, [Z, ]Y, X) array
        On the image's scale.
    problem : Problem or None
        None where there is nothing to explain: constant, or missing.
    constant : bool
        Every fitted channel is, over the whole image.
    invalid_pixels : float
        Missing ones; overlapping blocks share theirs.
    """

    block: blocks.Block
    values: NDArray[Any]
    problem: Problem | None
    constant: bool
    invalid_pixels: float


@dataclass(frozen=True, slots=True)
class Source:
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
    impulses : bool
        Whether impulses count as missing.
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
    impulses: bool
    anisotropy: float
    device: torch.device

    def work(self, block: blocks.Block) -> Work:
        """Read a block."""
        values = blocks.read(self.observation, block)  # (C, [Z, ]Y, X)
        known = mask_invalid(values)
        channels = self._channels(block, len(values))
        constant = np.array([channel.scaling.constant for channel in channels])
        valid = known & ~_impulses(values) if self.impulses else known.copy()
        valid[constant] = False  # they have nothing to be fitted
        problem = self._problem(block, values, valid) if valid.any() else None
        missing = stitching.count(block, ~known)
        return Work(block, values, problem, bool(constant.all()), missing)

    def restored(self, work: Work, estimate: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what the user gets for a (C, [Z, ]Y, X) estimate, as the array has it."""
        observed = blocks.from_channels_first(work.values, work.block)
        return self.task.merge(self._unscale(work.block, estimate), observed)

    def constant(self, work: Work) -> NDArray[np.float32]:
        """Return the value of a block that is constant; broadcasts to what the array has."""
        nothing = np.zeros((len(work.values), *(1,) * (work.values.ndim - 1)), np.float32)
        return self._unscale(work.block, nothing)

    def _problem(
        self, block: blocks.Block, values: NDArray[Any], valid: NDArray[np.bool_]
    ) -> Problem:
        channels = self._channels(block, len(values))
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

    def _guide(self, block: blocks.Block) -> NDArray[np.float32] | None:
        channels = [blocks.read(guide, block)[0] for guide in self.guides]
        return np.stack(channels).astype(np.float32) if channels else None

    def _channels(self, block: blocks.Block, count: int) -> list[Channel]:
        """Return what holds for each fitted channel; the samples of RGB share one."""
        return [self.channels[block.channels[n] if block.channels else 0] for n in range(count)]

    def _unscale(self, block: blocks.Block, estimate: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return a (C, [Z, ]Y, X) estimate as the image's array has it at the block."""
        channels = self._channels(block, len(estimate))
        planes = [
            channel.scaling.unscale(plane)
            for channel, plane in zip(channels, estimate, strict=True)
        ]
        return blocks.from_channels_first(np.stack(planes), block)


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
