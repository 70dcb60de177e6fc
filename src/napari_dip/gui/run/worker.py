"""Worker of one restoration: `restore` in a thread."""

# Qt classes have no types for mypy, hence the ignored subclassing below.
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject, Signal

from napari_dip.config import DipConfig
from napari_dip.core.image.image import Image
from napari_dip.core.tasks import Task
from napari_dip.gui.job.layer_image import shown_dtype
from napari_dip.gui.run.background import BackgroundWorker, Control
from napari_dip.logs import note_end

if TYPE_CHECKING:
    from napari_dip.core.restoration.progress import Progress, Restoration

# Shortest time between two progress signals [seconds].
INTERVAL = 0.2


def restore(*args: Any, **options: Any) -> "Generator[Progress, None, Restoration]":
    """Call the core's `restore`; the import is here as it imports torch."""
    from napari_dip.core.restoration import restore as core

    return core.restore(*args, **options)


def run_in_thread(
    image: Image,
    task: Task,
    config: DipConfig,
    control: Control,
    earlier: "Restoration | None" = None,
    start_at: Mapping[str, int] | None = None,
) -> "Generator[Any, None, Restoration | None]":
    """Yield the observation in the dtype of its layer, unless a run is continued; then progress.

    Returns
    -------
    Restoration or None
        None if the run was cancelled.
    """
    with _device_errors():
        return (yield from _run(image, task, config, control, earlier, start_at))


def _run(
    image: Image,
    task: Task,
    config: DipConfig,
    control: Control,
    earlier: "Restoration | None",
    start_at: Mapping[str, int] | None,
) -> "Generator[Any, None, Restoration | None]":
    # Read lazy data here: the GUI thread must not wait for a disk.
    if earlier is None:
        observation = image.enlarged(task.factors()).data
        # `restore` refuses values beyond float32 with a message.
        with np.errstate(over="ignore"):
            shown = np.array(observation, dtype=shown_dtype(image))
        control.note_sent()
        yield shown
        # To add a layer takes 0.1 s, and twice as long beside a run: both need Python's lock.
        control.wait_until_handled()
    # A continued run keeps its own configuration.
    steps = restore(
        image,
        task,
        config if earlier is None else None,
        keep_state=True,
        continue_from=earlier,
        stop_requested=control.stop_requested,
        start_at=start_at,
    )
    last = float("-inf")
    with closing(steps):
        while not control.is_cancelled():
            try:
                progress = next(steps)
            except StopIteration as end:
                restoration: Restoration = end.value
                note_end(restoration.report)
                return None if control.is_cancelled() else restoration
            now = time.monotonic()
            if control.has_handled and now - last >= INTERVAL:
                last = now
                control.note_sent()
                yield progress
    return None


@contextmanager
def _device_errors() -> Iterator[None]:
    """Convert errors of torch and of the memory into `DeviceError`."""
    try:
        yield
    except (MemoryError, RuntimeError):
        from napari_dip.core.hardware.device import device_errors

        with device_errors():
            raise


class RunWorker(BackgroundWorker):
    """One restoration in a thread.

    `progressed` carries `Progress`, at most 5 times a second and only after the last one
    was handled; `returned` carries a `Restoration`, or None if the run was cancelled.

    Parameters
    ----------
    image : Image
        Image to restore.
    task : Task
        Task with its images.
    config : DipConfig
        Configuration.
    parent : QObject, optional
        Owner of this object.
    earlier : Restoration, optional
        Result of a run to continue.
    start_at : mapping of str to int, optional
        Index along T, Z or C of the plane to restore first.

    Attributes
    ----------
    observed : Signal(ndarray)
        Copy of the observation for the preview; sent first, not for a continued run.
    """

    observed = Signal(object)

    def __init__(
        self,
        image: Image,
        task: Task,
        config: DipConfig,
        parent: QObject | None = None,
        earlier: "Restoration | None" = None,
        start_at: Mapping[str, int] | None = None,
    ) -> None:
        steps = partial(run_in_thread, image, task, config, earlier=earlier, start_at=start_at)
        chosen = config.model_dump_json(exclude_defaults=True)
        super().__init__([task.name, *map(str, image.shape), image.axes, chosen], steps, parent)

    def _signal_of(self, value: Any) -> Any:
        return self.observed if isinstance(value, np.ndarray) else self.progressed
