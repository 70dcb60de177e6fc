"""Dialog that makes a PSF layer from a layer of beads."""

# Qt and magicgui have no types for mypy, hence the ignored subclassing below.
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

from magicgui.widgets import LineEdit
from napari.layers import Image as ImageLayer
from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QDoubleValidator
from qtpy.QtWidgets import QDialog, QFormLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_dip.errors import InputError, NapariDipError
from napari_dip.gui.form.config_fields import layer_field
from napari_dip.gui.job.bead_layer import bead_image, psf_kwargs, summary
from napari_dip.gui.run.background import BackgroundWorker, Control
from napari_dip.gui.widgets.notify import notify

if TYPE_CHECKING:
    from napari_dip.core.image.image import Image
    from napari_dip.core.operators.psf.beads import MeasuredPsf

_WIDTH = 380
_PURPOSE = (
    "Averages the single beads of a layer, each centred to a fraction of a pixel. Record beads "
    "that are smaller than the PSF with the settings of your images, far apart and not saturated."
)


class BeadDialog(QDialog):  # type: ignore[misc]
    """Chooses a layer of beads and adds their average as a PSF layer.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        Source of the layers, which gets the PSF.
    parent : QWidget
        Parent; the dialog closes with it.

    Attributes
    ----------
    added : Signal(object)
        The PSF layer.
    """

    added = Signal(object)

    def __init__(self, viewer: Any, parent: QWidget) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._worker: BackgroundWorker | None = None
        self._beads = layer_field(
            viewer,
            (ImageLayer,),
            name="beads",
            label="Beads",
            tooltip="Image of beads: a plane or a stack. The sliders choose channel and frame.",
        )
        self._diameter = LineEdit(
            name="bead_diameter",
            label="Bead diameter",
            tooltip="Diameter of the beads [µm], such as 0.1; its part in the width of the PSF is "
            "removed. Empty: the PSF is that of a bead.",
        )
        self._diameter.native.setPlaceholderText("[µm]")
        self._diameter.native.setValidator(QDoubleValidator(self._diameter.native))
        self._start = QPushButton("Make PSF")
        self._status = QLabel()
        self._build()
        self._beads.value = viewer.layers.selection.active if self._is_chosen() else None

    def _show_text(self, text: str) -> None:
        self._status.setText(text)
        self.adjustSize()

    def _is_chosen(self) -> bool:
        return self._viewer.layers.selection.active in self._beads.choices

    def _build(self) -> None:
        self.setObjectName("bead_dialog")
        self.setWindowTitle("PSF from beads (Deep Image Prior)")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(_WIDTH)
        purpose, rows = QLabel(_PURPOSE), QFormLayout()
        for label in (purpose, self._status):
            label.setWordWrap(True)
        for field in (self._beads, self._diameter):
            field.native.setObjectName(field.name)
            rows.addRow(field.label, field.native)
            rows.labelForField(field.native).setToolTip(field.tooltip)
        self._start.setObjectName("make_psf")
        self._start.setToolTip("Find the beads and add their average as a layer.")
        self._start.clicked.connect(self.measure)
        self._status.setObjectName("bead_status")
        layout = QVBoxLayout(self)
        layout.addWidget(purpose)
        layout.addLayout(rows)
        layout.addWidget(self._start)
        layout.addWidget(self._status)
        self._show_text("")

    def measure(self) -> None:
        """Find and average the beads, in a thread."""
        layer = self._beads.value
        try:
            steps = self._steps(layer)
        except NapariDipError as error:
            self._show_text(notify(error))
            return
        self._start.setEnabled(False)
        self._show_text("Finding beads …")
        self._worker = BackgroundWorker([], steps, self)
        self._worker.returned.connect(lambda measured: self._add(measured, layer))
        self._worker.failed.connect(self._fail)

    def _steps(self, layer: Any) -> "Callable[[Control], Generator[Any, None, MeasuredPsf]]":
        if layer is None:
            raise InputError("Got no layer of beads; expected one. Open an image of beads.")
        image = bead_image(layer, tuple(self._viewer.dims.point))
        text = str(self._diameter.value).strip()
        try:
            diameter = float(text) if text else None
        except ValueError:
            raise InputError(
                f"Got the bead diameter {text!r}; expected a number, such as 0.1."
            ) from None
        return lambda control: _measured(image, diameter)

    def _add(self, measured: "MeasuredPsf", layer: ImageLayer) -> None:
        active = self._viewer.layers.selection.active
        psf = self._viewer.add_image(**psf_kwargs(measured, layer))
        self._viewer.layers.selection.active = active  # the image to restore stays chosen
        self._start.setEnabled(True)
        self._show_text(summary(measured))
        self.added.emit(psf)

    def _fail(self, error: Exception) -> None:
        self._start.setEnabled(True)
        self._show_text(notify(error))


def _measured(image: "Image", diameter: float | None) -> "Generator[None, None, MeasuredPsf]":
    from napari_dip.core.operators.psf.beads import psf_of_beads

    yield None
    return psf_of_beads(image, bead_diameter=diameter)
