"""Inspector of a result: blink, residual, comparison with other methods, save, report."""

# Qt classes have no types for mypy, hence the ignored subclassing below.
from typing import TYPE_CHECKING, Any

import numpy as np
from magicgui.widgets import ComboBox
from napari.layers import Image as ImageLayer
from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QFormLayout, QGridLayout, QLabel, QPushButton, QSizePolicy, QWidget

from napari_dip.errors import NapariDipError
from napari_dip.gui.job.layer_image import residual_kwargs
from napari_dip.gui.results.compare_worker import CompareWorker, as_array, table
from napari_dip.gui.widgets.collapsible import Collapsible

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dip.compare.run import Row
    from napari_dip.gui.results.preview import Preview

# Time between two changes of the visibility [milliseconds].
_BLINK_INTERVAL = 700
# Room for the scroll bar that appears beside a longer panel [pixels].
_SCROLL_BAR = 24


class Inspector(Collapsible):
    """Collapsible section of the dock for a finished result.

    Attributes
    ----------
    failed : Signal(Exception)
        Error that ended a comparison.
    grown : Signal()
        The section has become taller.
    result_wanted, report_wanted : Signal(Preview)
        The button that saves the result, or its report, was pressed.
    """

    failed = Signal(object)
    grown = Signal()
    result_wanted, report_wanted = Signal(object), Signal(object)

    def __init__(self) -> None:
        super().__init__("Inspect", "inspector")
        self._preview: Preview | None = None
        self._comparison: CompareWorker | None = None
        self._rows: list[Row] = []
        self._timer = QTimer(self)
        self._timer.setInterval(_BLINK_INTERVAL)
        self._timer.timeout.connect(self._swap)
        self._whiteness = QLabel()
        self._table = QLabel()
        self._truth = ComboBox(
            name="truth",
            label="Truth",
            choices=self._candidates,
            tooltip="Layer with the true image, if known. It is used only for the measures, "
            "never for the fit.",
        )
        self._buttons = {
            "blink": self._button(
                "blink", "Blink", "Show and hide the result, over the layers below it.", self._blink
            ),
            "residual": self._button(
                "residual",
                "Residual",
                "Add a layer with the image minus the result.",
                self._add_residual,
            ),
            "compare": self._button(
                "compare",
                "Compare",
                "Restore the image with other methods; each adds a hidden layer.",
                self._compare,
            ),
            "save": self._button(
                "save",
                "Save…",
                "Save the result layer with its axes, scale, units and report.",
                lambda: self.result_wanted.emit(self._preview),
            ),
            "report": self._button(
                "report",
                "Report…",
                "Save a web page with figures, settings, and code that gives the same result.",
                lambda: self.report_wanted.emit(self._preview),
            ),
        }
        self._build()

    def _button(self, name: str, text: str, tip: str, action: Any) -> QPushButton:
        button = QPushButton(text)
        button.setObjectName(name)
        button.setToolTip(tip)
        button.clicked.connect(action)
        return button

    def _build(self) -> None:
        self._buttons["blink"].setCheckable(True)
        body = QWidget()
        grid = QGridLayout(body)
        grid.setContentsMargins(0, 0, 0, 0)
        for place, button in enumerate(self._buttons.values()):
            grid.addWidget(button, *divmod(place, 2))
        rows = QFormLayout()
        native = self._truth.native
        native.setObjectName("truth")
        native.setMinimumWidth(60)
        native.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        rows.addRow(self._truth.label, native)
        grid.addLayout(rows, 3, 0, 1, 2)
        for line, label in ((4, self._whiteness), (5, self._table)):
            label.setWordWrap(True)
            grid.addWidget(label, line, 0, 1, 2)
        self._whiteness.setObjectName("whiteness")
        self._table.setObjectName("comparison")
        self._truth.changed.connect(self.measure)
        self.addWidget(body)
        self.toggled.connect(self.grown)
        self.hide()

    def open(self, preview: "Preview") -> None:
        """Show the section for the result of a preview."""
        self.forget()
        self._preview = preview
        self._truth.reset_choices()
        self.measure()
        self.show()

    def forget(self) -> None:
        """Release the result and hide the section; layers that were added stay."""
        self._blink(False)
        if self._comparison is not None:
            self._comparison.abandon()
            self._end()
        self._preview, self._rows = None, []
        self.hide()

    def follow(self) -> None:
        """Update the list of layers; release the result if its layer was deleted."""
        if self._preview is None:
            return
        if self._preview.layer is None:
            self.forget()
        else:
            self._truth.reset_choices()

    def _candidates(self, _: Any = None) -> list[Any]:
        layer = None if self._preview is None else self._preview.layer
        if layer is None:
            return [("none", None)]
        same_shape = [
            other
            for other in self._preview.viewer.layers  # type: ignore[union-attr]
            if isinstance(other, ImageLayer)
            and not other.multiscale
            and other is not layer
            and other.data.shape == layer.data.shape
        ]
        return [("none", None), *((str(other), other) for other in same_shape)]

    def _blink(self, on: bool) -> None:
        self._buttons["blink"].setChecked(on)
        if on:
            self._timer.start()
            return
        self._timer.stop()
        if self._preview is not None and self._preview.layer is not None:
            self._preview.layer.visible = True

    def _swap(self) -> None:
        layer = None if self._preview is None else self._preview.layer
        if layer is None:
            self._blink(False)
        else:
            layer.visible = not layer.visible

    def _add_residual(self) -> None:
        assert self._preview is not None
        layer, observed = self._preview.layer, self._observed()
        if layer is not None and observed is not None:
            residual = observed.astype(np.float32) - layer.data
            self._preview.viewer.add_image(residual, **residual_kwargs(layer, residual))

    def _observed(self) -> "NDArray[Any] | None":
        """Return the pixels of the image, if it has the shape of the result."""
        assert self._preview is not None
        image = self._preview.job.image
        same = self._preview.layer is not None and self._preview.layer.data.shape == image.shape
        return np.asarray(image.data) if same else None

    def measure(self, *_: object) -> None:
        """Show the whiteness of the residual, and the table of the methods."""
        if self._preview is None or self._preview.report is None:
            return
        whiteness = self._preview.report.diagnostics.get("residual_whiteness")
        self._whiteness.setText(
            ""
            if whiteness is None
            else f"Residual whiteness: {whiteness:.2f}. White noise gives 1.41; "
            "lost structure lowers the value."
        )
        self._buttons["residual"].setEnabled(self._observed() is not None)
        before, after = self._table.text(), self._as_table()
        self._table.setText(after)
        # The lines of the table wrap, which `QCollapsible` does not take into account.
        narrow = max(self._table.width() - _SCROLL_BAR, 1)
        self._table.setMinimumHeight(self._table.heightForWidth(narrow) if after else 0)
        if self.isExpanded() and len(after) > len(before):
            self.grown.emit()

    def _as_table(self) -> str:
        assert self._preview is not None
        layer, truth = self._preview.layer, self._truth.value
        report = self._preview.report
        if layer is None or report is None or (truth is None and not self._rows):
            return ""
        result: tuple[str, NDArray[Any], float | None] = ("this result", layer.data, report.seconds)
        observed = self._observed()
        image = [] if truth is None or observed is None else [("image", observed, None)]
        others = [(row.name, as_array(row), row.seconds) for row in self._rows]
        axes = self._preview.job.image.axes
        return table(
            [*image, result, *others], None if truth is None else np.asarray(truth.data), axes
        )

    def _compare(self) -> None:
        assert self._preview is not None
        self._rows = []
        self._buttons["compare"].setEnabled(False)
        self._comparison = CompareWorker(self._preview.job, self)
        self._comparison.progressed.connect(self._take)
        self._comparison.returned.connect(self._end)
        self._comparison.failed.connect(self._fail)

    def _take(self, row: "Row") -> None:
        if self._preview is None:
            return
        self._rows.append(row)
        kwargs = {**self._preview.job.kwargs, "visible": False}
        kwargs["name"] = f"{kwargs['name']} ({row.name})"
        self._preview.viewer.add_image(as_array(row), **kwargs)
        self.measure()

    def _end(self, *_: object) -> None:
        self._comparison = None
        self._buttons["compare"].setEnabled(True)

    def _fail(self, error: Exception) -> None:
        self._end()
        if isinstance(error, NapariDipError):
            self._table.setText(str(error))
        self.failed.emit(error)
