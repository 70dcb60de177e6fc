"""The command batch: restore many images with the same settings."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from napari_dip.cli.options import Flag, JsonFlag, Options, configure
from napari_dip.cli.task_options import task_spec, with_options_of_all
from napari_dip.cli.terminal import interruption, print_line, progress_display
from napari_dip.config import DEFAULT_SUFFIX
from napari_dip.errors import INTERRUPTED, UNEXPECTED, UsageError

if TYPE_CHECKING:
    from napari_dip.batch.jobs import Job
    from napari_dip.batch.manifest import Record


@with_options_of_all
def batch(
    *images: str,
    output: Annotated[Path, Parameter(alias="-o")],
    suffix: str = DEFAULT_SUFFIX,
    task: Any = None,
    scheduler: str | None = None,
    workers: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    resume: Flag = False,
    overwrite: Flag = False,
    config: Path | None = None,
    as_json: JsonFlag = False,
    options: Options | None = None,
) -> int:
    """Restore many images with the same settings; resume an interrupted batch.

    Parameters
    ----------
    images
        Folder of images, pattern in quotes such as 'data/**/*.tif', or files.
    output
        Folder for the results IMAGE_TASK.ome.tif, their reports, and manifest.jsonl.
    suffix
        Suffix of the results, which decides their format.
    task
        Options of the task.
    scheduler
        Address of a running dask scheduler, such as tcp://host:8786; its workers must find
        the files under the same paths.
    workers
        Number of worker processes on this machine (default: one image after another in
        this process).
    resume
        Skip images with a valid result: image, configuration and result match the manifest.
    overwrite
        Replace existing outputs.
    config
        JSON file of a configuration or of a report; other options override it.
    as_json
        Print only the records of all images, one JSON object, on stdout.
    options
        Options of the configuration.
    """
    from napari_dip.batch.planning import begin, find_images

    if not images:
        raise UsageError("Got no images; expected a folder, or a pattern such as 'data/*.tif'.")
    spec = task_spec(task)
    settings = configure(options or Options(), config)
    found = find_images(images, output, spec.files)
    planned = begin(found, output, suffix, spec, settings, resume=resume, overwrite=overwrite)
    left, records = planned.left, []
    with interruption() as stop_requested:
        for record in planned.keep(_restored(left, stop_requested, scheduler, workers)):
            records.append(record)
            line = f"[{len(records)}/{len(left)}] {_line(record)}"
            print_line(line, logged=record.exit_code != UNEXPECTED)
            for warning in record.warnings:
                print_line(f"warning: {record.input}: {warning}")
        interrupted = len(records) < len(left)
    failed = [record for record in records if record.error]
    counts = {
        "restored": len(records) - len(failed),
        "failed": len(failed),
        "done_before": len(planned.jobs) - len(left),
        "left": len(left) - len(records),
    }
    if as_json:
        items = [record.model_dump(mode="json") for record in records]
        print(json.dumps({**counts, "manifest": str(planned.manifest.path), "items": items}))
    else:
        numbers = ", ".join(f"{count} {name}" for name, count in counts.items())
        print(f"{output}: {numbers.replace('_', ' ')}")
    if interrupted:
        print_line("interrupted: finished results are kept; --resume continues the batch")
        return INTERRUPTED
    return max((record.exit_code for record in failed), default=0)


def _restored(
    jobs: list[Job], stop_requested: Callable[[], bool], scheduler: str | None, workers: int | None
) -> Iterator[Record]:
    from napari_dip.batch.jobs import run_here
    from napari_dip.optional import install_command, installed, require

    if scheduler:
        require("distributed", f"--scheduler {scheduler}")
    elif workers and not installed("distributed"):
        print_line(
            "dask is not installed, so one image is restored after another. Install it with "
            f"{install_command('distributed')}."
        )
        workers = None
    if jobs and (scheduler or workers):
        from napari_dip.batch.distributed import run_distributed

        yield from run_distributed(jobs, stop_requested, scheduler, workers or 1, print_line)
        return
    with progress_display() as follow:
        yield from run_here(jobs, stop_requested, follow)


def _line(record: Record) -> str:
    if record.error:
        return f"{record.input}: error: {record.error}"
    return f"{record.input}: {record.stop_reason}, {record.seconds:.1f} s"
