"""Comparison with other methods: in a thread, and as a table."""

# Qt classes have no types for mypy.
from collections.abc import Generator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject

from napari_dip import metrics
from napari_dip.gui.run.background import BackgroundWorker, Control

if TYPE_CHECKING:
    from napari_dip.compare.run import Row
    from napari_dip.gui.job.job import Job

# SSIM and FRC of a larger image [pixels] would block the window; its table has only PSNR.
_MAX_PIXELS = 2**22
_COLUMNS = ("", "PSNR", "SSIM", "FRC", "seconds")


def compare_in_thread(job: "Job", control: Control) -> "Generator[Row, None, None]":
    """Yield the result of each method, until cancelled."""
    from napari_dip.compare.run import check_comparable, compare

    check_comparable(job.task, job.image)
    dims = job.config.complete(job.task.preset, job.task.dims).dims
    for row in compare(job.image, None, job.task, dims or job.task.dims):
        if control.is_cancelled():
            break
        yield row


class CompareWorker(BackgroundWorker):
    """Restores the image of a job in a thread, with every baseline.

    `progressed` carries a `Row` for each baseline.
    """

    def __init__(self, job: "Job", parent: QObject | None = None) -> None:
        super().__init__(["compare", job.task.name], partial(compare_in_thread, job), parent)


def table(
    results: Sequence[tuple[str, NDArray[Any], float | None]],
    truth: NDArray[Any] | None,
    axes: str,
) -> str:
    """Return methods and their measures as an HTML table.

    Parameters
    ----------
    results : sequence of (name, values, seconds)
        Name of the method, its result and its time [seconds], by row.
    truth : (...) array or None
        Reference. With it the table has PSNR [dB], SSIM and FRC [cycles per pixel].
    axes : str
        Axes of the arrays.
    """
    lines = [_COLUMNS if truth is not None else (_COLUMNS[0], _COLUMNS[-1])]
    for name, values, seconds in results:
        time = "" if seconds is None else f"{seconds:.1f}"
        measures = () if truth is None else _measures(values, truth, axes)
        lines.append((name, *measures, time))
    return f"<table width=100% cellspacing=3>{''.join(map(_line, lines))}</table>"


def _line(cells: Sequence[str]) -> str:
    sides = ("left", *["right"] * (len(cells) - 1))
    pairs = zip(cells, sides, strict=True)
    return f"<tr>{''.join(f'<td align={side}>{cell}</td>' for cell, side in pairs)}</tr>"


def _measures(values: NDArray[Any], truth: NDArray[Any], axes: str) -> tuple[str, str, str]:
    large = values.size > _MAX_PIXELS
    similarity = None if large else metrics.ssim(values, truth, axes)
    frequency = None if large else metrics.frc(values, truth, axes)
    return (
        f"{metrics.psnr(values, truth):.2f}",
        "" if similarity is None else f"{similarity:.3f}",
        "" if frequency is None else f"{frequency:.2f}",
    )


def as_array(row: "Row") -> NDArray[Any]:
    """Return the pixels of the result of a method."""
    return np.asarray(row.image.data)
