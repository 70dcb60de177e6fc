"""Inspector of a result: before and after, residual, blink, measures, report."""

# Qt classes have no types for mypy, hence the ignored subclassing below.
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QGridLayout, QPushButton, QWidget

from napari_dip.gui.results.inspection.before_after import KEY, BeforeAfter, HoldKey
from napari_dip.gui.results.inspection.comparison import Comparison
from napari_dip.gui.results.inspection.residual import Residual, has_residual
from napari_dip.gui.widgets.collapsible import Collapsible

if TYPE_CHECKING:
    from napari_dip.gui.results.preview.preview import Preview

# Time between two changes of the visibility [milliseconds].
_BLINK_INTERVAL = 700
# Object name, text and tooltip of the buttons that stay pressed.
_VIEWS = (
    (
        "before_after",
        "Before | after",
        f"Image left and result right of a line that you can drag. Hold {KEY} to see the image.",
    ),
    (
        "residual",
        "Residual",
        "Show image minus result, in units of the noise; it should look like noise.",
    ),
    ("blink", "Blink", "Show and hide the result, over the layers below it."),
)


class Inspector(Collapsible):
    """Collapsible section of the dock for a finished result.

    Attributes
    ----------
    failed : Signal(Exception)
        Error that ended a comparison.
    grown : Signal()
        The section has become taller.
    report_wanted : Signal(Preview)
        The button that saves the report was pressed.
    """

    failed = Signal(object)
    grown = Signal()
    report_wanted = Signal(object)

    def __init__(self) -> None:
        super().__init__("Inspect", "inspector")
        self._preview: Preview | None = None
        self._residual: Residual | None = None
        self._before_after: BeforeAfter | None = None
        self._hold: HoldKey | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(_BLINK_INTERVAL)
        self._timer.timeout.connect(self._swap)
        self.comparison = Comparison()
        self._views: dict[str, QPushButton] = {}
        self._build()

    def _build(self) -> None:
        body = QWidget()
        grid = QGridLayout(body)
        grid.setContentsMargins(0, 0, 0, 0)
        actions = {
            "before_after": self._split,
            "residual": self._show_residual,
            "blink": self._blink,
        }
        for place, (name, text, tip) in enumerate(_VIEWS):
            button = _button(name, text, tip)
            button.setCheckable(True)
            button.clicked.connect(self._leave_other_views)
            button.toggled.connect(actions[name])
            grid.addWidget(button, *divmod(place, 2))
            self._views[name] = button
        report = _button(
            "report",
            "Report…",
            "Save a web page with figures, settings, and code that gives the same result.",
        )
        report.clicked.connect(lambda: self.report_wanted.emit(self._preview))
        grid.addWidget(report, 1, 1)
        grid.addWidget(self.comparison, 2, 0, 1, 2)
        self.comparison.failed.connect(self.failed)
        self.comparison.grown.connect(self._grow)
        self.comparison.started.connect(self.leave_views)
        self.addWidget(body)
        # Measures of a large image take longer than a user should wait at the end of a run.
        self.toggled.connect(self.comparison.show_measures)
        self.toggled.connect(self.grown)
        self.hide()

    def open(self, preview: "Preview") -> None:
        """Show the section for the result of a preview."""
        self.forget()
        self._preview = preview
        self._hold = HoldKey(preview)
        self.comparison.open(preview)
        self._offer()
        self.show()

    def forget(self) -> None:
        """Release the result and hide the section."""
        self.leave_views()
        if self._hold is not None:
            self._hold.release()
            self._hold = None
        self.comparison.forget()
        self._preview = None
        self.hide()

    def follow(self) -> None:
        """Follow the layers: release the result if its layer was deleted."""
        if self._preview is None:
            return
        if self._preview.layer is None:
            self.forget()
            return
        self.comparison.follow()
        for name, view in (("residual", self._residual), ("before_after", self._before_after)):
            if view is not None and not view.is_shown:  # the user deleted its layer
                self._views[name].setChecked(False)

    def measure(self) -> None:
        """Measure another iterate, which has become the result."""
        if self._preview is not None:
            self.comparison.measure()
            self._offer()
            if self._residual is not None:
                self._residual.update()

    def follow_iterate(self) -> None:
        """Show the residual of the iterate on the screen."""
        if self._residual is not None:
            self._residual.update(live=True)

    def leave_views(self) -> None:
        """Show the result alone again."""
        for button in self._views.values():
            button.setChecked(False)

    def _leave_other_views(self) -> None:
        for button in self._views.values():
            if button is not self.sender():
                button.setChecked(False)

    def _offer(self) -> None:
        assert self._preview is not None
        layer = self._preview.layer
        comparable = layer is not None and has_residual(self._preview.job, layer.data)
        self._views["residual"].setEnabled(comparable)
        self._views["before_after"].setEnabled(BeforeAfter.fits(self._preview))

    def _grow(self) -> None:
        if self.isExpanded():
            self.grown.emit()

    def _split(self, on: bool) -> None:
        if self._before_after is not None:
            self._before_after.close()
            self._before_after = None
        if on and self._preview is not None:
            self._before_after = BeforeAfter(self._preview, self.window())
            self._before_after.ended.connect(self._views["before_after"].toggle)

    def _show_residual(self, on: bool) -> None:
        if self._residual is not None:
            self._residual.remove()
            self._residual = None
        if on and self._preview is not None:
            self._residual = Residual(self._preview)

    def _blink(self, on: bool) -> None:
        if on:
            self._timer.start()
            return
        self._timer.stop()
        if self._preview is not None and self._preview.layer is not None:
            self._preview.layer.visible = True

    def _swap(self) -> None:
        layer = None if self._preview is None else self._preview.layer
        if layer is None:
            self._views["blink"].setChecked(False)
        else:
            layer.visible = not layer.visible


def _button(name: str, text: str, tip: str) -> QPushButton:
    button: Any = QPushButton(text)
    button.setObjectName(name)
    button.setToolTip(tip)
    return button
