"""Fields of the region, and the button that previews the visible area."""

# Qt and magicgui have no types for mypy, hence the ignored subclassing below.
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from magicgui.widgets import ComboBox, PushButton
from napari.layers import Shapes
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_dip.gui.form.config_fields import layer_field
from napari_dip.gui.job.layer_image import placed_kwargs
from napari_dip.gui.job.region import REGIONS
from napari_dip.gui.widgets.collapsible import column

if TYPE_CHECKING:
    from napari_dip.gui.job.region import Region


class RegionForm(QWidget):  # type: ignore[misc]
    """List of the regions, the fields of a rectangle, and the preview button.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        Source of the layers that can be chosen.
    make_rows : callable
        Puts widgets into labelled rows.
    image_layer : callable
        Returns the layer to restore, or None.

    Attributes
    ----------
    preview_requested : Signal()
        The button "Preview visible area" was pressed.
    """

    preview_requested = Signal()

    def __init__(
        self, viewer: Any, make_rows: Callable[..., QWidget], image_layer: Callable[[], Any]
    ) -> None:
        super().__init__()
        self._viewer = viewer
        self._image_layer = image_layer
        self._region = ComboBox(
            name="region",
            label="Region",
            choices=[(words, region) for region, words in REGIONS.items()],
            tooltip="Whole image, plane at the sliders, its part on the canvas, or a rectangle "
            "of every plane.",
        )
        self._shapes = layer_field(
            viewer,
            (Shapes,),
            name="shapes",
            label="Shapes",
            tooltip="Layer with the rectangle; of several shapes the selected one counts.",
        )
        new = PushButton(
            name="new_rectangle", text="New rectangle", tooltip="Add a shapes layer to draw on."
        )
        preview = PushButton(
            name="preview_visible_area",
            text="Preview visible area",
            tooltip="Restore the part on the canvas with these settings.",
        )
        new.clicked.connect(self._add_rectangle)
        preview.clicked.connect(lambda: self.preview_requested.emit())
        self._rows = make_rows(self._shapes, new)
        column(self, make_rows(self._region), self._rows, make_rows(preview))
        self._region.changed.connect(self._show_rectangle_fields)
        self._show_rectangle_fields()

    @property
    def region(self) -> "Region":
        """Region to restore; can be set."""
        region: Region = self._region.value
        return region

    @region.setter
    def region(self, region: "Region") -> None:
        self._region.value = region

    @property
    def shapes(self) -> "Shapes | None":
        """Layer with the rectangle; can be set."""
        return self._shapes.value

    @shapes.setter
    def shapes(self, layer: "Shapes | None") -> None:
        self._shapes.value = layer

    def reset_choices(self) -> None:
        """Update the list of layers."""
        self._shapes.reset_choices()

    def _show_rectangle_fields(self) -> None:
        self._rows.setVisible(self.region == "rectangle")

    def _add_rectangle(self) -> None:
        image = self._image_layer()
        if image is None:
            return
        layer = self._viewer.add_shapes(
            ndim=image.ndim, face_color="transparent", **placed_kwargs(image, "region")
        )
        layer.mode = "add_rectangle"
        self.reset_choices()
        self.shapes = layer
