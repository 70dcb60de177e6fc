"""Planning of a batch: its images, their outputs, and which of them are still to do."""

from __future__ import annotations

import glob
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_dip.batch.jobs import Job
from napari_dip.batch.manifest import Manifest, Record
from napari_dip.errors import Hint, InputError, OutputExistsError
from napari_dip.io.images import check_output, is_image, read_image, sha256_of
from napari_dip.io.results import file_stem, report_path

if TYPE_CHECKING:
    from napari_dip.config import DipConfig
    from napari_dip.core.image.image import Image
    from napari_dip.core.tasks.spec import TaskSpec

# Longest name of an output without task and suffix [characters].
_LONGEST_NAME = 120


@dataclass(frozen=True, slots=True)
class Batch:
    """Images that are restored with the same settings into one folder.

    Attributes
    ----------
    jobs : list of Job
        All images.
    left : list of Job
        Images without a valid result.
    manifest : Manifest
        Manifest of the folder.
    """

    jobs: list[Job]
    left: list[Job]
    manifest: Manifest

    def keep(self, records: Iterable[Record]) -> Iterator[Record]:
        """Yield each record after it was written to the manifest."""
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
    """Check task, configuration and outputs, and make the folder with its manifest.

    Parameters
    ----------
    images : sequence of Path or Image
        Image files, or images in memory.
    folder : Path
        Output folder.
    suffix : str
        Suffix of the outputs, which decides their format.
    task : TaskSpec
        Task, the same for all images.
    config : DipConfig
        Configuration, the same for all images; it need not be complete.
    resume : bool
        Whether to leave out images with a valid result in the manifest.
    overwrite : bool
        Whether to replace existing outputs.

    Raises
    ------
    UsageError
        An output exists.
    InputError
        The task cannot be built, or an output cannot be written.
    """
    built = task.build(read_image)
    jobs = plan(images, folder, suffix, task, config.complete(built.preset, built.dims))
    folder.mkdir(parents=True, exist_ok=True)
    manifest = Manifest(folder)
    known = manifest.read() if resume else {}
    left = [job for job in jobs if not is_done(job, known.get(str(job.source)))]
    # Files beside a manifest come from this batch and may be incomplete.
    own = resume and manifest.path.is_file()
    check_outputs(left, overwrite=overwrite or own)
    manifest.add()
    return Batch(jobs, left, manifest)


def find_images(patterns: Sequence[str], outside: Path, others: Sequence[Path] = ()) -> list[Path]:
    """Return the image files of folders and patterns, sorted and without duplicates.

    Parameters
    ----------
    patterns : sequence of str
        Files, patterns such as "data/**/*.tif", or folders. Folders give the files with
        the suffix of an image; files and patterns give all files.
    outside : Path
        Output folder, whose files are left out.
    others : sequence of Path
        Files to leave out, such as a mask.

    Raises
    ------
    InputError
        No image was found.
    """
    found: set[Path] = set()
    for pattern in patterns:
        path = Path(pattern)
        if path.is_dir() and not is_image(path):
            found.update(file for file in path.iterdir() if is_image(file))
        elif path.exists():
            found.add(path)
        else:
            matches = map(Path, glob.glob(pattern, recursive=True))
            found.update(file for file in matches if file.is_file() or is_image(file))
    excluded = {path.resolve() for path in others}
    images = sorted(
        {
            path.absolute()
            for path in found
            if not path.resolve().is_relative_to(outside.resolve())
            and path.resolve() not in excluded
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
    """Return one job for each image, each with another output in the folder.

    Parameters
    ----------
    images : sequence of Path or Image
        Image files, or images in memory, with different sources. If two sources have the
        same stem, the names of their outputs contain a checksum of the source.
    folder : Path
        Output folder.
    suffix : str
        Suffix of the outputs, which decides their format.
    task : TaskSpec
        Task, the same for all images.
    config : DipConfig
        Complete configuration, the same for all images.
    """
    # Workers may run in another directory.
    folder, task = folder.absolute(), task.absolute()
    in_memory = [None if isinstance(image, Path) else image for image in images]
    sources = [
        image if isinstance(image, Path) else Path(image.source or "image") for image in images
    ]
    stems = [_safe_name(file_stem(source)) for source in sources]
    count = Counter(stem.casefold() for stem in stems)  # some file systems ignore case
    jobs = []
    for source, stem, image in zip(sources, stems, in_memory, strict=True):
        if count[stem.casefold()] > 1:
            stem = f"{stem}-{hashlib.sha256(str(source).encode()).hexdigest()[:8]}"
        output = folder / f"{stem}_{task.name}{suffix}"
        jobs.append(Job(source, output, task, config, image))
    return jobs


def _safe_name(stem: str) -> str:
    """Return a name that every file system accepts and that does not look like an option.

    Examples
    --------
    >>> _safe_name("-a: b/c"), _safe_name("...")
    ('a_ b_c', 'image')
    """
    name = re.sub(r"[^\w.,+=@#()\[\] -]", "_", stem).lstrip(".- ").rstrip(". ")
    if len(name) > _LONGEST_NAME:
        name = f"{name[: _LONGEST_NAME - 9]}-{hashlib.sha256(stem.encode()).hexdigest()[:8]}"
    return name or "image"


def is_done(job: Job, record: Record | None) -> bool:
    """Return whether a record shows a valid result: no error, and unchanged checksums.

    Parameters
    ----------
    job : Job
        Image, task, configuration and output.
    record : Record or None
        Record of the manifest for the same image, if any.
    """
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
    """Raise before the work starts if an output exists or cannot be written."""
    for job in jobs:
        check_output(job.output, overwrite=overwrite)
        if report_path(job.output).exists() and not overwrite:
            raise OutputExistsError(
                f"Got output {report_path(job.output)}, which exists; expected a new "
                "folder. Resume the batch, or replace what exists.",
                Hint("resume"),
                Hint("overwrite"),
            )
