"""Residual of a result: image minus result, and its layer. No Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_dip.core.noise.deviations import deviations
from napari_dip.core.tasks import Deconvolve
from napari_dip.gui.job.layer_image import result_kwargs

if TYPE_CHECKING:
    from napari_dip.core.records import Report
    from napari_dip.gui.job.job import Job
    from napari_dip.gui.results.preview.preview import Preview

# Contrast limit of a residual in units of the noise: 1 of 16,000 pixels of noise is beyond it.
_DEVIATIONS = 4.0
# Percentile of the contrast limit of a residual in image units.
_PERCENTILE = 99.5
# Largest result [pixels] whose residual follows the iteration slider.
_MAX_LIVE = 2**22


def has_residual(job: Job, restored: NDArray[Any]) -> bool:
    """Return whether a result can be subtracted from the image."""
    return restored.shape == job.image.shape and not np.iscomplexobj(job.image.data)


def in_units_of_noise(job: Job, report: Report, restored: NDArray[Any]) -> NDArray[Any] | None:
    """Return the residual divided by the expected noise; None if it is not noise alone."""
    # A deconvolution also removes blur.
    if not job.task.noisy or isinstance(job.task, Deconvolve) or not has_residual(job, restored):
        return None
    observed = np.asarray(job.image.data)
    return deviations(observed, restored, job.image.axes, report.noise_by_channel)


class Residual:
    """The layer with the residual of the result of a preview.

    Parameters
    ----------
    preview : Preview
        Preview of a finished run.
    """

    def __init__(self, preview: Preview) -> None:
        self._preview = preview
        result = preview.layer
        assert result is not None
        values, limit = self._values(result.data)
        kwargs = result_kwargs(result, "residual")
        if not (result.rgb and values.ndim > result.ndim):
            limits = {"contrast_limits": (-limit, limit)}
            kwargs |= {"rgb": False, "colormap": "gray", "gamma": 1.0, **limits}
        self.layer = preview.viewer.add_image(values, **kwargs)

    @property
    def is_shown(self) -> bool:
        """Whether the viewer has the layer."""
        return self.layer in self._preview.viewer.layers

    def update(self, *, live: bool = False) -> None:
        """Compute the residual of the values on the screen; `live` only of a small result."""
        result = self._preview.layer
        if result is not None and self.is_shown and not (live and result.data.size > _MAX_LIVE):
            self.layer.data = self._values(result.data)[0]

    def remove(self) -> None:
        """Remove the layer, if the viewer has it."""
        if self.is_shown:
            self._preview.viewer.layers.remove(self.layer)

    def _values(self, restored: NDArray[Any]) -> tuple[NDArray[Any], float]:
        """Return the residual and its contrast limit."""
        job, report = self._preview.job, self._preview.report
        assert report is not None
        values = in_units_of_noise(job, report, restored)
        if values is not None:
            return values, _DEVIATIONS
        values = np.asarray(job.image.data).astype(np.float32) - restored
        finite = np.abs(values[np.isfinite(values)])
        return values, (float(np.percentile(finite, _PERCENTILE)) if finite.size else 0.0) or 1.0
