"""RunPlan: everything that a restoration decides before its first fit."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from napari_dip.config import (
    for_correlated_noise,
    learned_fit,
    plug_and_play_fit,
    preset_of,
    suits_denoised_candidate,
    suits_learned_kspace,
    suits_learned_start,
    suits_plug_and_play,
)
from napari_dip.core.blocks.neighbours import neighbour_axis
from napari_dip.core.blocks.plan import (
    block_shape,
    count_channels,
    nearest_first,
    plan_blocks,
)
from napari_dip.core.blocks.tiles import find_tiling, possible_tiling
from napari_dip.core.hardware.device import find_runtime, useful_threads
from napari_dip.core.hardware.memory import free_memory
from napari_dip.core.image.axes import spatial_axes
from napari_dip.core.noise.correlation import CORRELATED
from napari_dip.core.noise.stripes.removal import remove_stripes
from napari_dip.core.operators.downsample import Downsample
from napari_dip.core.restoration.channel_stats import find_channels, masks_impulses
from napari_dip.core.restoration.warm_config import choose_warm_start
from napari_dip.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_dip.config import CompleteConfig, DipConfig, TaskName
    from napari_dip.core.blocks.plan import Block
    from napari_dip.core.blocks.tiles import Tiling
    from napari_dip.core.hardware.device import Runtime
    from napari_dip.core.image.image import Image
    from napari_dip.core.operators.base import Operator
    from napari_dip.core.restoration.channel_stats import Channel
    from napari_dip.core.tasks import Task


@dataclass(frozen=True, slots=True)
class RunPlan:
    """Everything that a restoration decides before its first fit.

    Attributes
    ----------
    image : Image
        The given image, with its axes and voxel size.
    task : Task
        The inverse problem, with the noise that it has to know.
    config : CompleteConfig
        Complete configuration, as the report has it.
    observation : Image
        Degraded image without stripes, with NaN at missing pixels.
    excess : Image or None
        Variance of each pixel beyond that of its channel, of the observation's shape.
    guides : list of Image
        Channels of a guide image, each of the observation's shape.
    enlarged : Image
        The image in the shape of the result; it fills what no fit replaces, such as an alpha
        channel or blocks that were not reached.
    channels : list of Channel
        Intensity map and noise of each entry of the axis C.
    operator : Operator
        Forward operator of the whole image.
    runtime : Runtime
        Device and precision.
    threads : int
        Number of CPU threads.
    blocks : list of Block
        Planes, volumes or tiles, in the order of their fits.
    tiling : Tiling or None
        Tiles of each plane or volume; None if these are fitted whole.
    possible_tiling : Tiling or None
        Tiles to use if the memory runs out; None if the operator needs the whole image.
    """

    image: Image
    task: Task
    config: CompleteConfig
    observation: Image
    excess: Image | None
    guides: list[Image]
    enlarged: Image
    channels: list[Channel]
    operator: Operator
    runtime: Runtime
    threads: int
    blocks: list[Block]
    tiling: Tiling | None
    possible_tiling: Tiling | None

    @property
    def searches_impulses(self) -> bool:
        """Whether blocks are searched for impulses, which then count as missing pixels."""
        clean = all(channel.clean for channel in self.channels)
        return masks_impulses(self.config, self.task) and not clean

    @property
    def returns_noiseless(self) -> bool:
        """Whether blocks with negligible noise come back as observed, without a fit."""
        automatic = self.task.adapts_to_noise and self.config.noise == "auto"
        return automatic and self.config.fit.residual_guard


def resolve(
    image: Image, task: Task, config: DipConfig, start_at: Mapping[str, int] | None = None
) -> RunPlan:
    """Decide everything that depends on the image, the task and this machine.

    Parameters
    ----------
    image : Image
        Image to restore.
    task : Task
        The inverse problem.
    config : DipConfig
        The user's choices; None in a field leaves the choice to this function.
    start_at : mapping of str to int, optional
        Index along T, Z or C of the plane to fit first.

    Raises
    ------
    InputError
        The task cannot be done along these axes or with this noise model.
    UsageError
        The configuration asks for tiles of an image that cannot be cut.
    DeviceError
        The device is missing.
    """
    config, preset = _suiting(config, task, image)
    given = config.complete(preset, task.dims)
    task.check_noise(given.noise)
    task = task.with_noise(given.noise, given.sigma_noise, image)
    choice = task.stripes_choice(given.stripes)
    observation, stripes = remove_stripes(task.observe(image), choice)
    channels = find_channels(observation, given, task, stripes)
    fitted = _adapt_fit(given, task, preset, channels, image)

    runtime = find_runtime(fitted.device, fitted.precision)
    axes = spatial_axes(image, fitted.dims)
    operator = task.operator(image, axes)
    _check_correction(fitted, operator)
    tiling = find_tiling(image, task, operator, axes, fitted, free_memory(runtime.device))
    blocks = plan_blocks(image, fitted.channels, fitted.dims, tiling)
    threads = fitted.threads or useful_threads(prod(block_shape(blocks[0], image)))
    final = _adapt_to_machine(fitted, tiling, runtime, threads)
    if start_at and final.warm_start == "off":  # a series of warm starts has its own order
        blocks = nearest_first(blocks, image.axes, start_at)
    return RunPlan(
        image=image,
        task=task,
        config=final,
        observation=observation,
        excess=task.excess_variance(image),
        guides=task.guides(image),
        enlarged=task.enlarged(image),
        channels=channels,
        operator=operator,
        runtime=runtime,
        threads=threads,
        blocks=blocks,
        tiling=tiling,
        possible_tiling=possible_tiling(image, task, operator, axes, final),
    )


def _suiting(config: DipConfig, task: Task, image: Image) -> tuple[DipConfig, TaskName]:
    """Return the configuration and the name of the presets for an image.

    A configuration may have been completed before the image was known, as that of a batch.
    Settings that the user chose stay.
    """
    before, suiting = task.preset, task.preset_for(image)
    if config.fit is None or suiting == before:
        return config, suiting
    usual = preset_of(config.preset, before, config.dims or task.dims)
    if config.fit != usual or config.max_iterations not in (None, usual.max_iterations):
        return config, before
    return config.model_copy(update={"fit": None, "max_iterations": None}), suiting


def _adapt_fit(
    config: CompleteConfig,
    task: Task,
    preset: TaskName,
    channels: Sequence[Channel],
    image: Image,
) -> CompleteConfig:
    """Choose channels, stopping rule, latent and starts for the task and its noise."""

    def suits(config: CompleteConfig, count: int) -> bool:
        return suits_learned_start(config, preset, count, coarse_noise=coarse_noise)

    if task.joint:
        config = config.model_copy(update={"channels": "joint"})
    coarse_noise = _adapts_to_coarse_noise(config, task, channels)
    by_sample = config.model_copy(update={"channels": "separate"})
    if coarse_noise and image.rgb and config.channels is None and suits(by_sample, 1):
        config = by_sample  # there are weights for coarse noise of one channel only
    (first, *_) = plan_blocks(image, config.channels, config.dims)
    fitted_channels = count_channels(first, image)
    fit, stop = config.fit, config.stop
    if suits(config, fitted_channels):
        has_neighbours = neighbour_axis(image) is not None and fitted_channels == 1
        fit = learned_fit(
            config,
            channels=fitted_channels,
            coarse_noise=coarse_noise,
            neighbours=config.neighbours and has_neighbours,
        )
        stop = "none" if coarse_noise else stop
    elif suits_learned_kspace(config, preset):
        fit = fit.model_copy(update={"kspace_start": "learned"})
    elif task.has_fixed_operator and suits_plug_and_play(config, preset):
        fit, stop = plug_and_play_fit(config, preset), "none"
    elif task.has_fixed_operator and suits_denoised_candidate(config, preset):
        fit = fit.model_copy(update={"denoised_candidate": True})
    elif coarse_noise:
        fit, stop = for_correlated_noise(fit), "sure"
    if not fit.max_iterations and fit.latent != "recorrupted":
        raise UsageError(
            "Got 0 iterations for a fit that starts from random weights; expected at least 1. "
            "Give more iterations, or choose denoising with a learned start."
        )
    chosen = {"fit": fit, "stop": stop, "max_iterations": fit.max_iterations}
    config = config.model_copy(update=chosen)
    return config.model_copy(update={"warm_start": choose_warm_start(config, preset)})


def _check_correction(config: CompleteConfig, operator: Operator) -> None:
    """Raise an error if the fit corrects an interpolation, but not z alone is enlarged."""
    factors = operator.factors if isinstance(operator, Downsample) else ()
    along_z = len(factors) == 3 and factors[0] > 1 and factors[1:] == (1, 1)
    if config.fit.solver == "axial" and not along_z:
        raise UsageError(
            "Got a correction of the interpolation along z for another task; expected "
            "super-resolution with a factor along z alone. Leave the fit settings to the preset."
        )


def _adapts_to_coarse_noise(
    config: CompleteConfig, task: Task, channels: Sequence[Channel]
) -> bool:
    """Return whether the noise of neighbouring pixels is correlated, and settings are automatic.

    Held-out pixels, and a latent that hides pixels, need noise that is independent from
    pixel to pixel.
    """
    automatic = (
        task.adapts_to_noise
        and config.stop == "auto"
        and config.fit.latent == "observation"
        and config.dims == 2
    )
    correlations = [channel.record.correlation or 0.0 for channel in channels]
    return automatic and bool(np.median(correlations) >= CORRELATED)


def _adapt_to_machine(
    config: CompleteConfig, tiling: Tiling | None, runtime: Runtime, threads: int
) -> CompleteConfig:
    """Write out the choices of this machine that another machine needs for the same result."""
    chosen: dict[str, object] = {}
    if tiling is not None:
        chosen["tile"] = tiling.side
    if config.deterministic:  # another machine may choose another precision or thread count
        chosen |= {"precision": runtime.precision, "threads": threads}
    return config.model_copy(update=chosen)
