"""Comparison with other methods: in a thread, as layers and as a table."""

# Qt classes have no types for mypy.
from collections.abc import Generator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject

from napari_dip import metrics
from napari_dip.gui.job.layer_image import as_shown
from napari_dip.gui.results.inspection.residual import in_units_of_noise
from napari_dip.gui.run.background import BackgroundWorker, Control

if TYPE_CHECKING:
    from napari_dip.compare.run import Row
    from napari_dip.core.records import Report
    from napari_dip.gui.job.job import Job
    from napari_dip.gui.results.preview.preview import Preview

# Other measures than PSNR of a larger image [pixels] would block the window.
_MAX_PIXELS = 2**22
_WITH_TRUTH = ("PSNR", "SSIM", "FRC")
_WITHOUT_TRUTH = ("residual", "whiteness")
# Names that fit the list of layers and the table.
_SHORT = {
    "total variation": "TV",
    "non-local means": "NLM",
    "BM3D stabilised": "BM3D-VST",
    "sparse coding": "sparse",
    "Richardson-Lucy": "RL",
    "RL total variation": "RL-TV",
    "RL gradient consensus": "RLGC",
}
# Longest name of a source in the name of a layer [characters]; napari cuts longer ones.
_SOURCE_NAME = 14


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


def short_name(method: str) -> str:
    """Return the name of a method in few characters.

    Examples
    --------
    >>> short_name("total variation"), short_name("BM3D")
    ('TV', 'BM3D')
    """
    return _SHORT.get(method, method)


def add_layer(preview: "Preview", row: "Row") -> None:
    """Add the result of a method as a hidden layer, with the contrast of the result."""
    result, viewer = preview.layer, preview.viewer
    source = preview.job.layer.name
    if len(source) > _SOURCE_NAME:
        source = f"{source[: _SOURCE_NAME - 1]}\N{HORIZONTAL ELLIPSIS}"
    kwargs: dict[str, Any] = {
        **preview.job.kwargs,
        "name": f"{short_name(row.name)} ({source})",
    }
    if result is not None and not result.rgb:
        kwargs["contrast_limits"] = result.contrast_limits
    values = as_shown(as_array(row), preview.job.image)
    # napari draws the thumbnail of a visible layer only.
    layer = viewer.add_image(values, **{**kwargs, "visible": True})
    layer.visible = False
    viewer.layers.selection.active = result


def table(
    job: "Job",
    report: "Report",
    results: Sequence[tuple[str, NDArray[Any], float | None]],
    truth: NDArray[Any] | None,
) -> str:
    """Return methods and their measures as an HTML table.

    Parameters
    ----------
    job, report : Job, Report
        Inputs of the run and its report.
    results : sequence of (name, values, seconds)
        Name of the method, its result and its time [seconds], by row.
    truth : (...) array or None
        Reference. With it the table has PSNR [dB], SSIM and FRC [cycles per pixel]; without
        it the standard deviation of the residual in units of the noise, and its whiteness.
    """
    columns = _WITHOUT_TRUTH if truth is None else _WITH_TRUTH
    lines = [("", *columns, "s")]
    for name, values, seconds in results:
        measures = (
            residual_measures(job, report, values)
            if truth is None
            else _measures(values, truth, job.image.axes)
        )
        lines.append((name, *measures, "" if seconds is None else f"{seconds:.1f}"))
    return f"<table width=100% cellspacing=3>{''.join(map(_line, lines))}</table>"


def residual_measures(job: "Job", report: "Report", values: NDArray[Any]) -> tuple[str, str]:
    """Return standard deviation [noise] and whiteness of a residual; empty if it is not noise."""
    residual = None if values.size > _MAX_PIXELS else in_units_of_noise(job, report, values)
    if residual is None:
        return "", ""
    planar = job.image.axes.replace("S", "")
    places = [planar.index(axis) for axis in "YX"]
    whiteness = metrics.residual_whiteness(np.moveaxis(residual, places, (-2, -1)))
    return f"{residual.std():.2f}", "" if whiteness is None else f"{whiteness:.2f}"


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
