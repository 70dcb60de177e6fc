"""Worker of a batch, and the task of the form as a batch describes it."""

# Qt classes have no types for mypy.
from collections.abc import Callable, Generator
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np
from qtpy.QtCore import QObject

from napari_dip.batch.jobs import run_here
from napari_dip.batch.planning import Batch
from napari_dip.config import DEFAULT_SUFFIX, BatchTask
from napari_dip.core.report.provenance import sha256_of_pixels
from napari_dip.core.tasks.spec import PictureFile, TaskSpec
from napari_dip.errors import UsageError
from napari_dip.gui.form.task_form import TITLES
from napari_dip.gui.job.choices import TaskChoice
from napari_dip.gui.job.layer_image import image_of
from napari_dip.gui.napari_writer import write_layer_image
from napari_dip.gui.run.background import BackgroundWorker, Control

if TYPE_CHECKING:
    from napari_dip.batch.manifest import Record
    from napari_dip.core.image.image import Image
    from napari_dip.core.restoration.progress import Progress


def task_spec(choice: TaskChoice, folder: Path) -> TaskSpec:
    """Return a task as a batch describes it; its images are files that all inputs share.

    Parameters
    ----------
    choice : TaskChoice
        Task and values of the form.
    folder : Path
        Folder for the files of the images of the task, such as a painted mask.

    Raises
    ------
    UsageError
        A batch cannot do the task.
    """
    if choice.name not in get_args(BatchTask):
        raise UsageError(
            f"Got the task {TITLES[choice.name][0]}, which is for single images; expected "
            "another task. Choose it in the dock."
        )
    parameters = {
        name: PictureFile(_write(image_of(value), name, folder))
        if hasattr(value, "axis_labels")
        else value
        for name, value in choice.values.items()
        if value is not None
    }
    return TaskSpec(choice.name, parameters)


def _write(image: "Image", name: str, folder: Path) -> Path:
    """Write an image to a file named by its checksum, and return the file."""
    image = image.with_data(np.asarray(image.data))
    contents = f"{sha256_of_pixels(image.data)}{dict(image.voxel_size)}{dict(image.units)}"
    name = f"{name}-{sha256(contents.encode()).hexdigest()[:12]}"
    path = folder / f"{name}{DEFAULT_SUFFIX}"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_layer_image(path, image)
    return path


def _restore(
    begin: Callable[[], Batch], follow: Callable[["Progress"], None], control: Control
) -> "Generator[Batch | Record, None, None]":
    """Yield the batch, then the record of each image, until stopped."""
    batch = begin()
    yield batch
    yield from batch.keep(run_here(batch.left, control.stop_requested, follow))


class BatchWorker(BackgroundWorker):
    """A batch in a thread.

    `progressed` carries the `Batch` first, and then a `Record` for each image.

    Parameters
    ----------
    begin : callable
        Returns the batch; called in the thread, as it reads files.
    parent : QObject, optional
        Owner of this object.

    Attributes
    ----------
    latest : Progress or None
        Progress of the current image. The dialog reads it at intervals: a signal from the
        thread could reach a deleted object.
    """

    def __init__(self, begin: Callable[[], Batch], parent: QObject | None = None) -> None:
        self.latest: Progress | None = None
        super().__init__(["batch"], partial(_restore, begin, self._follow), parent)

    def _follow(self, progress: "Progress") -> None:
        self.latest = progress
