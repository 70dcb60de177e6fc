"""The dock widget: form, buttons, monitor and preview of one run at a time."""

# No `from __future__ import annotations`: napari compares the annotation of
# `viewer` with the text "napari.viewer.Viewer". Qt classes have no types for
# mypy, hence the ignored subclassing below.
import logging
from enum import Enum
from typing import TYPE_CHECKING

from napari.layers import Image as ImageLayer
from napari.utils.notifications import show_error
from qtpy.QtCore import QEvent, Qt, Signal
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import (
    QFrame,
    QGridLayout,
    QPushButton,
    QScrollArea,
    QShortcut,
    QVBoxLayout,
    QWidget,
)

from napari_dip.config import DipConfig
from napari_dip.errors import NapariDipError
from napari_dip.gui.form import Form
from napari_dip.gui.job import job
from napari_dip.gui.monitor import Monitor, duration
from napari_dip.gui.preview import Preview
from napari_dip.gui.task_form import TaskChoice
from napari_dip.gui.worker import Run

if TYPE_CHECKING:
    import napari

    from napari_dip.core.progress import Progress, Restoration
    from napari_dip.core.report import Report

# As napari itself names the dock that the Plugins menu opens and closes.
_DOCK_NAME = "Deep Image Prior (Deep Image Prior)"
_MIN_WIDTH = 280
_LOG = logging.getLogger(__name__)


class State(Enum):
    """Of the one run a dock can have; the value is what the user reads."""

    IDLE = ""
    RUNNING = "Starting"
    PAUSED = "Paused"
    STOPPING = "Stopping after this iteration"
    CANCELLING = "Cancelling"


# Object name, text, key, tooltip, and the states in which it can be pressed.
_GOING = {State.RUNNING, State.PAUSED}
_BUTTONS = (
    ("run", "Run", "Ctrl+Return", "Restore the image", {State.IDLE}),
    ("pause", "Pause", "Ctrl+Space", "Halt the run for a while, or let it go on", _GOING),
    ("stop", "Stop and keep", "Ctrl+K", "End the run and keep the best result so far", _GOING),
    (
        "cancel",
        "Cancel",
        "Ctrl+Backspace",
        "End the run and keep nothing",
        _GOING | {State.STOPPING},
    ),
)


class DeepImagePriorWidget(QWidget):  # type: ignore[misc]
    """Restores an image layer of a viewer with Deep Image Prior.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        Where layers come from and results go to.

    Attributes
    ----------
    finished : Signal(list of napari.layers.Image)
        The new layers; none when the run was cancelled.
    failed : Signal(Exception)
        Why there is no result; the user has been told.
    """

    finished = Signal(object)
    failed = Signal(object)

    def __init__(self, viewer: "napari.viewer.Viewer") -> None:
        super().__init__()
        self._viewer = viewer
        self._run: Run | None = None
        self._preview: Preview | None = None
        self._state = State.IDLE
        self._form = Form(viewer)
        self._monitor = Monitor()
        self._buttons: dict[str, QPushButton] = {}
        self._build()
        self._enter(State.IDLE)

    def _build(self) -> None:
        self.setObjectName("deep_image_prior")
        self.setMinimumWidth(_MIN_WIDTH)
        scroll = QScrollArea()
        scroll.setObjectName("form")
        scroll.setWidget(self._form)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        actions = {
            "run": self.run,
            "pause": self._toggle_pause,
            "stop": self.stop,
            "cancel": self.cancel,
        }
        grid = QGridLayout()
        for place, (name, text, key, tip, _) in enumerate(_BUTTONS):
            button = QPushButton(text)
            button.setObjectName(name)
            keys = QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)
            button.setToolTip(f"{tip} ({keys})")
            button.clicked.connect(actions[name])
            # Keys of this dock only: the viewer has its own.
            shortcut = QShortcut(QKeySequence(key), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(button.click)
            grid.addWidget(button, *divmod(place, 2))
            self._buttons[name] = button
        layout = QVBoxLayout(self)
        layout.addWidget(scroll, stretch=1)
        layout.addLayout(grid)
        layout.addWidget(self._monitor)

    @property
    def config(self) -> DipConfig:
        """What the form says; can be set as a whole."""
        return self._form.config

    @config.setter
    def config(self, config: DipConfig) -> None:
        self._form.config = config

    @property
    def task(self) -> TaskChoice:
        """Name of the task and its own fields; can be set."""
        return self._form.task

    @task.setter
    def task(self, choice: TaskChoice) -> None:
        self._form.task = choice

    @property
    def layer(self) -> ImageLayer | None:
        """The image layer that is restored; can be set."""
        return self._form.layer

    @layer.setter
    def layer(self, layer: ImageLayer) -> None:
        self._form.layer = layer

    def reset_choices(self, *_: object) -> None:
        """Follow the viewer's layers; napari calls this when they change."""
        self._form.reset_choices()

    def suggest_layer(self) -> None:
        """Choose the layer that the user looks at."""
        self._form.suggest_layer()

    def run(self) -> None:
        """Start, unless a run is under way."""
        if self._state is not State.IDLE:
            return
        try:
            todo = job(self._form.choices, self._form.layer)
        except NapariDipError as error:
            self._refuse(error)
            return
        self._monitor.clear()
        self._preview = Preview(self._viewer, todo, self)
        self._run = Run(todo.image, todo.task, todo.config, self)
        self._run.observed.connect(self._preview.observe)
        self._run.progressed.connect(self._show)
        self._run.returned.connect(self._return)
        self._run.failed.connect(self._fail)
        self._enter(State.RUNNING)

    def pause(self) -> None:
        """Halt the run; it keeps its memory."""
        if self._state is State.RUNNING and self._run is not None:
            self._run.control.pause()
            self._enter(State.PAUSED)

    def resume(self) -> None:
        """Let a paused run go on."""
        if self._state is State.PAUSED and self._run is not None:
            self._run.control.resume()
            self._enter(State.RUNNING)

    def stop(self) -> None:
        """End the run and keep the best result so far."""
        if self._state in _GOING and self._run is not None:
            self._run.control.stop()
            self._enter(State.STOPPING)

    def cancel(self) -> None:
        """End the run and keep nothing."""
        if self._run is not None:
            self._run.control.cancel()
            self._enter(State.CANCELLING)

    def _toggle_pause(self) -> None:
        if self._state is State.PAUSED:
            self.resume()
        else:
            self.pause()

    def _enter(self, state: State) -> None:
        self._state = state
        for name, _, _, _, states in _BUTTONS:
            self._buttons[name].setEnabled(state in states)
        self._buttons["pause"].setText("Resume" if state is State.PAUSED else "Pause")
        if state is not State.IDLE:
            self._monitor.say(state.value)

    def _show(self, progress: "Progress") -> None:
        if self._preview is None:
            return
        self._monitor.add(progress)
        pace = self._preview.pace
        if self._preview.draw(progress) and pace.due:
            pace.start()
            self._monitor.draw()
            if self._state is not State.RUNNING:
                self._monitor.say(self._state.value)
            self._preview.refresh(progress)
            pace.stop()

    def _return(self, restoration: "Restoration | None") -> None:
        preview = self._end()
        if restoration is None:
            preview.discard()
            self._monitor.clear("Cancelled")
            self.finished.emit([])
            return
        layers = preview.finish(restoration)
        self._monitor.finish(_summary(restoration.report))
        self.finished.emit(layers)

    def _fail(self, error: Exception) -> None:
        self._end().discard()
        self._refuse(error)

    def _refuse(self, error: Exception) -> None:
        ours = isinstance(error, NapariDipError)
        text = str(error) if ours else f"Unexpected {type(error).__name__}: {error}"
        if not ours:
            _LOG.error(text, exc_info=error)
        self._monitor.clear(text)
        show_error(text)
        self.failed.emit(error)

    def _end(self) -> Preview:
        """Return to idle and let go of the run; its preview is the caller's to settle."""
        run, preview = self._run, self._preview
        assert run is not None
        assert preview is not None
        self._run = self._preview = None
        run.blockSignals(True)  # an abandoned run may still have some on their way
        run.deleteLater()
        preview.deleteLater()
        self._enter(State.IDLE)
        return preview

    def changeEvent(self, event: QEvent) -> None:
        """Give up the run when the dock is closed, which takes this widget out of it.

        Nothing reaches a widget that is about to go, so nothing is waited for.
        """
        super().changeEvent(event)
        closed = event.type() == QEvent.Type.ParentChange and self.parent() is None
        if closed and self._run is not None:
            self._run.control.cancel()
            self._end().discard()


def _summary(report: "Report") -> str:
    text = (
        f"Done in {duration(report.seconds)}: iteration {report.selected_iteration} kept, "
        f"{report.stop_reason.replace('_', ' ')}."
    )
    if report.blocks_left:
        text += f" Parts not reached, left as they were: {report.blocks_left}."
    return " ".join([text, *report.warnings])


def open_dock(viewer: "napari.viewer.Viewer", task: str = "denoise") -> None:
    """Show the dock, a new one if there is none, with the layer the user looks at."""
    docked = viewer.window.dock_widgets.values()
    widget = next((one for one in docked if isinstance(one, DeepImagePriorWidget)), None)
    if widget is None:
        widget = DeepImagePriorWidget(viewer)
        viewer.window.add_dock_widget(widget, name=_DOCK_NAME)
    widget.suggest_layer()
    widget.task = TaskChoice(task)
    widget.parent().show()
    widget.parent().raise_()
