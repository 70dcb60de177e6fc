"""A batch in a thread, and what the form says in the words of a batch."""

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
from napari_dip.gui.napari_writer import write_picture
from napari_dip.gui.run.worker import Background, Control

if TYPE_CHECKING:
    from napari_dip.batch.manifest import Record
    from napari_dip.core.image.image import Image
    from napari_dip.core.restoration.progress import Progress


def task_spec(choice: TaskChoice, folder: Path) -> TaskSpec:
    """Return a task as a batch describes it: its pictures are files, which all images share.

    Parameters
    ----------
    choice : TaskChoice
        What the user has chosen in the form.
    folder : Path
        Folder for the files of pictures, which may have been painted since they were opened.

    Raises
    ------
    UsageError
        A batch cannot do the task.
    """
    if choice.name not in get_args(BatchTask):
        raise UsageError(
            f"Got the task {TITLES[choice.name][0]}; expected one that a batch can do. Choose "
            "another in the dock."
        )
    parameters = {
        name: PictureFile(_written(image_of(value), name, folder))
        if hasattr(value, "axis_labels")
        else value
        for name, value in choice.values.items()
        if value is not None
    }
    return TaskSpec(choice.name, parameters)


def _written(picture: "Image", name: str, folder: Path) -> Path:
    """Return a file of a picture; its name is made of it, so that no other is replaced."""
    picture = picture.with_data(np.asarray(picture.data))
    contents = f"{sha256_of_pixels(picture.data)}{dict(picture.voxel_size)}{dict(picture.units)}"
    name = f"{name}-{sha256(contents.encode()).hexdigest()[:12]}"
    path = folder / f"{name}{DEFAULT_SUFFIX}"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_picture(path, picture)
    return path


def _restore(
    begin: Callable[[], Batch], follow: Callable[["Progress"], None], control: Control
) -> "Generator[Batch | Record, None, None]":
    """Yield the batch, then what became of each of its images, until stopped."""
    batch = begin()
    yield batch
    yield from batch.keep(run_here(batch.left, control.stop_requested, follow))


class BatchRun(Background):
    """A batch in a thread.

    `progressed` carries the `Batch` first, and then a `Record` for each image.

    Parameters
    ----------
    begin : callable
        Returns the batch; it reads files, so it is called in the thread.
    parent : QObject, optional

    Attributes
    ----------
    latest : Progress or None
        Of the image that is restored now. Asked for, not told: no signal is sent from the
        thread, where this object may be gone.
    """

    def __init__(self, begin: Callable[[], Batch], parent: QObject | None = None) -> None:
        self.latest: Progress | None = None
        super().__init__(["batch"], partial(_restore, begin, self._follow), parent)

    def _follow(self, progress: "Progress") -> None:
        self.latest = progress
