"""What a run can be told: Run, Pause, Stop and keep, Cancel, by mouse and by key."""

# Qt classes have no types for mypy, hence the ignored subclassing below.
from collections.abc import Callable
from enum import Enum

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence, QMouseEvent
from qtpy.QtWidgets import QGridLayout, QPushButton, QShortcut, QWidget


class State(Enum):
    """Of the one run a dock can have; the value is what the user reads."""

    IDLE = ""
    RUNNING = "Starting"
    PAUSED = "Paused"
    STOPPING = "Stopping after this iteration"
    CANCELLING = "Cancelling"


GOING = {State.RUNNING, State.PAUSED}
# Object name, text, key, tooltip, and the states in which it can be pressed.
_BUTTONS = (
    (
        "run",
        "Run",
        "Ctrl+Return",
        "Restore the image with these settings: now, or once the runs before it are over",
        set(State),
    ),
    (
        "pause",
        "Pause",
        "Ctrl+Space",
        "Halt the run, or let it go on, even past its end",
        GOING,
    ),
    ("stop", "Stop and keep", "Ctrl+K", "End the run and keep the best result so far", GOING),
    (
        "cancel",
        "Cancel",
        "Ctrl+Backspace",
        "End the run and keep nothing",
        GOING | {State.STOPPING},
    ),
)


class _Button(QPushButton):  # type: ignore[misc]
    """A button that takes a double click for one click."""

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        event.accept()


class Buttons(QWidget):  # type: ignore[misc]
    """The buttons of a dock.

    Parameters
    ----------
    dock : QWidget
        Where their keys work: the viewer has its own.
    **actions : callable
        What each of them does.
    """

    def __init__(self, dock: QWidget, **actions: Callable[[], None]) -> None:
        super().__init__(dock)
        self._buttons: dict[str, QPushButton] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        for place, (name, text, key, tip, _) in enumerate(_BUTTONS):
            button = _Button(text)
            button.setObjectName(name)
            keys = QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)
            button.setToolTip(f"{tip} ({keys})")
            button.clicked.connect(actions[name])
            shortcut = QShortcut(QKeySequence(key), dock)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(button.click)
            grid.addWidget(button, *divmod(place, 2))
            self._buttons[name] = button

    def follow(self, state: State, *, can_go_on: bool = False) -> None:
        """Offer what can be done now; a run that is over can perhaps be gone on with."""
        for name, _, _, _, states in _BUTTONS:
            self._buttons[name].setEnabled(state in states)
        more = state is State.IDLE and can_go_on
        words = "Resume" if state is State.PAUSED else "Go on" if more else "Pause"
        self._buttons["pause"].setText(words)
        self._buttons["run"].setText("Run" if state is State.IDLE else "Add to queue")
        if more:
            self._buttons["pause"].setEnabled(True)
