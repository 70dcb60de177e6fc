"""Report of the result on a layer, as a web page. No Qt."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_dip.core.records import Report
from napari_dip.errors import UsageError
from napari_dip.gui.session.export_code import as_command, as_python
from napari_dip.render.html import save_page

if TYPE_CHECKING:
    from napari_dip.core.image.image import Image
    from napari_dip.gui.job.job import Job
    from napari_dip.gui.results.preview.preview import Preview


def save_report(
    file: Path, preview: Preview, points: NDArray[np.float64], selected_iteration: int
) -> None:
    """Write a report of a finished run, with figures of the plane at the sliders.

    Parameters
    ----------
    file : Path
        HTML file to write.
    preview : Preview
        Preview of the run.
    points : (n, 3) array
        Iteration, loss and held-out error.
    selected_iteration : int
        Iteration that the stopping rule selected.

    Raises
    ------
    UsageError
        The layer was deleted.
    """
    from napari_dip.render.figure import Curve  # matplotlib takes a second

    layer, image = preview.layer, preview.job.image
    if layer is None:
        raise UsageError(
            "Got a result whose layer was deleted; expected a result layer. Press Run again."
        )
    report = Report.model_validate(layer.metadata["napari_dip"])
    # A layer without a file is named by its own name.
    named = report.input.model_copy(update={"path": report.input.path or image.source})
    at = layer.world_to_data(preview.viewer.dims.point)
    restored = image.with_data(layer.data)
    observation = None
    if not np.iscomplexobj(image.data):
        # An enlarged stack has planes between those of the image: show the nearest one.
        ratio = np.divide(image.shape, restored.shape)[: len(at)]
        observation = _plane(image, (np.asarray(at) + 0.5) * ratio - 0.5)
    iterations, losses, errors = points.T.tolist()
    curve = Curve(
        [int(iteration) for iteration in iterations],
        losses,
        errors,
        [float("nan")] * len(losses),
        selected_iteration,
    )
    save_page(
        file,
        report.model_copy(update={"input": named}),
        observation,
        _plane(restored, at),
        curve if losses else None,
        _reproductions(preview.job),
    )


def _plane(image: Image, at: Iterable[float]) -> NDArray[Any]:
    """Return (Y, X), or (Y, X, S) of RGB, at an index of the other axes."""
    return image.plane(
        {
            axis: int(np.clip(round(float(index)), 0, size - 1))
            for axis, index, size in zip(image.axes, at, image.shape, strict=False)
            if axis not in "YXS"
        }
    )


def _reproductions(job: Job) -> dict[str, str]:
    try:
        command = as_command(job)
    except UsageError as error:
        command = f"# {error}"
    return {"On the command line": command, "In Python": as_python(job)}
