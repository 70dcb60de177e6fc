"""Queue: list of the jobs that wait for the current run."""

# Qt classes have no types for mypy, hence the ignored subclassing below.
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.notifications import show_info
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_dip.core.image.image import Image
from napari_dip.gui.job.region import REGIONS

if TYPE_CHECKING:
    from napari_dip.gui.job.job import Job

# Number of visible lines; the list scrolls to the others.
_LINES = 3
_JOB = Qt.ItemDataRole.UserRole


class Queue(QWidget):  # type: ignore[misc]
    """List of jobs, each with the settings it was added with; hidden while empty."""

    def __init__(self) -> None:
        super().__init__()
        self._list = QListWidget()
        self._taken: Job | None = None
        self._remove = QPushButton("Remove")
        self._build()
        self._follow()

    def _build(self) -> None:
        self._list.setObjectName("queue")
        self._list.setToolTip("Runs that start in this order after the current one.")
        self._list.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._remove.setObjectName("remove")
        self._remove.setToolTip("Remove the selected run from the queue (Del).")
        self._remove.clicked.connect(self.remove)
        self._list.installEventFilter(self)
        self._list.currentRowChanged.connect(self._follow)
        head = QHBoxLayout()
        head.addWidget(QLabel("Next in the queue"), stretch=1)
        head.addWidget(self._remove)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(head)
        layout.addWidget(self._list)

    def __len__(self) -> int:
        return int(self._list.count())

    def __bool__(self) -> bool:
        return True  # a widget is true, also with no line: `__len__` would make it false

    def add(self, job: "Job", *, active: bool) -> None:
        """Add a job at the end, unless it waits already; `active` if the last one taken runs."""
        if active and self._taken is not None and is_same(job, self._taken):
            show_info("This run is in progress already.")
            return
        if any(is_same(job, self._list.item(row).data(_JOB)) for row in range(len(self))):
            show_info("This run is in the queue already.")
            return
        item = QListWidgetItem(describe(job))
        item.setData(_JOB, job)
        item.setToolTip(item.text())
        self._list.addItem(item)
        self._follow()

    def take(self) -> "Job | None":
        """Remove the first job and return it; None if the queue is empty."""
        item = self._list.takeItem(0)
        self._follow()
        self._taken = None if item is None else item.data(_JOB)
        return self._taken

    def remove(self) -> None:
        """Remove the selected job."""
        self._list.takeItem(self._list.currentRow())
        self._follow()

    def clear(self) -> None:
        """Remove all jobs."""
        self._list.clear()
        self._follow()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Handle the Delete key of the list before a shortcut of the viewer does."""
        kind = event.type()
        if kind not in (QEvent.Type.KeyPress, QEvent.Type.ShortcutOverride):
            return False
        if event.key() != Qt.Key.Key_Delete:
            return False
        event.accept()
        if kind == QEvent.Type.KeyPress:
            self.remove()
        return True

    def _follow(self, *_: int) -> None:
        self._remove.setEnabled(self._list.currentRow() >= 0)
        lines = min(len(self), _LINES)
        frame = 2 * self._list.frameWidth()
        self._list.setFixedHeight(lines * max(self._list.sizeHintForRow(0), 0) + frame)
        self.setVisible(len(self) > 0)


def describe(job: "Job") -> str:
    """Return the name of the result, the part of the image if it is not whole, and the preset.

    Such as "cells_denoise, plane Z 5, balanced".
    """
    region = job.choices.region
    words = [job.kwargs["name"]]
    sizes = zip(job.image.axes, job.image.shape, job.origin, strict=True)
    plane = [f"{axis} {at}" for axis, size, at in sizes if size == 1 and axis not in "YXS"]
    if region == "current":
        words.append(" ".join(["plane", *plane]) if plane else REGIONS[region])
    elif region != "all":
        words.append(REGIONS[region])
        words += plane * (region == "view")
    return ", ".join([*words, job.config.preset])


def is_same(one: "Job", other: "Job") -> bool:
    """Return whether two jobs have the same image, settings, task and part."""
    return (
        one.layer is other.layer
        and one.kwargs["name"] == other.kwargs["name"]
        and (one.config, one.choices.region, one.origin)
        == (other.config, other.choices.region, other.origin)
        and type(one.task) is type(other.task)
        and _is_same_value(one.image, other.image)
        and all(
            _is_same_value(getattr(one.task, field.name), getattr(other.task, field.name))
            for field in fields(one.task)
        )
    )


def _is_same_value(one: Any, other: Any) -> bool:
    """Compare two values; images in memory by their pixels, lazy ones by their size."""
    if not (isinstance(one, Image) and isinstance(other, Image)):
        return bool(one == other)
    if one.shape != other.shape:
        return False
    arrays = (one.data, other.data)
    lazy = not all(isinstance(array, np.ndarray) for array in arrays)
    return lazy or np.array_equal(*arrays, equal_nan=one.dtype.kind in "fc")
