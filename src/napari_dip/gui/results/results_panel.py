"""Results of a run: plot, text, iteration slider and inspector."""

# Qt classes have no types for mypy, hence the ignored subclassing below.
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_dip.config import DEFAULT_SUFFIX
from napari_dip.errors import NapariDipError
from napari_dip.gui.form.fixes import commands_in
from napari_dip.gui.napari_writer import SAVED_AS, save_layer
from napari_dip.gui.results.inspection.inspector import Inspector
from napari_dip.gui.results.iteration_slider import IterationSlider
from napari_dip.gui.results.progress_plot import ProgressPlot
from napari_dip.gui.results.save_report import save_report
from napari_dip.gui.widgets.cards import Advice, Cards
from napari_dip.gui.widgets.collapsible import column
from napari_dip.gui.widgets.notify import notify
from napari_dip.render.text import outcome

if TYPE_CHECKING:
    from napari_dip.core.restoration.progress import Progress
    from napari_dip.gui.results.preview.preview import Preview


class ResultsPanel(QWidget):  # type: ignore[misc]
    """Lower part of the dock, during and after a run.

    Attributes
    ----------
    kept : Signal(Iterate)
        The user has chosen this iterate as the result.
    grown : Signal()
        The panel has become taller.
    """

    kept = Signal(object)
    grown = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._result: Preview | None = None
        self._outcome, self._warnings = "", list[Advice]()
        self.plot = ProgressPlot()
        self._cards = Cards("warnings")
        self._iteration_slider = IterationSlider(self.plot)
        self._inspector = Inspector()
        self._iteration_slider.kept.connect(self.kept)
        self._inspector.failed.connect(notify)
        self._inspector.grown.connect(self.grown)
        self._iteration_slider.shown.connect(self._inspector.follow_iterate)
        self._inspector.report_wanted.connect(self._save_report)
        self.plot.insert_below_text(self._cards)
        column(self, self.plot, self._iteration_slider, self._inspector)

    @property
    def has_result(self) -> bool:
        """Whether a result can be saved: a run has ended and the viewer has its layer."""
        result = self._result
        return result is not None and result.report is not None and result.layer is not None

    def follow(self, *, idle: bool) -> None:
        """Follow the layers of the viewer: the result may have been deleted.

        Parameters
        ----------
        idle : bool
            Whether no run is active; messages about an earlier image then go.
        """
        self._iteration_slider.follow()
        self._inspector.follow()
        if not idle:
            return
        if self.has_result:
            self.plot.show_text(self._outcome)
        else:
            self._outcome, self._warnings = "", []
            self.plot.clear()
        self._cards.show_advice(*self._warnings)

    def show_text(self, text: str) -> None:
        """Show a message below the outcome of the last run, until the layers change."""
        self.plot.show_text("\n".join(filter(None, [self._outcome, text])))

    def refuse(self, advice: Advice) -> None:
        """Show an error above the warnings of the last run, until the layers change."""
        self.plot.show_text(self._outcome)
        self._cards.show_advice(advice, *self._warnings)
        self.grown.emit()

    def show_run(self) -> None:
        """Show the run, and hide its history and earlier messages."""
        self._cards.show_advice()
        self._iteration_slider.close_history()

    def show_progress(self, preview: "Preview", progress: "Progress", text: str) -> None:
        """Add a progress, and show it when a refresh is due; `text` replaces its description."""
        self.plot.add(progress)
        rate = preview.refresh_rate
        if preview.draw(progress) and rate.due:
            rate.start()
            self.plot.draw()
            if text:
                self.plot.show_text(text)
            preview.refresh(progress)
            rate.stop()

    def show_history(self, preview: "Preview") -> None:
        """Show the slider over the iterates of a paused run."""
        self._iteration_slider.open(preview)

    def finish(self, preview: "Preview") -> None:
        """Show the summary of a run, its history and the inspector."""
        assert preview.report is not None
        self._result = preview
        for record in preview.report.blocks:
            self.plot.select(record.index, record.selected_iteration)
        self.plot.finish()
        self._iteration_slider.open(preview)
        self._inspector.open(preview)
        self._show_outcome(preview)

    def show_summary(self, preview: "Preview") -> None:
        """Show the summary of another iterate, which has become the result."""
        self._show_outcome(preview)
        self._inspector.measure()

    def _show_outcome(self, preview: "Preview") -> None:
        assert preview.report is not None
        self._outcome = f"{preview.layer}: {outcome(preview.report)}"
        self._warnings = [
            Advice(f"Warning: {text}", commands_in(text)) for text in preview.report.warnings
        ]
        self.plot.show_text(self._outcome)
        self._cards.show_advice(*self._warnings)

    def forget(self) -> None:
        """Release a run."""
        self._result, self._outcome, self._warnings = None, "", []
        self._cards.show_advice()
        self._iteration_slider.close_history()
        self._inspector.forget()

    def save(self) -> None:
        """Ask for a file and write the result, with axes, scale, units and report."""
        assert self._result is not None
        preview, layer = self._result, self._result.layer
        filters = f"Images with axes, scale and units (*{' *'.join(SAVED_AS)})"
        self._save(preview, DEFAULT_SUFFIX, filters, lambda file: save_layer(file, layer))

    def _save_report(self, preview: "Preview") -> None:
        curve = self.plot.curve()
        page = "Web page (*.html)"
        self._save(preview, ".html", page, lambda file: save_report(Path(file), preview, *curve))

    def _save(
        self, preview: "Preview", suffix: str, filters: str, write: Callable[[str], object]
    ) -> None:
        """Ask for a file, by default named as the layer, and write it."""
        name = re.sub(r"[^\w .-]", "_", str(preview.layer)) + suffix
        file, _ = QFileDialog.getSaveFileName(self, "Save", name, filters)
        if not file:
            return
        try:
            write(file)
        except (NapariDipError, OSError) as error:
            notify(error)
        else:
            self.show_text(f"Saved as {Path(file).name}.")
