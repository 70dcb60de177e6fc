"""Queue: list of the jobs that wait for the current run."""

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

# Number of visible lines; the list scrolls to the others.
_LINES = 3
_JOB = Qt.ItemDataRole.UserRole


class Queue(QWidget):  # type: ignore[misc]
    """List of jobs, each with the settings it was added with; hidden while empty."""

    def __init__(self) -> None:
        super().__init__()
        self._list = QListWidget()
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

    def add(self, job: "Job") -> None:
        """Add a job at the end."""
        item = QListWidgetItem(f"{job.kwargs['name']} ({job.config.preset})")
        item.setData(_JOB, job)
        item.setToolTip(item.text())
        self._list.addItem(item)
        self._follow()

    def take(self) -> "Job | None":
        """Remove the first job and return it; None if the queue is empty."""
        item = self._list.takeItem(0)
        self._follow()
        job: Job | None = None if item is None else item.data(_JOB)
        return job

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
