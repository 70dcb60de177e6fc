"""restore(): restore an image, yield `Progress` on the way, and return a `Restoration`."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from math import prod
from typing import TYPE_CHECKING, Any

from napari_dip.config import DipConfig
from napari_dip.core.fitting.timer import Timer
from napari_dip.core.hardware.device import device_errors, torch_settings
from napari_dip.core.hardware.memory import check_room, freed_memory_kept
from napari_dip.core.image.image import as_image
from napari_dip.core.restoration.accumulator import check_out
from napari_dip.core.restoration.plan import resolve
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
    start_at: Mapping[str, int] | None = None,
) -> Generator[Progress, None, Restoration]:
    """Restore an image block by block, and yield the progress about five times a second.

    Parameters
    ----------
    image : array_like or Image
        Degraded image of real numbers, (Y, X) or more axes. The axes are those of the
        configuration, else those of the `Image`, else guessed from the shape.
    task : Task, optional
        Inverse problem to solve; denoising by default.
    config : DipConfig, optional
        All other choices. By default those of `continue_from` if that is given, else the
        defaults of `DipConfig`.
    reference : array_like, optional
        Known truth, of the result's shape. It is used for the report only, never for a
        decision. None by default.
    out : array, optional
        Array that receives the result, of the result's shape and of type float32, such as a
        Zarr array. It is written block by block; with a lazy `image`, no more than one block
        is in memory. By default the result is kept in memory.
    stop_requested : callable, optional
        Function without arguments, called at each iteration. Once it returns True the run ends
        with the best result so far: blocks that were not reached keep the observation, and the
        report counts them. The run pauses while the function does not return. It always
        returns False by default.
    keep_state : bool, optional
        Keep a checkpoint of each fit, so that the result can be resumed. The checkpoints are
        dropped if they need more than a tenth of the free memory. False by default.
    continue_from : Restoration, optional
        Earlier restoration of the same image, task and configuration, made with `keep_state`.
        Each fit resumes from its checkpoint, for the number of iterations in the
        configuration. A stopping rule that had ended the fit waits again for its full
        patience. None by default.
    start_at : mapping of str to int, optional
        Index along T, Z or C of the plane to restore first, such as {"Z": 5}; the others follow
        by their distance. It does not change the result. Warm starts need the order of the
        planes and ignore it. By default the first plane.

    Yields
    ------
    Progress
        State of the fit of one block.

    Returns
    -------
    Restoration
        Result and report, as the value of the generator; `finish` returns it.

    Raises
    ------
    InputError
        The image cannot be restored as given.
    UsageError
        Choices contradict each other, or `out` or `continue_from` does not fit the image.
    DeviceError
        The device is missing, failed or ran out of memory.
    DivergedError
        The loss of a fit does not stay finite.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.random.default_rng(0).normal(size=(16, 16))
    >>> next(restore(image, config=DipConfig(max_iterations=2, device="cpu"))).max_iterations
    2
    """
    task = task or Denoise()
    if config is None:
        config = DipConfig() if continue_from is None else continue_from.report.config
    task.check_stop(config.stop)
    image = as_image(image, config.axes).calibrated(config.voxel_size)
    if out is None:
        check_room(prod(image.shape) * prod(task.factors().values()))
    else:
        check_out(out, image, task)
    with freed_memory_kept():
        plan = resolve(image, task, config, start_at)
    run = Run(
        plan=plan,
        timer=Timer(stop_requested),
        reference=None
        if reference is None
        else Reference(reference, plan.task.final(plan.enlarged), image.axes),
        earlier={} if continue_from is None else checkpoints_of(continue_from, plan),
        keep_state=keep_state,
        out=out,
    )
    settings = torch_settings(plan.threads, deterministic=plan.config.deterministic)
    with device_errors(), settings, freed_memory_kept():
        if plan.config.tune is not None:
            run.tune(plan.config.tune)
        yield from run.fit_blocks()
    return run.result()
