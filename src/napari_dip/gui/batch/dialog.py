"""Dialog that restores many images with the settings of the dock."""

# Qt classes have no types for mypy, hence the ignored subclassing below.
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtWidgets import (
    QComboBox,
    QDialog,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from napari_dip.batch.planning import Batch, begin, find_images
from napari_dip.config import DEFAULT_SUFFIX
from napari_dip.core.image.image import Image
from napari_dip.errors import NapariDipError, UsageError
from napari_dip.gui.batch.image_list import ImageList, push_button
from napari_dip.gui.batch.worker import BatchWorker, task_spec
from napari_dip.gui.form.task_form import TITLES
from napari_dip.gui.results.progress_plot import describe, share_done
from napari_dip.gui.widgets.notify import notify
from napari_dip.io.formats import WRITERS

if TYPE_CHECKING:
    from napari_dip.batch.manifest import Record
    from napari_dip.gui.form.form import Form

_SIZE = (520, 560)
_BAR_STEPS = 1000
# Time between two updates of the progress within an image [milliseconds].
_INTERVAL = 300
# Choices for existing results: words, resume, overwrite.
_EXISTING = (
    ("do not start", False, False),
    ("resume: skip finished images", True, False),
    ("replace", False, True),
)


class BatchDialog(QDialog):  # type: ignore[misc]
    """Restores files, folders and layers one after another; closing it stops the batch.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        Source of the layers that can be chosen.
    form : Form
        Form with the task and the settings of all images.
    dock : QWidget
        Parent; the dialog closes with it.
    """

    def __init__(self, viewer: Any, form: "Form", dock: QWidget) -> None:
        super().__init__(dock)
        self._form = form
        self._run: BatchWorker | None = None
        self._batch: Batch | None = None
        self._records: list[Record] = []
        self._settings, self._status = QLabel(), QLabel()
        self._sources, self._failures = ImageList(viewer), QListWidget()
        self._folder = QLineEdit()
        self._existing, self._format = QComboBox(), QComboBox()
        self._bar = QProgressBar()
        self._timer = QTimer(self)
        self._timer.setInterval(_INTERVAL)
        self._timer.timeout.connect(self._show)
        self._start = push_button("start", "Start", "Restore the images.", self.start)
        self._stop = push_button(
            "stop_batch",
            "Stop",
            "Stop and keep finished images; 'resume' continues with the others.",
            self.stop,
        )
        self._build()
        self._show_settings()
        self._enable_buttons()
        form.changed.connect(self._show_settings)
        self._sources.changed.connect(self._enable_buttons)
        dock.installEventFilter(self)

    def _build(self) -> None:
        self.setObjectName("batch")
        self.setWindowTitle("Restore many images (Deep Image Prior)")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(*_SIZE)
        for label in (self._settings, self._status):
            label.setWordWrap(True)
        for name, field in (
            ("failures", self._failures),
            ("folder", self._folder),
            ("existing", self._existing),
            ("format", self._format),
            ("batch_progress", self._bar),
            ("batch_status", self._status),
        ):
            field.setObjectName(name)
        self._failures.setWordWrap(True)
        self._bar.setRange(0, _BAR_STEPS)
        self._folder.setToolTip("Folder for the results, their reports and manifest.jsonl.")
        self._folder.setPlaceholderText("folder for the results")
        self._existing.addItems([words for words, *_ in _EXISTING])
        self._existing.setToolTip("Action if the folder holds results of these images.")
        self._format.addItems(list(WRITERS))
        self._format.setCurrentText(DEFAULT_SUFFIX)
        self._format.setToolTip("File format of the results.")
        layout = QVBoxLayout(self)
        layout.addWidget(self._settings)
        layout.addWidget(self._sources, stretch=2)
        layout.addLayout(self._fields())
        for part in (self._bar, self._status):
            layout.addWidget(part)
        layout.addWidget(self._failures, stretch=1)
        last = QHBoxLayout()
        for button in (self._start, self._stop):
            last.addWidget(button)
        last.addWidget(push_button("close", "Close", "Stop and close.", self.reject))
        layout.addLayout(last)
        for part in (self._bar, self._status, self._failures):
            part.hide()

    def _fields(self) -> QFormLayout:
        choose = push_button("choose", "Choose…", "Choose a folder.", self._choose_folder)
        row = QHBoxLayout()
        row.addWidget(self._folder, stretch=1)
        row.addWidget(choose)
        rows = QFormLayout()
        rows.addRow("Folder", row)
        rows.addRow("Format", self._format)
        rows.addRow("Existing results", self._existing)
        return rows

    def _show_settings(self) -> None:
        try:
            settings = f"{TITLES[self._form.task.name][0]}, preset {self._form.config.preset}"
        except NapariDipError as error:
            self._settings.setText(str(error))
            return
        self._settings.setText(
            f"{settings}, and the other settings of the dock; always whole images."
        )

    def _choose_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Folder for the results")
        if name:
            self._folder.setText(name)

    def start(self) -> None:
        """Restore the images with the current settings of the dock."""
        try:
            begin_batch = self._begin()
        except (NapariDipError, OSError) as error:
            self._show_text(notify(error))
            return
        self._records, self._batch = [], None
        self._failures.clear()
        self._failures.hide()
        self._run = BatchWorker(begin_batch, self)
        self._run.progressed.connect(self._take)
        self._run.returned.connect(self._end)
        self._run.failed.connect(self._fail)
        self._timer.start()
        self._bar.show()
        self._show_text("Starting")
        self._enable_buttons()

    def _begin(self) -> Callable[[], Batch]:
        """Return the function that prepares the batch; it reads files, so it runs in the thread."""
        if not self._folder.text().strip():
            raise UsageError("Got no folder for the results; expected one. Choose a folder.")
        folder = Path(self._folder.text().strip()).expanduser()
        task, config = task_spec(self._form.task, folder), self._form.config
        suffix = self._format.currentText()
        files, images = self._sources.files, self._sources.images
        _, resume, overwrite = _EXISTING[self._existing.currentIndex()]

        def begin_batch() -> Batch:
            found = find_images(files, folder, task.files) if files else []
            sources: list[Path | Image] = [*found, *images]
            return begin(sources, folder, suffix, task, config, resume=resume, overwrite=overwrite)

        return begin_batch

    def stop(self) -> None:
        """Stop after this iteration and set the next start to resume."""
        if self._run is not None:
            self._run.control.stop()
            self._existing.setCurrentIndex(1)
            self._stop.setEnabled(False)
            self._show_text("Stopping")

    def _take(self, item: "Batch | Record") -> None:
        assert self._run is not None
        if isinstance(item, Batch):
            self._batch = item
            return
        self._run.latest = None
        self._records.append(item)
        if item.error is not None:
            self._failures.addItem(f"{Path(item.input).name}: {item.error}")
            self._failures.show()
        self._show()

    def _show(self) -> None:
        """Show the progress."""
        if self._run is None or self._batch is None or not self._stop.isEnabled():
            return
        done, count, latest = len(self._records), len(self._batch.left), self._run.latest
        share = 0.0
        if latest is not None and done < count:
            share = share_done(latest)
            name = self._batch.left[done].source.name
            words = describe(latest, latest.block + 1)
            self._show_text(f"{done + 1} of {count}: {name}, {share:.0%}, {words}")
        self._bar.setValue(int((done + share) / max(count, 1) * _BAR_STEPS))

    def _end(self, *_: object) -> None:
        batch, failed = self._batch, sum(record.error is not None for record in self._records)
        self._finish()
        if batch is None:
            return
        done, left = len(self._records) - failed, len(batch.left) - len(self._records)
        before = len(batch.jobs) - len(batch.left)
        parts = [(done, "restored"), (failed, "failed"), (before, "done before"), (left, "left")]
        self._show_text(", ".join(f"{count} {word}" for count, word in parts if count) + ".")
        self._bar.setValue(_BAR_STEPS if not left else self._bar.value())

    def _fail(self, error: Exception) -> None:
        self._finish()
        self._show_text(notify(error))

    def _finish(self) -> None:
        self._timer.stop()
        assert self._run is not None
        self._run.release()
        self._run = None
        self._enable_buttons()

    def _enable_buttons(self) -> None:
        running = self._run is not None
        self._start.setEnabled(not running and len(self._sources) > 0)
        self._stop.setEnabled(running)

    def _show_text(self, text: str) -> None:
        self._status.setText(text)
        self._status.show()

    def done(self, result: int) -> None:
        """Cancel the current image; finished results are on the disk."""
        if self._run is not None:
            self._run.abandon()
            self._run = None
        self._timer.stop()
        super().done(result)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Close with the dock: napari then removes it from its window."""
        if event.type() == QEvent.Type.ParentChange and watched.parent() is None:
            self.reject()
        return False
