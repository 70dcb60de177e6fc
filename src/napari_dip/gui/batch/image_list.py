"""List of the images of a batch: files, folders and layers."""

# Qt classes have no types for mypy, hence the ignored subclassing below.
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from napari.layers import Image as ImageLayer
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QFileDialog,
    QGridLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_dip.core.image.image import Image
from napari_dip.errors import NapariDipError
from napari_dip.gui.job.layer_image import image_of
from napari_dip.gui.widgets.notify import notify

_IMAGE = Qt.ItemDataRole.UserRole


def push_button(name: str, text: str, tip: str, action: Callable[[], None]) -> QPushButton:
    """Return a button of a dialog that the Return key in a field does not press."""
    button = QPushButton(text)
    button.setObjectName(name)
    button.setToolTip(tip)
    button.setAutoDefault(False)
    button.clicked.connect(lambda: action())
    return button


class ImageList(QWidget):  # type: ignore[misc]
    """List of images, with buttons that add and remove.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        Source of the layers that can be chosen.

    Attributes
    ----------
    changed : Signal()
        An image was added or removed.
    """

    changed = Signal()

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer
        self._list = QListWidget()
        self._list.setObjectName("images")
        self._list.setToolTip("Files, layers, and folders with all their images.")
        self._list.setSelectionMode(QListWidget.SelectionMode.ExtendedSelection)
        self._list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        grid = QGridLayout()
        for place, button in enumerate(
            (
                ("add_files", "Add files…", "Choose image files.", self._add_files),
                ("add_folder", "Add folder…", "Choose a folder of images.", self._add_folder),
                (
                    "add_layers",
                    "Add selected layers",
                    "Add the image layers that are selected in the viewer.",
                    self._add_layers,
                ),
                ("remove_images", "Remove", "Remove the selected lines.", self._remove),
            )
        ):
            grid.addWidget(push_button(*button), *divmod(place, 2))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(grid)
        layout.addWidget(self._list)

    def __len__(self) -> int:
        return int(self._list.count())

    @property
    def files(self) -> list[str]:
        """Files and folders."""
        return [item.text() for item in self._items() if item.data(_IMAGE) is None]

    @property
    def images(self) -> list[Image]:
        """Images of layers, from the time they were added."""
        images = [item.data(_IMAGE) for item in self._items()]
        return [image for image in images if image is not None]

    def _items(self) -> list[QListWidgetItem]:
        return [self._list.item(row) for row in range(len(self))]

    def _add(self, text: str, image: Image | None = None) -> None:
        if not self._list.findItems(text, Qt.MatchFlag.MatchExactly):
            item = QListWidgetItem(text)
            item.setData(_IMAGE, image)
            self._list.addItem(item)
            self.changed.emit()

    def _add_files(self) -> None:
        for name in QFileDialog.getOpenFileNames(self, "Images to restore")[0]:
            self._add(name)

    def _add_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Folder of images")
        if name:
            self._add(name)

    def _add_layers(self) -> None:
        for layer in self._viewer.layers:
            if isinstance(layer, ImageLayer) and layer in self._viewer.layers.selection:
                try:
                    image = image_of(layer)
                except NapariDipError as error:
                    notify(error)
                else:
                    # The channels of one file are layers with the same path but other names.
                    self._add(f"layer {layer.name}", replace(image, source=layer.name))

    def _remove(self) -> None:
        for item in self._list.selectedItems():
            self._list.takeItem(self._list.row(item))
        self.changed.emit()
