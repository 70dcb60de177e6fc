"""The command line `napari-dip` and its commands evaluate and info.

Commands import torch, tifffile and matplotlib themselves, so that `napari-dip --help` is
fast.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from cyclopts import App

from napari_dip import __version__
from napari_dip.cli.batch_command import batch
from napari_dip.cli.compare_command import compare
from napari_dip.cli.demo_command import demo
from napari_dip.cli.options import Flag, JsonFlag
from napari_dip.cli.psf_command import measure_psf
from napari_dip.cli.restore_commands import TASK_COMMANDS
from napari_dip.cli.restore_file import match
from napari_dip.cli.terminal import explain_error, print_line, print_result, print_warnings
from napari_dip.errors import UNEXPECTED
from napari_dip.logs import log_of_run, note, note_error

app = App(
    name="napari-dip",
    version=__version__,
    help="Restore one degraded image without training data (Deep Image Prior).",
    suppress_keyboard_interrupt=False,
    help_epilogue="--traceback after any command shows the Python traceback of an error.",
)

for _name, _command in TASK_COMMANDS.items():
    app.command(_command, name=_name)
app.command(batch)
app.command(compare)
app.command(demo)
app.command(measure_psf)


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
        Image file of the restored image.
    reference
        Image file of the ground truth, with the same shape.
    axes
        Axes of both arrays, such as TZCYX (default: from the file).
    affine
        Match the intensities of the reference to those of the image before comparing.
    as_json
        Print one JSON object.
    """
    import numpy as np

    from napari_dip import metrics
    from napari_dip.io.images import read_image

    image, truth = read_image(restored, axes=axes), read_image(reference, axes=axes)
    print_warnings(image, truth)
    pair = np.asarray(image.data), np.asarray(match(truth, image, affine).data)
    numbers = {
        "psnr": metrics.psnr(*pair),
        "ssim": metrics.ssim(*pair, image.axes),
        "nrmse": metrics.nrmse(*pair),
        "frc": metrics.frc(*pair, image.axes),
    }
    print_result(numbers, as_json)


@app.command
def info(*, as_json: JsonFlag = False) -> None:
    """Show versions, devices, memory, missing libraries, known problems and the log folder.

    Parameters
    ----------
    as_json
        Print one JSON object.
    """
    from napari_dip.diagnostics import describe_machine

    print_result(describe_machine(), as_json)


def main(tokens: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    tokens : sequence of str, optional
        Arguments; by default those of the process.

    Returns
    -------
    int
        Exit code.
    """
    words = list(sys.argv[1:] if tokens is None else tokens)
    verbose = "--traceback" in words
    words = [word for word in words if word != "--traceback"]
    with log_of_run(words) if _is_logged(words) else nullcontext() as log:
        try:
            code = app(words, exit_on_error=False, print_error=False, result_action="return_value")
        except (Exception, KeyboardInterrupt) as error:
            if verbose:
                traceback.print_exc()
            note_error(error)
            sentence, code = explain_error(error)
            expected = code != UNEXPECTED
            details = "" if expected or log is None else f" The log has details: {log}."
            # Messages of other libraries may quote private data, which no log may hold.
            print_line(f"error: {sentence}{details}", logged=expected)
        note(f"exit code {code or 0}")
    return code or 0


def _is_logged(words: Sequence[str]) -> bool:
    """Return whether a command line starts a run, which gets a log."""
    answered_at_once = {"--help", "-h", "--version", "--install-completion"}
    return (
        bool(words) and words[0] not in {"info", "evaluate"} and not answered_at_once & set(words)
    )
