"""Measures of a result: noise in the residual, other methods, a truth."""

# Qt classes have no types for mypy, hence the ignored subclassing below.
from typing import TYPE_CHECKING, Any

import numpy as np
from magicgui.widgets import ComboBox
from napari.layers import Image as ImageLayer
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from napari_dip.errors import NapariDipError
from napari_dip.gui.job.origin import is_result
from napari_dip.gui.results.inspection.compare_worker import (
    CompareWorker,
    add_layer,
    as_array,
    residual_measures,
    short_name,
    table,
)
from napari_dip.gui.results.inspection.residual import has_residual
from napari_dip.gui.widgets.collapsible import WrappedLabel, column

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dip.compare.run import Row
    from napari_dip.gui.results.preview.preview import Preview


class Comparison(QWidget):  # type: ignore[misc]
    """Choice of a truth, button that runs other methods, and a table of all results.

    Attributes
    ----------
    failed : Signal(Exception)
        Error that ended a comparison.
    started : Signal()
        A comparison has started.
    grown : Signal()
        The widget has become taller.
    """

    failed = Signal(object)
    started, grown = Signal(), Signal()

    def __init__(self) -> None:
        super().__init__()
        self._preview: Preview | None = None
        self._worker: CompareWorker | None = None
        self._rows: list[Row] = []
        self._is_shown = False
        self._noise, self._table = WrappedLabel(), WrappedLabel()
        self._button = QPushButton("Compare")
        self._truth = ComboBox(
            name="truth",
            label="Truth",
            choices=self._candidates,
            tooltip="Layer with the true image, if known. It is used only for the measures, "
            "never for the fit.",
        )
        self._build()

    def _build(self) -> None:
        self._button.setObjectName("compare")
        self._button.setToolTip("Restore the image with other methods; each adds a hidden layer.")
        self._button.clicked.connect(self.start)
        self._noise.setObjectName("whiteness")
        self._table.setObjectName("comparison")
        native = self._truth.native
        native.setObjectName("truth")
        native.setMinimumWidth(60)
        native.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._truth.changed.connect(self.measure)
        head = QWidget()
        row = QHBoxLayout(head)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(QLabel(self._truth.label))
        row.addWidget(native, stretch=1)
        row.addWidget(self._button)
        column(self, head, self._noise, self._table)

    def open(self, preview: "Preview") -> None:
        """Measure the result of a preview."""
        self._preview = preview
        self._truth.reset_choices()
        self.measure()

    def forget(self) -> None:
        """End a comparison and release the result; the layers of other methods stay."""
        if self._worker is not None:
            self._worker.abandon()
            self._end()
        self._preview, self._rows = None, []

    def follow(self) -> None:
        """Update the list of layers."""
        self._truth.reset_choices()

    def _candidates(self, _: Any = None) -> list[Any]:
        result = None if self._preview is None else self._preview.layer
        if self._preview is None or result is None:
            return [("none", None)]
        layers = filter(self._can_be_truth, self._preview.viewer.layers)
        return [("none", None), *((str(layer), layer) for layer in layers)]

    def _can_be_truth(self, layer: Any) -> bool:
        """Return whether a layer has the shape of the result and is neither result nor source."""
        assert self._preview is not None
        assert self._preview.layer is not None
        return (
            isinstance(layer, ImageLayer)
            and not layer.multiscale
            and layer is not self._preview.job.layer
            and not is_result(layer)
            and layer.data.shape == self._preview.layer.data.shape
        )

    def show_measures(self, on: bool) -> None:
        """Measure from now on, or stop it while nobody sees the measures."""
        self._is_shown = on
        self.measure()

    def measure(self, *_: object) -> None:
        """Show the measures of the residual, and the table of the methods."""
        if not self._is_shown or self._preview is None or self._preview.report is None:
            return
        self._noise.setText(self._about_residual())
        before, after = self._table.text(), self._as_table()
        self._table.setText(after)
        if len(after) > len(before):
            self.grown.emit()

    def _about_residual(self) -> str:
        assert self._preview is not None
        layer, report = self._preview.layer, self._preview.report
        if layer is None or report is None:
            return ""
        spread, _ = residual_measures(self._preview.job, report, layer.data)
        whiteness = report.diagnostics.get("residual_whiteness")
        sentences = []
        if spread:
            sentences.append(f"Residual: {spread} of the noise; 1 is exactly the noise.")
        if whiteness is not None:
            sentences.append(
                f"Whiteness: {whiteness:.2f}; white noise gives 1.41, lost structure less."
            )
        return "\n".join(sentences)

    def _as_table(self) -> str:
        assert self._preview is not None
        layer, report, truth = self._preview.layer, self._preview.report, self._truth.value
        if layer is None or report is None or (truth is None and not self._rows):
            return ""
        job = self._preview.job
        results: list[tuple[str, NDArray[Any], float | None]] = []
        if truth is not None and has_residual(job, layer.data):
            results.append(("image", np.asarray(job.image.data), None))
        results.append(("result", layer.data, report.seconds))
        results += [(short_name(row.name), as_array(row), row.seconds) for row in self._rows]
        return table(job, report, results, None if truth is None else np.asarray(truth.data))

    def start(self) -> None:
        """Restore the image with every other method, in a thread."""
        assert self._preview is not None
        self._rows = []
        self._button.setEnabled(False)
        self.started.emit()
        self._worker = CompareWorker(self._preview.job, self)
        self._worker.progressed.connect(self._take)
        self._worker.returned.connect(self._end)
        self._worker.failed.connect(self._fail)

    def _take(self, row: "Row") -> None:
        if self._preview is None:
            return
        self._rows.append(row)
        add_layer(self._preview, row)
        self.measure()

    def _end(self, *_: object) -> None:
        self._worker = None
        self._button.setEnabled(True)

    def _fail(self, error: Exception) -> None:
        self._end()
        if isinstance(error, NapariDipError):
            self._table.setText(str(error))
        self.failed.emit(error)
