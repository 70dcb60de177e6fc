"""Reselect: report a result whose iteration the user chose instead of the stopping rule."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_dip.core.report.warnings import of_fit, of_tiles
from napari_dip.metrics import residual_whiteness

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dip.core.image.image import Image
    from napari_dip.core.records import Report
    from napari_dip.core.restoration.progress import Restoration
    from napari_dip.core.tasks import Task

# Diagnostics that hold only for the estimate that the rule selected.
_OF_THE_RULE = ("returned_power", "returned_area")


def choose(
    restoration: Restoration, image: Image, task: Task, block: int, iteration: int
) -> Restoration:
    """Return a restoration and a report for an iteration that the user chose.

    Parameters
    ----------
    restoration : Restoration
        Restoration whose image already has the estimate of that iteration at the block.
    image : Image
        Degraded image.
    task : Task
        The inverse problem.
    block : int
        Index of the block.
    iteration : int
        Iteration that the user chose.

    Returns
    -------
    Restoration
        The same image. The report has the user's iteration, the stop reason of the fit, and
        the whiteness of the new residual where the residual is noise alone.
    """
    whiteness = None
    same = restoration.image.shape == image.shape
    if task.noisy and same and len(restoration.report.blocks) == 1:
        whiteness = residual_whiteness(_residual(image, restoration.image))
    report = chosen(restoration.report, task, block, iteration, whiteness)
    return replace(restoration, report=report)


def chosen(
    report: Report, task: Task, block: int, iteration: int, whiteness: float | None = None
) -> Report:
    """Return the report after a user chose an iteration of a block."""
    choice = {"selected_iteration": iteration, "selected_by": "user"}
    records = tuple(
        record.model_copy(update=choice) if record.index == block else record
        for record in report.blocks
    )
    of_report = choice if records and records[0].index == block else {}
    # Diagnostics of the rule's estimate do not hold for the user's.
    diagnostics = {
        name: value
        for name, value in {**report.diagnostics, "residual_whiteness": whiteness}.items()
        if name not in _OF_THE_RULE
    }
    warnings = (
        *of_fit(
            task,
            report.config,
            report.noise_by_channel,
            {**diagnostics, "stopping_agreement": None},
            [record.stop_reason for record in records],
        ),
        *of_tiles(report.tiling),
    )
    return report.model_copy(
        update={
            "blocks": records,
            "diagnostics": diagnostics,
            "warnings": warnings,
            **of_report,
            # They were computed for the rule's estimate.
            "psnr": None,
            "ssim": None,
        }
    )


def _residual(image: Image, restored: Image) -> NDArray[np.float64]:
    """Return observation minus estimate, with the axes Y and X last."""
    residual = np.asarray(image.data, np.float64) - np.asarray(restored.data, np.float64)
    places = [image.axes.index(axis) for axis in "YX"]
    return np.moveaxis(residual, places, (-2, -1))
