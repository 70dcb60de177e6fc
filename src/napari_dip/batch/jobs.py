"""Batch: many images restored alike; `workers` does so elsewhere."""

from __future__ import annotations

import glob
import hashlib
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dip.batch.manifest import Manifest, Record
from napari_dip.core.report.provenance import sha256_of_pixels
from napari_dip.core.tasks import Deconvolve, Guided, Inpaint, ReconstructKSpace, SuperResolve
from napari_dip.errors import Hint, InputError, OutputExistsError, describe_error
from napari_dip.io.images import check_output, is_image, read_image, sha256_of
from napari_dip.io.results import (
    file_identity,
    file_stem,
    open_output,
    output_dtype,
    read_source,
    report_path,
)
from napari_dip.logs import note_error

if TYPE_CHECKING:
    from napari_dip.config import DipConfig
    from napari_dip.core.image.image import Image
    from napari_dip.core.restoration.progress import Follower
    from napari_dip.core.tasks import Task
    from napari_dip.core.tasks.spec import PictureFile, TaskSpec

_LONGEST_NAME = 120
# Parameters of all tasks, as they are where nobody chose them.
_UNCHOSEN = {
    one.name: one.default
    for task in (Guided, ReconstructKSpace, Inpaint, SuperResolve, Deconvolve)
    for one in fields(task)
}


@dataclass(frozen=True, slots=True)
class Job:
    """One image, and all that a worker needs to restore it.

    Attributes
    ----------
    source : Path
        Its file; the name of an image that is no file.
    output : Path
    task : TaskSpec
    config : DipConfig
    image : Image, optional
        What is no file.
    """

    source: Path
    output: Path
    task: TaskSpec
    config: DipConfig
    image: Image | None = None

    @property
    def config_sha256(self) -> str:
        """Checksum of what decides the result, but for the image and the machine."""
        choices = _choices(self.task)
        contents = [sha256_of(path) for path in self.task.files]
        # How many threads share the work is the machine's business.
        config = self.config.model_dump(mode="json", exclude={"threads"})
        text = json.dumps(
            [choices, contents, config], sort_keys=True, default=lambda path: path.name
        )
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def identity(self) -> dict[str, str]:
        """What a report says of the source."""
        if self.image is None:
            return file_identity(self.source)
        checksum = sha256_of_pixels(np.asarray(self.image.data))
        return {"path": str(self.source), "sha256": str(checksum)}

    def read(self, task: Task) -> Image:
        """Return the image; from Zarr to Zarr not before its blocks are needed."""
        if self.image is None:
            return read_source(self.source, self.output, task, self.config.axes)
        return self.image.with_data(np.asarray(self.image.data))


def _choices(task: TaskSpec) -> dict[str, Any]:
    """Return a task as manifests have described it from the first version on.

    A folder that an earlier version began can be resumed as long as this stays as it is.
    """
    values = {**_UNCHOSEN, **task.parameters}

    def path(name: str) -> Path | None:
        file: PictureFile | None = values[name]
        return None if file is None else file.path

    return {
        "name": task.name,
        "missing": {
            "mask": path("mask"),
            **{name: values[name] for name in ("labels", "inverse", "known")},
        },
        "sampling": {"factor": _text(values["factor"]), "kernel": values["kernel"]},
        "blur": {
            "psf": path("psf"),
            "psf_voxel_size": values["psf"] and _text(values["psf"].voxel_size),
            "sigma": _text(values["sigma"]),
            **{
                name: values[name]
                for name in ("na", "wavelength", "refractive_index", "optics", "refine_psf")
            },
        },
        "guide": path("picture"),
    }


def _text(value: float | Mapping[str, float] | None) -> str | None:
    """Return a number, or one for each axis, as it is written on the command line."""
    if isinstance(value, Mapping):
        return ",".join(f"{axis}={number}" for axis, number in value.items())
    return None if value is None else str(value)


@dataclass(frozen=True, slots=True)
class Batch:
    """Images to be restored alike into a folder; those that are left to do, and the manifest."""

    jobs: list[Job]
    left: list[Job]
    manifest: Manifest

    def keep(self, records: Iterable[Record]) -> Iterator[Record]:
        """Yield records, each once the manifest has it."""
        for record in records:
            self.manifest.add(record)
            yield record


def begin(
    images: Sequence[Path | Image],
    folder: Path,
    suffix: str,
    task: TaskSpec,
    config: DipConfig,
    *,
    resume: bool,
    overwrite: bool,
) -> Batch:
    """Refuse what can be refused before the first image, and make the folder.

    Parameters
    ----------
    images, folder, suffix, task, config
        As for `plan`; the configuration need not be complete.
    resume : bool
        Leave out what is done, as the manifest says.
    overwrite : bool
        Replace outputs that exist.
    """
    chosen = task.build(read_image)
    jobs = plan(images, folder, suffix, task, config.complete(chosen.preset, chosen.dims))
    folder.mkdir(parents=True, exist_ok=True)
    manifest = Manifest(folder)
    known = manifest.read() if resume else {}
    left = [job for job in jobs if not is_done(job, known.get(str(job.source)))]
    # A folder with a manifest is a batch's own: what lies there may be half of a run.
    own = resume and manifest.path.is_file()
    check_outputs(left, overwrite=overwrite or own)
    manifest.add()
    return Batch(jobs, left, manifest)


def find_images(patterns: Sequence[str], outside: Path, others: Sequence[Path] = ()) -> list[Path]:
    """Return the image files of folders and glob patterns, sorted, each once.

    Parameters
    ----------
    patterns : sequence of str
        Image files (all are taken), patterns such as "data/**/*.tif" (the
        same), or folders (whose image files are taken, by suffix).
    outside : Path
        Output folder, in which nothing is looked for.
    others : sequence of Path
        Files that are something else, such as a mask.

    Raises
    ------
    InputError
        Nothing was found.
    """
    found: set[Path] = set()
    for pattern in patterns:
        path = Path(pattern)
        if path.is_dir() and not is_image(path):
            found.update(each for each in path.iterdir() if is_image(each))
        elif path.exists():
            found.add(path)
        else:
            matches = map(Path, glob.glob(pattern, recursive=True))
            found.update(each for each in matches if each.is_file() or is_image(each))
    beside = {path.resolve() for path in others}
    images = sorted(
        {
            path.absolute()
            for path in found
            if not path.resolve().is_relative_to(outside.resolve()) and path.resolve() not in beside
        }
    )
    if not images:
        raise InputError(
            f"Got {' '.join(patterns)}, where no image is found outside the output folder "
            f"{outside}; expected a folder of images, or a pattern such as 'data/*.tif'."
        )
    return images


def plan(
    images: Sequence[Path | Image], folder: Path, suffix: str, task: TaskSpec, config: DipConfig
) -> list[Job]:
    """Give each image an output of its own, directly in the folder.

    Parameters
    ----------
    images : sequence of Path or Image
        Different files, or images that are none and have different sources; of two
        with the same stem both get a checksum of their path into their name.
    folder : Path
        Where outputs go.
    suffix : str
        Format of the outputs.
    task, config
        The same for all.
    """
    folder, task = folder.absolute(), task.absolute()  # workers may be elsewhere
    pictures = [None if isinstance(image, Path) else image for image in images]
    sources = [one if isinstance(one, Path) else Path(one.source or "image") for one in images]
    stems = [_safe(file_stem(source)) for source in sources]
    seen = Counter(stem.casefold() for stem in stems)  # some disks ignore case
    jobs = []
    for source, stem, picture in zip(sources, stems, pictures, strict=True):
        if seen[stem.casefold()] > 1:
            stem = f"{stem}-{hashlib.sha256(str(source).encode()).hexdigest()[:8]}"
        output = folder / f"{stem}_{task.name}{suffix}"
        jobs.append(Job(source, output, task, config, picture))
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
            and report_path(job.output).is_file()
            and record.output_sha256 == sha256_of(job.output)
            and record.input_sha256 == job.identity["sha256"]
        )
    except OSError:
        return False


def check_outputs(jobs: Iterable[Job], *, overwrite: bool) -> None:
    """Raise now what writing would raise after the work."""
    for job in jobs:
        check_output(job.output, overwrite=overwrite)
        if report_path(job.output).exists() and not overwrite:
            raise OutputExistsError(
                f"Got output {report_path(job.output)}, which exists; expected a new "
                "folder. Resume the batch, or replace what exists.",
                Hint("resume"),
                Hint("overwrite"),
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
        changes = {"error": sentence, "exit_code": code}
    else:
        changes = {
            "input_sha256": report["input"]["sha256"],
            "output_sha256": sha256_of(job.output),
            "stop_reason": report["stop_reason"],
            "warnings": tuple(report["warnings"]),
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
