"""Another iterate than the stopping rule's, and what is then to be reported."""

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

# Findings about the estimate that the rule chose.
_OF_THE_RULE = ("returned_power", "returned_area")


def choose(
    restoration: Restoration, image: Image, task: Task, block: int, iteration: int
) -> Restoration:
    """Return a restoration whose values at a block are of an iteration that a user chose.

    Parameters
    ----------
    restoration : Restoration
        Its image already holds those values.
    image : Image
        The observation.
    task : Task
        What was done.
    block : int
        Index of the block.
    iteration : int
        Whose estimate it is.

    Returns
    -------
    Restoration
        Reported are the user's iteration, why the fit ended nevertheless, and the
        whiteness of the new residual where it is noise and nothing else.
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
    """Return what is to be reported when a user chose an iteration of a block."""
    choice = {"selected_iteration": iteration, "selected_by": "user"}
    records = tuple(
        record.model_copy(update=choice) if record.index == block else record
        for record in report.blocks
    )
    first = {} if not records or records[0].index != block else choice
    # Nothing that was found out about the rule's choice is said of the user's.
    diagnostics = {**report.diagnostics, "residual_whiteness": whiteness}
    diagnostics = {name: found for name, found in diagnostics.items() if name not in _OF_THE_RULE}
    silent = {**diagnostics, "stopping_agreement": None}
    warnings = (
        *of_fit(
            task,
            report.config,
            report.noise_by_channel,
            silent,
            [record.stop_reason for record in records],
        ),
        *of_tiles(report.tiling),
    )
    figures = dict.fromkeys(("psnr", "ssim"))
    return report.model_copy(
        update={
            "blocks": records,
            "diagnostics": diagnostics,
            "warnings": warnings,
            **first,
            **figures,
        }
    )


def _residual(image: Image, restored: Image) -> NDArray[np.float64]:
    """Return observation minus estimate, planes last."""
    residual = np.asarray(image.data, np.float64) - np.asarray(restored.data, np.float64)
    places = [image.axes.index(axis) for axis in "YX"]
    return np.moveaxis(residual, places, (-2, -1))
