"""The choice of a region, and a try on what is in view."""

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
    """Region, and below it the rectangle that one of them needs.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        Whose layers can be chosen.
    make_rows : callable
        Puts widgets into labelled rows.
    image_layer : callable
        Returns the layer that is restored, or None.

    Attributes
    ----------
    tried : Signal()
        What is in view is to be restored.
    """

    tried = Signal()

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
            tooltip="Restore everything, only the Y, X plane at the sliders, only what the canvas "
            "shows of it, or a rectangle of every plane. The result lies at its place over the "
            "image.",
        )
        self._shapes = layer_field(
            viewer,
            (Shapes,),
            name="shapes",
            label="Shapes",
            tooltip="The layer with the rectangle: of several shapes the selected one counts.",
        )
        new = PushButton(
            name="new_rectangle", text="New rectangle", tooltip="Add a layer to draw one on."
        )
        attempt = PushButton(
            name="try_here",
            text="Try here",
            tooltip="Restore what is in view with these settings, before all of it is restored.",
        )
        new.clicked.connect(self._add_rectangle)
        attempt.clicked.connect(lambda: self.tried.emit())
        self._rows = make_rows(self._shapes, new)
        column(self, make_rows(self._region), self._rows, make_rows(attempt))
        self._region.changed.connect(self._follow)
        self._follow()

    @property
    def region(self) -> "Region":
        """What is restored; can be set."""
        region: Region = self._region.value
        return region

    @region.setter
    def region(self, region: "Region") -> None:
        self._region.value = region

    @property
    def shapes(self) -> "Shapes | None":
        """Where the rectangle is; can be set."""
        return self._shapes.value

    @shapes.setter
    def shapes(self, layer: "Shapes | None") -> None:
        self._shapes.value = layer

    def reset_choices(self) -> None:
        """Follow the viewer's layers."""
        self._shapes.reset_choices()

    def _follow(self) -> None:
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
