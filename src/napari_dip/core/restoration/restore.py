"""restore(): THE entry. Image in, `Progress` on the way, `Restoration` out."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

from napari_dip.config import DipConfig
from napari_dip.core.blocks.plan import block_shape, plan_blocks
from napari_dip.core.blocks.tiles import find_tiling, possible_tiling
from napari_dip.core.fitting.timer import Timer
from napari_dip.core.hardware.device import (
    device_errors,
    find_runtime,
    torch_settings,
    useful_threads,
)
from napari_dip.core.hardware.memory import check_room, free_memory, freed_memory_kept
from napari_dip.core.image.axes import spatial_axes
from napari_dip.core.image.image import as_image
from napari_dip.core.restoration.accumulator import check_out
from napari_dip.core.restoration.block_problem import BlockSource, anisotropy
from napari_dip.core.restoration.channel_stats import (
    find_channel,
    find_channels,
    returns_noiseless,
    seeks_impulses,
    suited,
)
from napari_dip.core.restoration.oom_fallback import OomFallback
from napari_dip.core.restoration.reference import Reference
from napari_dip.core.restoration.resume import checkpoints_of
from napari_dip.core.restoration.run import Run
from napari_dip.core.tasks import Denoise

if TYPE_CHECKING:
    from napari_dip.core.restoration.progress import Progress, Restoration
    from napari_dip.core.tasks import Task


def restore(
    image: Any,
    task: Task | None = None,
    config: DipConfig | None = None,
    *,
    reference: Any = None,
    out: Any = None,
    stop_requested: Callable[[], bool] = lambda: False,
    keep_state: bool = False,
    continue_from: Restoration | None = None,
) -> Generator[Progress, None, Restoration]:
    """Restore an image, block by block, yielding progress at about 5 Hz.

    Parameters
    ----------
    image : array_like or Image
        Real numbers; axes from the configuration, the `Image`, or guessed.
    task : Task, optional
        The inverse problem; denoising by default.
    config : DipConfig, optional
        All choices.
    reference : array_like, optional
        Truth of the result's shape, for the report only; no decision reads it.
    out : array, optional
        Of the result's shape and float32, such as a Zarr array: the result is put there block
        by block and, if `image` is lazy, no more than a block is in memory.
    stop_requested : callable
        Polled at each iteration; once True, the run ends with the best result
        so far. Blocks not reached keep the observation, and the report counts
        them. It may wait before it answers, which is a pause.
    keep_state : bool
        The result can be gone on from: it holds where each fit ended, if a tenth of
        the free memory is enough for that.
    continue_from : Restoration, optional
        Of the same image, task and configuration, made with `keep_state`: each fit
        goes on from where it ended, for as many iterations more as the configuration
        says (that of `continue_from`, if there is none); a rule that had ended it is
        patient again.

    Yields
    ------
    Progress

    Returns
    -------
    Restoration
        As the value of the generator.

    Raises
    ------
    InputError
        The data cannot be restored as given.
    DeviceError
        The device is missing, failed or ran out of memory.
    DivergedError
        The fit cannot be kept finite.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.random.default_rng(0).normal(size=(16, 16))
    >>> next(restore(image, config=DipConfig(max_iterations=2, device="cpu"))).max_iterations
    2
    """
    task = task or Denoise()
    if config is None and continue_from is not None:
        config = continue_from.report.config
    config = config or DipConfig()
    task.check_stop(config.stop)
    config = config.complete(task.preset, task.dims)
    if task.joint:
        config = config.model_copy(update={"channels": "joint"})
    dims = config.dims
    assert dims is not None  # the configuration is complete
    image = as_image(image, config.axes).calibrated(config.voxel_size)
    if out is None:
        check_room(prod(image.shape) * prod(task.factors().values()))
    else:
        check_out(out, image, task)
    task.check_noise(config.noise)
    task = task.with_noise(config.noise, config.sigma_noise, image)
    observation = task.observe(image)
    channels = find_channels(observation, config, task)
    config = suited(config, task, channels).with_warm_start_chosen(task.preset)
    runtime = find_runtime(config.device, config.precision)
    axes = spatial_axes(image, dims)
    # It refuses what cannot be done along these axes.
    operator = task.operator(image, axes)
    tiling = find_tiling(image, task, operator, axes, config, free_memory(runtime.device))
    if tiling is not None:
        config = config.model_copy(update={"tile": tiling.side})
    plan = plan_blocks(image, config.channels, dims, tiling)
    threads = config.threads or useful_threads(prod(block_shape(plan[0], image)))
    if config.deterministic:  # on another machine too, which may choose otherwise
        config = config.model_copy(update={"precision": runtime.precision, "threads": threads})
    enlarged = task.enlarged(image)
    source = BlockSource(
        observation=observation,
        guides=task.guides(image),
        task=task,
        operator=operator,
        channels=channels,
        own_channel=partial(find_channel, config=config, task=task),
        returns_noiseless=returns_noiseless(config, task),
        impulses=seeks_impulses(config, task) and not all(one.clean for one in channels),
        anisotropy=anisotropy(enlarged),
        device=runtime.device,
    )
    run = Run(
        image=image,
        source=source,
        config=config,
        plan=plan,
        threads=threads,
        tiling=tiling,
        oom_fallback=OomFallback(
            image, possible_tiling(image, task, operator, axes, config), runtime
        ),
        enlarged=enlarged,
        oracle=None
        if reference is None
        else Reference(reference, task.final(enlarged), image.axes),
        clock=Timer(stop_requested),
        earlier={} if continue_from is None else checkpoints_of(continue_from, image, task, config),
        keep_state=keep_state,
        out=out,
    )
    settings = torch_settings(threads, deterministic=config.deterministic)
    with device_errors(), settings, freed_memory_kept():
        if config.tune is not None:
            run.tune()
        yield from run.fit_blocks()
    return run.result()
