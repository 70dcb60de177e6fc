"""The command line: one command per task over the one configuration.

torch, tifffile and matplotlib are imported inside the commands, so that
`napari-dip --help` answers at once.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from napari_dip import __version__
from napari_dip.config import DipConfig
from napari_dip.console import (
    INTERRUPTED,
    interruption,
    judge,
    print_result,
    progress_display,
    say,
)
from napari_dip.errors import UsageError
from napari_dip.options import (
    Files,
    Flag,
    JsonFlag,
    Options,
    configure,
)

if TYPE_CHECKING:
    from napari_dip.console import Follower
    from napari_dip.core.image import Image
    from napari_dip.core.progress import Restoration
    from napari_dip.tasks import Task

# Small enough for two CPU cores: the whole demo ends in under two minutes.
DEMO = DipConfig(preset="balanced", time_limit=75)
_DEMO_FOLDER = Path("napari-dip-demo")

app = App(
    name="napari-dip",
    version=__version__,
    help="Restore one degraded image without training data (Deep Image Prior).",
    suppress_keyboard_interrupt=False,
    help_epilogue="--traceback after any command shows where an error came from.",
)


@app.command
def denoise(image: Path, /, *, options: Options | None = None, files: Files | None = None) -> int:
    """Remove noise from an image.

    Parameters
    ----------
    image
        Image file: TIFF, OME-TIFF, PNG or .npy.
    options
        The configuration.
    files
        What is read and written beside the image.
    """

    def task() -> Task:
        from napari_dip.tasks import Denoise

        return Denoise()

    return _restore_file(image, "denoise", task, options or Options(), files or Files())


@app.command
def evaluate(
    restored: Path,
    reference: Path,
    /,
    *,
    axes: str | None = None,
    affine: Flag = False,
    as_json: JsonFlag = False,
) -> None:
    """Compare a restored image with its reference: psnr, ssim, nrmse, frc.

    Parameters
    ----------
    restored
        Image file to judge.
    reference
        Image file of the truth, of the same shape.
    axes
        Axes of both arrays, such as TZCYX (default: from the file).
    affine
        The reference was scaled separately: match its intensities first.
    as_json
        Print one JSON object.
    """
    import numpy as np

    from napari_dip import io, metrics

    ours, truth = io.read_image(restored, axes=axes), io.read_image(reference, axes=axes)
    pair = np.asarray(ours.data), np.asarray(_match(truth, ours, affine).data)
    numbers = {
        "psnr": metrics.psnr(*pair),
        "ssim": metrics.ssim(*pair, ours.axes),
        "nrmse": metrics.nrmse(*pair),
        "frc": metrics.frc(*pair, ours.axes),
    }
    print_result(numbers, as_json)


@app.command
def info(*, as_json: JsonFlag = False) -> None:
    """Show versions, devices, memory, and what is missing and how to get it.

    Parameters
    ----------
    as_json
        Print one JSON object.
    """
    from napari_dip.info import describe_machine

    print_result(describe_machine(), as_json)


@app.command
def demo(
    *, output: Annotated[Path | None, Parameter(alias="-o")] = None, overwrite: Flag = False
) -> int:
    """Restore a sample from start to end and write figure and numbers; needs no network.

    Parameters
    ----------
    output
        Folder to write into (default: napari-dip-demo, which is written anew each time).
    overwrite
        Replace files that exist in that folder.
    """
    import numpy as np

    from napari_dip import io, metrics, outputs, samples
    from napari_dip.figure import Curve, save_figure
    from napari_dip.tasks import Denoise

    folder = output or _DEMO_FOLDER
    overwrite = overwrite or output is None
    noisy, restored, figure = (
        folder / name for name in ("noisy.tif", "restored.ome.tif", "figure.png")
    )
    folder.mkdir(parents=True, exist_ok=True)
    others = [outputs.report_path(restored), figure]
    outputs.check_outputs([noisy, restored], others, overwrite=overwrite)
    sample, curve = samples.cell(), Curve()
    io.write_image(noisy, sample.image, overwrite=overwrite, dtype=sample.image.dtype)
    result = _restore(sample.image, Denoise(), DEMO, sample.reference, curve.add)
    before, truth = np.asarray(sample.image.data), np.asarray(sample.reference.data)
    numbers = {"psnr_observation": metrics.psnr(before, truth), "output": str(restored)}
    report = outputs.write_result(restored, result, noisy, overwrite=overwrite, numbers=numbers)
    save_figure(figure, before, result.image.data, curve)
    print(json.dumps(report))
    return _exit_code(result, restored)


def _restore_file(
    path: Path, name: str, make_task: Callable[[], Task], options: Options, files: Files
) -> int:
    """Read, restore and write; everything that can be refused is refused before the work."""
    config = configure(options, files.config)
    if files.uncertainty and (config.runs < 2 or files.uncertainty.suffix.lower() == ".png"):
        raise UsageError(
            f"Got --uncertainty {files.uncertainty} with --runs {config.runs}; expected two runs "
            "or more, whose spread it is, and a file for fractions, such as .ome.tif."
        )
    from napari_dip import io, outputs

    output = files.output or outputs.default_output(path, name)
    outputs.check_outputs(
        [output, *_given(files.uncertainty)],
        [outputs.report_path(output), *_given(files.save_config)],
        inputs=[path, *_given(files.reference, files.config)],
        overwrite=files.overwrite,
    )
    image = io.read_image(path, axes=config.axes)
    dtype = outputs.output_dtype(output, image)
    reference = None
    if files.reference:
        reference = _match(io.read_image(files.reference, config.axes), image, files.affine)
    if files.save_config:
        outputs.save_json(files.save_config, config.complete().model_dump(mode="json"))
    result = _restore(image, make_task(), config, reference)
    report = outputs.write_result(output, result, path, overwrite=files.overwrite, dtype=dtype)
    if files.uncertainty and result.run_std is not None:
        spread = image.with_data(result.run_std)
        io.write_image(files.uncertainty, spread, overwrite=files.overwrite)
    if files.as_json:
        print(json.dumps(report))
    else:
        numbers = f"{report['iterations']} iterations, {report['stop_reason']}"
        decibels = f", psnr {report['psnr']:.2f} dB" if "psnr" in report else ""
        print(f"{output}: {numbers}, {report['seconds']:.1f} s{decibels}")
    return _exit_code(result, output)


def _given(*paths: Path | None) -> list[Path]:
    return [path for path in paths if path]


def _restore(
    image: Image, task: Task, config: DipConfig, reference: Image | None, *followers: Follower
) -> Restoration:
    from napari_dip.api import finish
    from napari_dip.core import restore as core

    with interruption() as asked, progress_display() as show:

        def follow(progress: Any) -> None:
            for follower in (show, *followers):
                follower(progress)

        run = core.restore(image, task, config, reference=reference, stop_requested=asked)
        return finish(run, follow)


def _match(reference: Image, image: Image, affine: bool) -> Image:
    if not affine:
        return reference
    from napari_dip.metrics import affine_match

    return reference.with_data(affine_match(reference.data, image.data))


def _exit_code(result: Restoration, output: Path) -> int:
    if result.report.stop_reason != "stop_requested":
        return 0
    say(f"interrupted: the best result so far is kept in {output}")
    return INTERRUPTED


def main(tokens: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    tokens : sequence of str, optional
        Arguments; those of the process by default.
    """
    words = list(sys.argv[1:] if tokens is None else tokens)
    verbose = "--traceback" in words
    words = [word for word in words if word != "--traceback"]
    try:
        code = app(words, exit_on_error=False, print_error=False, result_action="return_value")
    except (Exception, KeyboardInterrupt) as error:
        if verbose:
            traceback.print_exc()
        sentence, code = judge(error)
        say(f"error: {sentence}")
    return code or 0
