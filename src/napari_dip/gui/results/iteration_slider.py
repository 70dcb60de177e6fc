"""Slider over the iterates of a run, and a button that keeps one as the result."""

# Qt classes have no types for mypy, hence the ignored subclassing below.
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import QGridLayout, QLabel, QPushButton, QSizePolicy, QSlider, QWidget

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from napari_dip.gui.results.preview.history import Iterate
    from napari_dip.gui.results.preview.preview import Preview
    from napari_dip.gui.results.progress_plot import ProgressPlot

# Smallest ratio of two neighbouring iterations on the slider: most changes are early, so a
# slider that is linear in the iteration would have nearly all of them at its left end.
_RATIO = 1.03


class IterationSlider(QWidget):  # type: ignore[misc]
    """Shows the iterates of the displayed block, during a pause and after a run.

    Parameters
    ----------
    plot : ProgressPlot
        Plot that marks the iteration of the iterate.

    Attributes
    ----------
    kept : Signal(Iterate)
        The user has chosen this iterate as the result.
    shown : Signal()
        The layer shows another iterate.
    """

    kept = Signal(object)
    shown = Signal()

    def __init__(self, plot: "ProgressPlot") -> None:
        super().__init__()
        self._plot = plot
        self._preview: Preview | None = None
        self._iterates: list[Iterate] = []
        self._slider = QSlider(Qt.Orientation.Horizontal)
        self._text = QLabel()
        self._keep = QPushButton("Keep this one")
        self._build()

    def _build(self) -> None:
        self._slider.setObjectName("iterate")
        self._slider.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._slider.setToolTip(
            "Show an earlier or later iteration. Earlier ones are smoother; later ones have "
            "more detail, then more noise."
        )
        self._slider.valueChanged.connect(self._show_iterate)
        self._slider.installEventFilter(self)
        self._text.setObjectName("iterate_text")
        # Always two lines: nothing moves when the text changes.
        self._text.setFixedHeight(2 * self._text.fontMetrics().lineSpacing())
        self._text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._keep.setObjectName("keep")
        self._keep.setToolTip(
            "Make the iteration on the screen the result; the report records your choice."
        )
        self._keep.clicked.connect(self._choose)
        more = QLabel("more detail")
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(QLabel("smoother"), 0, 0)
        grid.addWidget(more, 0, 1, Qt.AlignmentFlag.AlignRight)
        grid.addWidget(self._slider, 1, 0, 1, 2)
        grid.addWidget(self._text, 2, 0)
        grid.addWidget(self._keep, 2, 1)
        grid.setColumnStretch(0, 1)
        self.hide()

    def open(self, preview: "Preview") -> None:
        """Show the slider for the iterates of a preview."""
        if self._preview is not preview:
            self.close_history()
            self._preview = preview
            preview.viewer.dims.events.current_step.connect(self.follow)
        self.follow()

    def close_history(self) -> None:
        """Show the result again and hide the slider."""
        if self._preview is not None:
            self._preview.viewer.dims.events.current_step.disconnect(self.follow)
            self._preview.show_kept()
            self._preview = None
        self._iterates = []
        self._plot.mark(None)
        self.hide()

    def follow(self, *_: object) -> None:
        """Update the slider to the iterates of the displayed block."""
        if self._preview is None:
            return
        block = self._preview.block_on_screen()
        if self._iterates and self._iterates[0].block != block:
            self._preview.show_kept()
        if block is None:
            self._iterates = []
            self.hide()
            return
        iterates = self._preview.iterates(block)
        shown = self._preview.shown_iteration(block)
        always = {shown, self._plot.selected(block), self._preview.kept_iteration(block)}
        self._iterates = _thinned(iterates, always)
        self.setVisible(len(self._iterates) > 1)
        self._plot.show_block(block)
        iterations = [iterate.iteration for iterate in self._iterates]
        with QSignalBlocker(self._slider):
            self._slider.setRange(0, len(iterations) - 1)
            self._slider.setValue(iterations.index(shown) if shown in iterations else 0)
        self._describe(self._iterates[self._slider.value()])

    def _show_iterate(self, place: int) -> None:
        if self._preview is not None and self._iterates:
            self._preview.show_iterate(self._iterates[place])
            self._describe(self._iterates[place])
            self.shown.emit()

    def _describe(self, iterate: "Iterate") -> None:
        assert self._preview is not None
        automatic = iterate.iteration == self._plot.selected(iterate.block)
        self._text.setText(f"Iteration {iterate.iteration}\n{'automatic' * automatic}")
        self._plot.mark(None if automatic else iterate.iteration)
        self._keep.setEnabled(iterate.iteration != self._preview.kept_iteration(iterate.block))

    def _choose(self) -> None:
        iterate = self._iterates[self._slider.value()]
        self.kept.emit(iterate)
        if self._preview is not None:
            self._describe(iterate)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Leave the wheel to the scroll area, unless the slider has the focus."""
        if event.type() == QEvent.Type.Wheel and not watched.hasFocus():
            event.ignore()
            return True
        return False


def _thinned(iterates: "Sequence[Iterate]", always: "Collection[int | None]") -> "list[Iterate]":
    """Return iterates at growing distances, with the first, the last and those of `always`."""
    kept: list[Iterate] = []
    for iterate in iterates:
        ends = iterate in (iterates[0], iterates[-1])
        if ends or iterate.iteration in always or iterate.iteration >= _RATIO * kept[-1].iteration:
            kept.append(iterate)
    return kept
