"""Batch: many files restored alike, here or on workers of dask.distributed."""

from __future__ import annotations

import glob
import hashlib
import json
import logging
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_dip import io, outputs
from napari_dip.console import judge
from napari_dip.errors import DeviceError, InputError, OutputExistsError
from napari_dip.manifest import Record

if TYPE_CHECKING:
    from distributed import Client, Future

    from napari_dip.config import DipConfig
    from napari_dip.console import Follower
    from napari_dip.task_options import TaskOptions

_LONGEST_NAME = 120
# How soon a request to stop is seen while workers are busy [seconds].
_PATIENCE = 0.5
# How long a scheduler may take to answer [seconds].
_CONNECTION = 10


@dataclass(frozen=True, slots=True)
class Job:
    """One file, and all that a worker needs to restore it."""

    source: Path
    output: Path
    task: TaskOptions
    config: DipConfig

    @property
    def config_sha256(self) -> str:
        """Checksum of what decides the result, but for the image and the machine."""
        choices = asdict(self.task)
        contents = [io.sha256_of(path) for path in self.task.files]
        # How many threads share the work is the machine's business.
        config = self.config.model_dump(mode="json", exclude={"threads"})
        text = json.dumps(
            [choices, contents, config], sort_keys=True, default=lambda path: path.name
        )
        return hashlib.sha256(text.encode()).hexdigest()


def find_images(patterns: Sequence[str], outside: Path) -> list[Path]:
    """Return the image files of folders and glob patterns, sorted, each once.

    Parameters
    ----------
    patterns : sequence of str
        Image files (all are taken), patterns such as "data/**/*.tif" (the
        same), or folders (whose image files are taken, by suffix).
    outside : Path
        Output folder, in which nothing is looked for.

    Raises
    ------
    InputError
        Nothing was found.
    """
    found: set[Path] = set()
    for pattern in patterns:
        path = Path(pattern)
        if path.is_dir() and not io.is_image(path):
            found.update(each for each in path.iterdir() if io.is_image(each))
        elif path.exists():
            found.add(path)
        else:
            matches = map(Path, glob.glob(pattern, recursive=True))
            found.update(each for each in matches if each.is_file() or io.is_image(each))
    images = sorted(
        {path.absolute() for path in found if not path.resolve().is_relative_to(outside.resolve())}
    )
    if not images:
        raise InputError(
            f"Got {' '.join(patterns)}, where no image is found outside the output folder "
            f"{outside}; expected a folder of images, or a pattern such as 'data/*.tif'."
        )
    return images


def plan(
    images: Sequence[Path], folder: Path, suffix: str, task: TaskOptions, config: DipConfig
) -> list[Job]:
    """Give each image an output of its own, directly in the folder.

    Parameters
    ----------
    images : sequence of Path
        Different files; of two with the same stem both get a checksum of
        their path into their name.
    folder : Path
        Where outputs go.
    suffix : str
        Format of the outputs.
    task, config
        The same for all.
    """
    folder, task = folder.absolute(), task.absolute()  # workers may be elsewhere
    stems = [_safe(outputs.stem(image)) for image in images]
    seen = Counter(stem.casefold() for stem in stems)  # some disks ignore case
    jobs = []
    for image, stem in zip(images, stems, strict=True):
        if seen[stem.casefold()] > 1:
            stem = f"{stem}-{hashlib.sha256(str(image).encode()).hexdigest()[:8]}"
        jobs.append(Job(image, folder / f"{stem}_{task.name}{suffix}", task, config))
    return jobs


def _safe(stem: str) -> str:
    """Return a name that every disk accepts and no shell takes for an option.

    Examples
    --------
    >>> _safe("-a: b/c"), _safe("...")
    ('a_ b_c', 'image')
    """
    name = re.sub(r"[^\w.,+=@#()\[\] -]", "_", stem).lstrip(".- ").rstrip(". ")
    if len(name) > _LONGEST_NAME:
        name = f"{name[: _LONGEST_NAME - 9]}-{hashlib.sha256(stem.encode()).hexdigest()[:8]}"
    return name or "image"


def is_done(job: Job, record: Record | None) -> bool:
    """Tell whether a record holds: nothing failed, and no checksum has changed."""
    if record is None or record.error is not None or record.output != job.output.name:
        return False
    try:
        return (
            record.config_sha256 == job.config_sha256
            and outputs.report_path(job.output).is_file()
            and record.output_sha256 == io.sha256_of(job.output)
            and record.input_sha256 == io.sha256_of(job.source)
        )
    except OSError:
        return False


def check_outputs(jobs: Iterable[Job], *, overwrite: bool) -> None:
    """Raise now what writing would raise after the work."""
    for job in jobs:
        io.check_output(job.output, overwrite=overwrite)
        if outputs.report_path(job.output).exists() and not overwrite:
            raise OutputExistsError(
                f"Got output {outputs.report_path(job.output)}, which exists; expected a new "
                "folder. Use --resume to go on, or --overwrite to replace it."
            )


def restore_job(
    job: Job,
    stop_requested: Callable[[], bool] = lambda: False,
    follow: Follower = lambda progress: None,
) -> Record | None:
    """Restore the file of a job; whatever goes wrong with it becomes a record.

    Returns
    -------
    Record or None
        None when it was stopped before its end: nothing was written.
    """
    from napari_dip.core.progress import finish
    from napari_dip.core.restore import restore

    start = time.monotonic()
    record = Record(input=str(job.source), output=job.output.name, config_sha256=job.config_sha256)
    try:
        task, source = job.task.task(), outputs.identity(job.source)
        image = outputs.read_source(job.source, job.output, task, job.config.axes)
        dtype = outputs.output_dtype(job.output, image)
        place = outputs.written_to(job.output, image, source, overwrite=True, dtype=dtype)
        with place as (out, write):
            steps = restore(image, task, job.config, out=out, stop_requested=stop_requested)
            result = finish(steps, follow)
            if result.report.stop_reason == "stop_requested":
                return None
            report = write(result)
    except Exception as error:
        sentence, code = judge(error)
        changes = {"error": sentence, "exit_code": code}
    else:
        changes = {
            "input_sha256": report["input"]["sha256"],
            "output_sha256": io.sha256_of(job.output),
            "stop_reason": report["stop_reason"],
        }
    return record.model_copy(update={**changes, "seconds": time.monotonic() - start})


def run_here(
    jobs: Sequence[Job], stop_requested: Callable[[], bool], follow: Follower
) -> Iterator[Record]:
    """Restore one file after another in this process; end early when asked to stop."""
    for job in jobs:
        record = None if stop_requested() else restore_job(job, stop_requested, follow)
        if record is None:
            return
        yield record


def run_distributed(
    jobs: Sequence[Job], stop_requested: Callable[[], bool], scheduler: str | None, workers: int
) -> Iterator[Record]:
    """Restore files on workers, yielding records as they come; end early when asked to stop.

    Parameters
    ----------
    jobs : sequence of Job
        Workers read and write the files themselves, by the same paths.
    stop_requested : callable
        Polled twice a second.
    scheduler : str or None
        Address of a running scheduler; without one, workers are started on
        this machine.
    workers : int
        How many of them.
    """
    from distributed import wait

    if scheduler is None:
        jobs = [_with_share_of_threads(job, workers) for job in jobs]
    with _client(scheduler, workers) as client:
        pending = {client.submit(restore_job, job, pure=False): job for job in jobs}
        while pending and not stop_requested():
            with suppress(TimeoutError):
                wait(list(pending), timeout=_PATIENCE, return_when="FIRST_COMPLETED")
            for future in [future for future in pending if future.done()]:
                yield _record_of(pending.pop(future), future)
        client.cancel(list(pending))


@contextmanager
def _client(scheduler: str | None, workers: int) -> Iterator[Client]:
    """Connect to a scheduler, or to one of our own."""
    from distributed import Client, LocalCluster

    if scheduler is not None:
        try:
            client = Client(scheduler, timeout=_CONNECTION)
        except (OSError, ValueError) as error:
            raise DeviceError(
                f"Got the scheduler {scheduler}, which does not answer ({error}); expected the "
                "address of a running dask scheduler, such as tcp://host:8786."
            ) from error
        with client:
            yield client
        return
    cluster = LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        dashboard_address=None,  # no port is opened to watch it
        memory_limit=0,  # a fit that is killed and begun again gets no further
        silence_logs=logging.ERROR,
    )
    with cluster, Client(cluster) as client:
        # A terminal sends Ctrl-C to them too; it is ours to end them.
        client.run(_ignore_interrupts)
        yield client


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _with_share_of_threads(job: Job, workers: int) -> Job:
    if job.config.threads is not None:
        return job
    threads = max(1, (os.cpu_count() or 1) // workers)
    return replace(job, config=job.config.model_copy(update={"threads": threads}))


def _record_of(job: Job, future: Future) -> Record:
    """Return what a worker returned, or that it was lost."""
    error = future.exception()
    if error is None:
        record: Record = future.result()
        return record
    reason = f"{type(error).__name__}: {error}".splitlines()[0]
    return Record(
        input=str(job.source),
        output=job.output.name,
        config_sha256=job.config_sha256,
        error=f"The worker was lost ({reason}); its memory may be too small.",
        exit_code=DeviceError.exit_code,
    )
