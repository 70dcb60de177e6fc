"""Restoring one file: check, read, fit with a progress display, write.

Functions import torch and tifffile, so that `napari-dip --help` is fast.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_dip.cli.options import Files, Options, configure
from napari_dip.cli.terminal import interruption, print_line, print_warnings, progress_display
from napari_dip.errors import INTERRUPTED, UsageError
from napari_dip.logs import note_end

if TYPE_CHECKING:
    from napari_dip.config import DipConfig
    from napari_dip.core.image.image import Image
    from napari_dip.core.restoration.progress import Follower, Restoration
    from napari_dip.core.tasks import Task


def restore_file(
    path: Path,
    make_task: Callable[[], Task],
    options: Options | None,
    files: Files | None,
    *others: Path | None,
    picture: Image | None = None,
) -> int:
    """Restore one image file and write the result; refuse bad options before reading.

    Parameters
    ----------
    path : Path
        Image file.
    make_task : callable
        Function that returns the task.
    options : Options or None
        Options of the configuration; None for the defaults.
    files : Files or None
        Files to read and write; None for the defaults.
    *others : Path or None
        Other input files, which must not be outputs.
    picture : Image, optional
        Observation, if it is not the image of the file, such as a zero-filled image.

    Returns
    -------
    int
        Exit code.
    """
    files = files or Files()
    config = configure(options or Options(), files.config)
    if files.uncertainty:
        config = _with_uncertainty(config, files.uncertainty)
    from napari_dip.io.images import read_image, write_image
    from napari_dip.io.results import (
        check_outputs,
        default_output,
        file_identity,
        open_output,
        output_dtype,
        read_source,
        report_path,
        save_json,
    )

    task = make_task()
    output = files.output or default_output(path, task.name)
    if not files.estimate:
        check_outputs(
            [output, *_existing(files.uncertainty)],
            [report_path(output), *_existing(files.save_config)],
            inputs=[path, *_existing(files.reference, files.config, *others)],
            overwrite=files.overwrite,
        )
    in_memory = files.reference is not None or files.uncertainty is not None
    image = picture or read_source(path, output, task, config.axes, keeps_result=in_memory)
    dtype = output_dtype(output, image)
    if files.estimate:
        print_warnings(image)
        return _estimate(image, task, config, as_json=files.as_json)
    reference = None
    if files.reference:
        compared = task.final(task.enlarged(image)) if files.affine else image
        reference = match(read_image(files.reference, config.axes), compared, files.affine)
        print_warnings(reference)
    if files.save_config:
        complete = config.complete(task.preset_for(image), task.dims)
        save_json(files.save_config, complete.model_dump(mode="json"))
    source = file_identity(path)
    place = open_output(output, image, source, overwrite=files.overwrite, dtype=dtype, rescue=True)
    with interruption() as stop_requested, place as (out, write):
        result = restore_image(image, task, config, reference, stop_requested, out=out)
        report = write(result)
    if files.uncertainty and result.uncertainty is not None:
        _, spread = result.uncertainty
        write_image(files.uncertainty, result.image.with_data(spread), overwrite=files.overwrite)
    if trials := result.report.diagnostics.get("trials"):
        best = min(trials, key=lambda trial: trial["heldout_error"])
        print_line(
            f"tuned by {len(trials)} trials: {best['width']:g} times the width of the preset, "
            f"{best['learning_rate']:.2g} times its learning rate"
        )
    elif config.tune:
        print_line("not tuned: too little time, too few held-out pixels, or correlated noise")
    for warning in result.report.warnings:
        print_line(f"warning: {warning}")
    if files.as_json:
        print(json.dumps(report))
    else:
        numbers = f"{report['iterations']} iterations, {report['stop_reason']}"
        print(f"{output}: {numbers}, {report['seconds']:.1f} s{_quality(report)}")
    note_end(result.report)
    return exit_code(result, output)


def _quality(report: Mapping[str, Any]) -> str:
    """Return the PSNR as text; "" without a reference."""
    if "psnr" not in report:
        return ""
    psnr = report["psnr"]
    # JSON has no infinity.
    return ", equal to the reference" if psnr is None else f", psnr {psnr:.2f} dB"


def _estimate(image: Image, task: Task, config: DipConfig, *, as_json: bool) -> int:
    """Print upper bounds of the time and the memory of a run; return the exit code."""
    from napari_dip.core.restoration.forecast import forecast
    from napari_dip.io.results import discard_output
    from napari_dip.render.text import duration

    with interruption() as stop_requested:
        found = forecast(
            image, task, config, out=discard_output(image), stop_requested=stop_requested
        )
    if stop_requested():
        return INTERRUPTED
    if found is None:
        print(json.dumps(None) if as_json else "nothing to fit")
    elif as_json:
        print(json.dumps(asdict(found)))
    else:
        parts = "" if found.blocks == 1 else f" in {found.blocks} parts"
        work = f"the first answer{parts}, without a fit"
        if found.iterations:
            pace = f"{found.seconds_per_iteration:.2g} s"
            work = f"{found.iterations} iterations{parts} of {pace}"
        memory = f"{found.memory / 1e9:.1f} GB of memory"
        print(f"at most {duration(found.seconds)}: {work}; {memory}")
    return 0


def _with_uncertainty(config: DipConfig, path: Path) -> DipConfig:
    """Return a configuration that measures the uncertainty, by sampling if there is one run."""
    from napari_dip.config import UNCERTAINTY_SAMPLES

    if path.suffix.lower() == ".png":
        raise UsageError(
            f"Got --uncertainty {path}; expected a format for real numbers, such as .ome.tif."
        )
    if config.runs > 1 or config.posterior_samples is not None:
        return config
    return config.model_copy(update={"posterior_samples": UNCERTAINTY_SAMPLES})


def _existing(*paths: Path | None) -> list[Path]:
    return [path for path in paths if path]


def restore_image(
    image: Image,
    task: Task,
    config: DipConfig,
    reference: Image | None,
    stop_requested: Callable[[], bool],
    *followers: Follower,
    out: Any = None,
) -> Restoration:
    """Restore an image with a progress display on stderr.

    Parameters
    ----------
    image : Image
        Observation.
    task : Task
        Task.
    config : DipConfig
        Configuration.
    reference : Image or None
        Ground truth, only for the report.
    stop_requested : callable
        Function that returns True once the run should stop.
    *followers : callable
        Functions that get each `Progress`.
    out : array_like, optional
        Array that gets the result block by block.
    """
    from napari_dip.core.restoration import restore as core
    from napari_dip.core.restoration.progress import finish

    with progress_display() as show:

        def follow(progress: Any) -> None:
            for follower in (show, *followers):
                follower(progress)

        run = core.restore(
            image, task, config, reference=reference, out=out, stop_requested=stop_requested
        )
        return finish(run, follow)


def match(reference: Image, image: Image, affine: bool) -> Image:
    """Return the reference, with its intensities matched to those of the image if `affine`."""
    if not affine:
        return reference
    from napari_dip.metrics import affine_match

    return reference.with_data(affine_match(reference.data, image.data))


def exit_code(result: Restoration, output: Path) -> int:
    """Return the exit code of a run, and print where an interrupted run has its result."""
    if result.report.stop_reason != "stop_requested":
        return 0
    print_line(f"interrupted: the best result so far is kept in {output}")
    return INTERRUPTED
