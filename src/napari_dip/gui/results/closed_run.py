"""The end of a run whose dock was closed: the best result so far stays as a layer."""

# Qt classes have no types for mypy, hence the ignored subclassing below.
from typing import TYPE_CHECKING

from napari.utils.notifications import show_info
from qtpy.QtCore import QObject
from qtpy.QtWidgets import QApplication

from napari_dip.gui.widgets.notify import notify

if TYPE_CHECKING:
    from napari_dip.core.restoration.progress import Restoration
    from napari_dip.gui.results.preview.preview import Preview
    from napari_dip.gui.run.worker import RunWorker


class ClosedRun(QObject):  # type: ignore[misc]
    """Stops a run and waits for its result, in place of the dock.

    Parameters
    ----------
    run : RunWorker
        Run to stop.
    preview : Preview
        Layer of the run.
    """

    def __init__(self, run: "RunWorker", preview: "Preview") -> None:
        super().__init__(QApplication.instance())  # the dock is deleted before the run ends
        self._preview = preview
        for owned in (run, preview):
            owned.setParent(self)
        for signal in (run.progressed, run.returned, run.failed):
            signal.disconnect()  # from the dock
        run.returned.connect(self._keep)
        run.failed.connect(self._fail)
        run.control.stop()
        show_info("The dock was closed. The run ends; its best result so far stays as a layer.")

    def _keep(self, restoration: "Restoration | None") -> None:
        if restoration is None:
            self._discard()
        else:
            self._preview.finish(restoration)
        self.deleteLater()

    def _fail(self, error: Exception) -> None:
        self._discard()
        notify(error)
        self.deleteLater()

    def _discard(self) -> None:
        if not self._preview.restore_earlier():
            self._preview.discard()
