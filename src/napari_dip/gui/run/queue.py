"""Runs that wait for the one under way: a short list, and a way out of it."""

# Qt classes have no types for mypy, hence the ignored subclassing below.
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from napari_dip.gui.job.job import Job

# More of them are scrolled to.
_LINES = 3
_JOB = Qt.ItemDataRole.UserRole


class Queue(QWidget):  # type: ignore[misc]
    """Jobs as they were when they were added; seen only while there are any."""

    def __init__(self) -> None:
        super().__init__()
        self._list = QListWidget()
        self._remove = QPushButton("Remove")
        self._build()
        self._follow()

    def _build(self) -> None:
        self._list.setObjectName("queue")
        self._list.setToolTip("Restored one after another, once the run under way is over")
        self._list.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._remove.setObjectName("remove")
        self._remove.setToolTip("Take the selected run out of the queue (Del)")
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
        return True  # a widget is there, however few lines it has

    def add(self, job: "Job") -> None:
        """Have a job wait behind the others."""
        item = QListWidgetItem(f"{job.kwargs['name']} ({job.config.preset})")
        item.setData(_JOB, job)
        item.setToolTip(item.text())
        self._list.addItem(item)
        self._follow()

    def take(self) -> "Job | None":
        """Return the job that has waited longest, which then waits no more."""
        item = self._list.takeItem(0)
        self._follow()
        job: Job | None = None if item is None else item.data(_JOB)
        return job

    def remove(self) -> None:
        """Drop the selected job."""
        self._list.takeItem(self._list.currentRow())
        self._follow()

    def clear(self) -> None:
        """Drop them all."""
        self._list.clear()
        self._follow()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take the Delete key of the list before a shortcut of the viewer does."""
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
