"""What comes of a run: its curve and words, its past, and a closer look."""

# Qt classes have no types for mypy, hence the ignored subclassing below.
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_dip.config import DEFAULT_SUFFIX
from napari_dip.errors import NapariDipError
from napari_dip.gui.napari_writer import SAVED_AS, save_layer
from napari_dip.gui.results.inspector import Closer
from napari_dip.gui.results.iteration_slider import Scrubber
from napari_dip.gui.results.progress_plot import Monitor
from napari_dip.gui.results.save_report import save_report
from napari_dip.gui.widgets.collapsible import column
from napari_dip.gui.widgets.notify import tell
from napari_dip.render.text import summary

if TYPE_CHECKING:
    from napari_dip.core.restoration.progress import Progress
    from napari_dip.gui.results.preview import Preview


class Outcome(QWidget):  # type: ignore[misc]
    """The lower part of the dock, while a run goes on and after it.

    Attributes
    ----------
    kept : Signal(Iterate)
        What the user chose.
    grown : Signal()
        There is more to be seen at its end.
    """

    kept = Signal(object)
    grown = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.monitor = Monitor()
        self._scrubber = Scrubber(self.monitor)
        self._closer = Closer()
        self._scrubber.kept.connect(self.kept)
        self._closer.failed.connect(tell)
        self._closer.grown.connect(self.grown)
        self._closer.result_wanted.connect(self._save_result)
        self._closer.report_wanted.connect(self._save_report)
        column(self, self.monitor, self._scrubber, self._closer)

    def follow(self) -> None:
        """Follow the viewer's layers: the result may be gone."""
        self._scrubber.follow()
        self._closer.follow()

    def go_on(self) -> None:
        """Show the run again, and no iterate of it."""
        self._scrubber.close_history()

    def show_progress(self, preview: "Preview", progress: "Progress", words: str) -> None:
        """Take a progress, and show it when it is time; words stand in place of its own."""
        self.monitor.add(progress)
        pace = preview.pace
        if preview.draw(progress) and pace.due:
            pace.start()
            self.monitor.draw()
            if words:
                self.monitor.say(words)
            preview.refresh(progress)
            pace.stop()

    def look_back(self, preview: "Preview") -> None:
        """Offer the iterates of a run that is halted."""
        self._scrubber.open(preview)

    def finish(self, preview: "Preview") -> None:
        """Say what a run came to, and offer what can be looked at."""
        assert preview.report is not None
        for record in preview.report.blocks:
            self.monitor.select(record.index, record.selected_iteration)
        self.monitor.finish()
        self._scrubber.open(preview)
        self._closer.open(preview)
        self.tell(preview)

    def tell(self, preview: "Preview") -> None:
        """Say what the result is now."""
        assert preview.report is not None
        self.monitor.say(summary(preview.report))
        self._closer.measure()

    def forget(self) -> None:
        """Let go of a run."""
        self._scrubber.close_history()
        self._closer.forget()

    def _save_result(self, preview: "Preview") -> None:
        layer = preview.layer
        filters = f"Images with axes, scale and units (*{' *'.join(SAVED_AS)})"
        self._save(preview, DEFAULT_SUFFIX, filters, lambda file: save_layer(file, layer))

    def _save_report(self, preview: "Preview") -> None:
        curve = self.monitor.curve()
        page = "Web page (*.html)"
        self._save(preview, ".html", page, lambda file: save_report(Path(file), preview, *curve))

    def _save(
        self, preview: "Preview", suffix: str, filters: str, write: Callable[[str], object]
    ) -> None:
        """Ask for a name, at first that of the layer, and write under it."""
        name = re.sub(r"[^\w .-]", "_", str(preview.layer)) + suffix
        file, _ = QFileDialog.getSaveFileName(self, "Save", name, filters)
        if not file:
            return
        try:
            write(file)
        except (NapariDipError, OSError) as error:
            tell(error)
        else:
            self.monitor.say(f"Saved as {Path(file).name}.")
