"""Job: one image of a batch, and how it is restored."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_dip.batch.checksum import checksum_of
from napari_dip.batch.manifest import Record
from napari_dip.core.report.provenance import sha256_of_pixels
from napari_dip.errors import describe_error
from napari_dip.io.images import read_image, sha256_of
from napari_dip.io.results import file_identity, open_output, output_dtype, read_source
from napari_dip.logs import note_error

if TYPE_CHECKING:
    from napari_dip.config import DipConfig
    from napari_dip.core.image.image import Image
    from napari_dip.core.restoration.progress import Follower
    from napari_dip.core.tasks import Task
    from napari_dip.core.tasks.spec import TaskSpec


@dataclass(frozen=True, slots=True)
class Job:
    """One image, and everything that a worker needs to restore it.

    Attributes
    ----------
    source : Path
        Path of the image file; of an image in memory, its name.
    output : Path
        Path of the result.
    task : TaskSpec
        Task, with the paths of its image files.
    config : DipConfig
        Complete configuration.
    image : Image, optional
        Image in memory, such as a layer of the viewer; None for a file.
    """

    source: Path
    output: Path
    task: TaskSpec
    config: DipConfig
    image: Image | None = None

    @property
    def config_sha256(self) -> str:
        """Checksum of task and configuration."""
        return checksum_of(self.task, self.config)

    @property
    def identity(self) -> dict[str, str]:
        """Path and checksum of the image, for the report."""
        if self.image is None:
            return file_identity(self.source)
        checksum = sha256_of_pixels(np.asarray(self.image.data))
        return {"path": str(self.source), "sha256": str(checksum)}

    def read(self, task: Task) -> Image:
        """Return the image; data from Zarr to Zarr stay lazy."""
        if self.image is None:
            return read_source(self.source, self.output, task, self.config.axes)
        return self.image.with_data(np.asarray(self.image.data))


def restore_job(
    job: Job,
    stop_requested: Callable[[], bool] = lambda: False,
    follow: Follower = lambda progress: None,
) -> Record | None:
    """Restore the image of a job; an error becomes part of the record.

    Parameters
    ----------
    job : Job
        Image, task, configuration and output.
    stop_requested : callable
        Function that returns True once the run should stop.
    follow : callable
        Function that gets each `Progress`.

    Returns
    -------
    Record or None
        Record for the manifest; None if the run was stopped, in which case nothing is
        written.
    """
    from napari_dip.core.restoration.progress import finish
    from napari_dip.core.restoration.restore import restore

    start = time.monotonic()
    record = Record(input=str(job.source), output=job.output.name, config_sha256=job.config_sha256)
    try:
        task, source = job.task.build(read_image), job.identity
        image = job.read(task)
        dtype = output_dtype(job.output, image)
        place = open_output(job.output, image, source, overwrite=True, dtype=dtype)
        with place as (out, write):
            steps = restore(image, task, job.config, out=out, stop_requested=stop_requested)
            result = finish(steps, follow)
            if result.report.stop_reason == "stop_requested":
                return None
            report = write(result)
    except Exception as error:
        note_error(error)
        sentence, code = describe_error(error)
        outcome = {"error": sentence, "exit_code": code}
    else:
        outcome = {
            "input_sha256": report["input"]["sha256"],
            "output_sha256": sha256_of(job.output),
            "stop_reason": report["stop_reason"],
            "warnings": tuple(report["warnings"]),
        }
    return record.model_copy(update={**outcome, "seconds": time.monotonic() - start})


def run_here(
    jobs: Sequence[Job], stop_requested: Callable[[], bool], follow: Follower
) -> Iterator[Record]:
    """Restore one image after another in this process, until a stop is requested.

    Parameters
    ----------
    jobs : sequence of Job
        Jobs, in the order in which they are done.
    stop_requested : callable
        Function that returns True once the batch should stop.
    follow : callable
        Function that gets each `Progress`.

    Yields
    ------
    Record
        Record of each image that is finished.
    """
    for job in jobs:
        record = None if stop_requested() else restore_job(job, stop_requested, follow)
        if record is None:
            return
        yield record
