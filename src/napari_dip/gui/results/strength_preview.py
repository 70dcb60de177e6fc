"""Preview of the strength: the first answer in the middle of the view, while a slider moves."""

# Qt classes have no types for mypy, hence the ignored subclassing below.
import time
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QObject, Signal

from napari_dip.errors import NapariDipError
from napari_dip.gui.job.first_answer import first_answer
from napari_dip.gui.job.layer_image import as_shown
from napari_dip.gui.run.background import BackgroundWorker
from napari_dip.gui.run.worker import run_in_thread

if TYPE_CHECKING:
    import napari
    from napari.layers import Image as ImageLayer

    from napari_dip.core.restoration.progress import Restoration
    from napari_dip.gui.form.form import Form
    from napari_dip.gui.job.job import Job

# Side of the part that is previewed [pixels]: the larger one if the last answer came in time for
# four times the pixels to come within half a second.
_SIDE, _LARGE_SIDE, _IN_TIME = 256, 512, 0.12


class StrengthPreview(QObject):  # type: ignore[misc]
    """A layer with the first answer for the settings of a form, computed in a thread.

    While one answer is computed, only the newest of all further requests waits.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        Viewer that shows the layer.
    form : Form
        Form with the settings.

    Attributes
    ----------
    changed : Signal()
        The layer has been added or removed.
    failed : Signal(str)
        Message of an error.
    """

    changed = Signal()
    failed = Signal(str)

    def __init__(self, viewer: "napari.viewer.Viewer", form: "Form") -> None:
        super().__init__(form)
        self._viewer, self._form = viewer, form
        self._worker: BackgroundWorker | None = None
        self._job: Job | None = None
        self._layer: ImageLayer | None = None
        self._outdated = False
        self._side, self._start = _SIDE, 0.0
        form.changed.connect(self._follow)
        form.strength.settled.connect(self._settle)

    @property
    def is_shown(self) -> bool:
        """Whether the viewer has the layer, or will have it soon."""
        return self._worker is not None or self._layer in self._viewer.layers

    def show(self) -> None:
        """Show the first answer for the settings of the form as soon as it is computed."""
        if self._worker is not None:
            self._outdated = True
            return
        if self._viewer.dims.ndisplay != 2 or self._form.layer is None:
            return
        try:
            job = first_answer(self._form.choices_in("view"), self._form.layer, self._side)
        except NapariDipError as error:
            self.failed.emit(str(error))
            return
        self._job, self._outdated, self._start = job, False, time.monotonic()
        steps = partial(run_in_thread, job.image, job.task, job.config)
        self._worker = BackgroundWorker((), steps, self)
        self._worker.returned.connect(self._draw)
        self._worker.failed.connect(self._fail)
        self.changed.emit()

    def clear(self) -> None:
        """Remove the layer, and drop what is computed."""
        if not self.is_shown:
            return
        self._release()
        self._outdated = False
        self._remove()
        self.changed.emit()

    def _draw(self, restoration: "Restoration") -> None:
        assert self._job is not None
        self._release()
        fast = time.monotonic() - self._start < _IN_TIME * (self._side / _SIDE) ** 2
        self._side = _LARGE_SIDE if fast else _SIDE
        values = as_shown(restoration.image.data, self._job.image)
        layer, layers, place = self._layer, self._viewer.layers, dict(self._job.kwargs)
        # napari takes a tenth of a second to add a layer and a quarter to remove one, so a layer
        # is kept for a part of another size or place.
        if layer is not None and layer in layers and layer.data.ndim == values.ndim:
            layer.data = values
            if not np.array_equal(layer.translate, place["translate"]):
                layer.translate = place["translate"]
        else:
            self._remove()
            self._layer = self._viewer.add_image(values, **place)
            if self._job.layer in layers:  # the form follows the selection
                layers.selection.active = self._job.layer
        self.changed.emit()
        if self._outdated:
            self.show()

    def _fail(self, error: Exception) -> None:
        self.clear()
        self.failed.emit(str(error))

    def _follow(self) -> None:
        """Remove the layer when the form has another image, or no learned start."""
        same = self._job is not None and self._form.layer is self._job.layer
        if not same or self._form.strength.isHidden():
            self.clear()

    def _settle(self) -> None:
        if self._form.strength.is_default:
            self.clear()

    def _remove(self) -> None:
        layer, self._layer = self._layer, None
        if layer in self._viewer.layers:
            self._viewer.layers.remove(layer)

    def _release(self) -> None:
        if self._worker is not None:
            self._worker.abandon()
            self._worker = None
