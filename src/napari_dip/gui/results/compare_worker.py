"""What other methods make of the same image: in a thread, and as a table."""

# Qt classes have no types for mypy.
from collections.abc import Generator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject

from napari_dip import metrics
from napari_dip.gui.run.worker import Background, Control

if TYPE_CHECKING:
    from napari_dip.compare.run import Row
    from napari_dip.gui.job.job import Job

# More pixels than this would hold up the window for SSIM and FRC: there PSNR has to do.
_MANY = 2**22
_COLUMNS = ("", "PSNR", "SSIM", "FRC", "seconds")


def compare_in_thread(job: "Job", control: Control) -> "Generator[Row, None, None]":
    """Yield what each method makes of an image, until cancelled."""
    from napari_dip.compare.run import check_comparable, compare

    check_comparable(job.task, job.image)
    dims = job.config.complete(job.task.preset, job.task.dims).dims
    for row in compare(job.image, None, job.task, dims or job.task.dims):
        if control.is_cancelled():
            break
        yield row


class Comparison(Background):
    """Restores the image of a job with every baseline in a thread.

    `progressed` carries a `Row` for each of them.
    """

    def __init__(self, job: "Job", parent: QObject | None = None) -> None:
        super().__init__(["compare", job.task.name], partial(compare_in_thread, job), parent)


def table(
    results: Sequence[tuple[str, NDArray[Any], float | None]],
    truth: NDArray[Any] | None,
    axes: str,
) -> str:
    """Return methods and their figures as a table that a label shows.

    Parameters
    ----------
    results : sequence of (name, values, seconds)
        In the order of the lines.
    truth : (...) array or None
        PSNR [dB], SSIM and FRC [cycles per pixel] are told only with a truth.
    axes : str
        Of the arrays.
    """
    lines = [_COLUMNS if truth is not None else (_COLUMNS[0], _COLUMNS[-1])]
    for name, values, seconds in results:
        took = "" if seconds is None else f"{seconds:.1f}"
        figures = () if truth is None else _figures(values, truth, axes)
        lines.append((name, *figures, took))
    return f"<table width=100% cellspacing=3>{''.join(map(_line, lines))}</table>"


def _line(cells: Sequence[str]) -> str:
    sides = ("left", *["right"] * (len(cells) - 1))
    pairs = zip(cells, sides, strict=True)
    return f"<tr>{''.join(f'<td align={side}>{cell}</td>' for cell, side in pairs)}</tr>"


def _figures(values: NDArray[Any], truth: NDArray[Any], axes: str) -> tuple[str, str, str]:
    many = values.size > _MANY
    similarity = None if many else metrics.ssim(values, truth, axes)
    frequency = None if many else metrics.frc(values, truth, axes)
    return (
        f"{metrics.psnr(values, truth):.2f}",
        "" if similarity is None else f"{similarity:.3f}",
        "" if frequency is None else f"{frequency:.2f}",
    )


def as_array(row: "Row") -> NDArray[Any]:
    """Return the pixels of a row."""
    return np.asarray(row.image.data)
