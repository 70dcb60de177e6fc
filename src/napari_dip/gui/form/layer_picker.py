"""The list of image layers; it follows the layer that is active in the viewer."""

# Qt classes have no types for mypy, hence the ignored subclassing below.
from collections.abc import Callable
from typing import Any

from magicgui.widgets import ComboBox
from napari.layers import Image as ImageLayer
from qtpy.compat import isalive
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QWidget

from napari_dip.gui.job.origin import is_result


class LayerPicker(QWidget):  # type: ignore[misc]
    """List of the image layers, and a pin that holds the choice.

    Without the pin, the choice follows the active layer of the viewer if that is a visible
    image and no result of a run.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        Source of the layers that can be chosen.
    make_rows : callable
        Puts widgets into labelled rows.
    """

    def __init__(self, viewer: Any, make_rows: Callable[..., QWidget]) -> None:
        super().__init__()
        self._viewer = viewer
        self._list = ComboBox(
            name="layer",
            label="Image",
            choices=self._image_layers,
            tooltip="Layer to restore: the image that is selected in the layer list, or one "
            "chosen here. It is never changed.",
        )
        self.changed = self._list.changed
        self._pin = QPushButton("Pin")
        self._pin.setObjectName("pin")
        self._pin.setToolTip("Keep this image, also when another layer is selected.")
        self._pin.setCheckable(True)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        rows = make_rows(self._list)
        # Names of layers are long: their list begins where its own label ends.
        rows.layout().labelForField(self._list.native).setMinimumWidth(0)
        row.addWidget(rows, stretch=1)
        row.addWidget(self._pin)
        self._pin.toggled.connect(self._follow)
        viewer.layers.selection.events.active.connect(self._follow)

    @property
    def layer(self) -> ImageLayer | None:
        """Chosen layer; can be set."""
        return self._list.value

    @layer.setter
    def layer(self, layer: ImageLayer | None) -> None:
        self._list.value = layer

    @property
    def sources(self) -> list[ImageLayer]:
        """All image layers but results."""
        return [layer for layer in self._image_layers() if not is_result(layer)]

    def reset_choices(self) -> None:
        """Update the list; choose another layer if the chosen one is gone."""
        before = self.layer
        self._list.reset_choices()
        if before in self._list.choices:
            self.layer = before  # magicgui drops the choice of a renamed layer
        else:
            self._pin.setChecked(False)
            self.suggest()

    def suggest(self) -> None:
        """Choose the active layer, or else the topmost visible image, unless the pin is set."""
        layers = self._image_layers()
        if self._pin.isChecked() or not layers:
            return
        sources = self.sources or layers
        shown = [layer for layer in sources if layer.visible] or sources
        active = self._viewer.layers.selection.active
        self.layer = active if active in shown else shown[-1]

    def _follow(self, _: Any = None) -> None:
        # napari keeps the connection when Qt has deleted this widget.
        if not isalive(self) or self._pin.isChecked():
            return
        active = self._viewer.layers.selection.active
        if isinstance(active, ImageLayer) and active.visible and not is_result(active):
            self._list.reset_choices()  # the layer may be new
            self.layer = active

    def _image_layers(self, _: Any = None) -> list[ImageLayer]:
        return [layer for layer in self._viewer.layers if isinstance(layer, ImageLayer)]
