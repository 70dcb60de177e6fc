"""Buttons of a run: Run, Save, Pause, Stop and keep, Cancel, with their keys."""

# Qt classes have no types for mypy, hence the ignored subclassing below.
from collections.abc import Callable
from enum import Enum

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence, QMouseEvent, QResizeEvent
from qtpy.QtWidgets import QGridLayout, QPushButton, QShortcut, QSizePolicy, QWidget


class State(Enum):
    """State of the run of a dock; the value is the text for the user."""

    IDLE = ""
    RUNNING = "Starting"
    PAUSED = "Paused"
    STOPPING = "Stopping after this iteration"
    CANCELLING = "Cancelling"


ACTIVE = {State.RUNNING, State.PAUSED}
# Object name, text, key (the viewer has one for saving), tooltip, and the states in which
# the button is enabled.
_BUTTONS: tuple[tuple[str, str, str, str, set[State]], ...] = (
    (
        "run",
        "Run",
        "Ctrl+Return",
        "Restore the image with these settings, after the current run and the queue.",
        set(State),
    ),
    (
        "save",
        "Save\N{HORIZONTAL ELLIPSIS}",
        "",
        "Save the result with its axes, scale, units and report.",
        set(),
    ),
    (
        "pause",
        "Pause",
        "Ctrl+Space",
        "Pause or resume the run; after its end, continue it.",
        ACTIVE,
    ),
    ("stop", "Stop and keep", "Ctrl+K", "End the run and keep the best result so far.", ACTIVE),
    (
        "cancel",
        "Cancel",
        "Ctrl+Backspace",
        "End the run, or the preview of the strength, without a result.",
        ACTIVE | {State.STOPPING},
    ),
)
# Row, column, and number of rows and columns of each button.
_PLACES = ((0, 0, 1, 2), (0, 2, 1, 1), (1, 0, 1, 1), (1, 1, 1, 1), (1, 2, 1, 1))


class _Button(QPushButton):  # type: ignore[misc]
    """A button that ignores the second click of a double click."""

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        event.accept()

    def nextCheckState(self) -> None:
        """Stay checked: the themes of napari emphasise the checked button, Run."""


class _ElidedButton(_Button):
    """A button that leaves out the middle of a text that is too long for its width."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._text = text
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def show_text(self, text: str) -> None:
        """Show a text."""
        self._text = text
        room = self.width() - 2 * self.fontMetrics().averageCharWidth()
        shown = self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideMiddle, room)
        self.setText(shown.replace("&", "&&"))  # a single & would underline a letter

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.show_text(self._text)


class RunButtons(QWidget):  # type: ignore[misc]
    """The buttons of a dock.

    Parameters
    ----------
    dock : QWidget
        Widget in which the keys work; the viewer has keys of its own.
    *actions : callable
        Actions of the buttons: Run, Save, Pause, Stop and keep, Cancel.
    """

    def __init__(self, dock: QWidget, *actions: Callable[[], None]) -> None:
        super().__init__(dock)
        self._buttons: dict[str, QPushButton] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        rows = zip(_PLACES, _BUTTONS, actions, strict=True)
        for place, (name, text, key, tip, _), action in rows:
            button = _ElidedButton(text) if name == "run" else _Button(text)
            button.setObjectName(name)
            button.setCheckable(name == "run")
            button.setChecked(name == "run")
            button.setToolTip(_tooltip(tip, key))
            button.clicked.connect(action)
            if key:
                shortcut = QShortcut(QKeySequence(key), dock)
                shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
                shortcut.activated.connect(button.click)
            grid.addWidget(button, *place)
            self._buttons[name] = button

    def follow(
        self,
        state: State,
        request: str = "",
        *,
        can_continue: bool = False,
        can_clear: bool = False,
        has_result: bool = False,
    ) -> None:
        """Enable the buttons of a state.

        Parameters
        ----------
        state : State
            State of the run.
        request : str
            Task and image of the next run, such as "Denoise cells"; empty without an image.
        can_continue : bool
            Whether a run has ended and can be continued.
        can_clear : bool
            Whether *Cancel* has a preview of the strength to remove.
        has_result : bool
            Whether there is a result to save.
        """
        for name, _, _, _, states in _BUTTONS:
            self._buttons[name].setEnabled(state in states)
        can_continue = can_continue and state is State.IDLE
        text = "Resume" if state is State.PAUSED else "Continue" if can_continue else "Pause"
        self._buttons["pause"].setText(text)
        prefix = "" if state is State.IDLE else "Add to queue: " if request else "Add to queue"
        self._buttons["run"].show_text(f"{prefix}{request}" or "Run")
        _, _, key, tip, _ = _BUTTONS[0]
        self._buttons["run"].setToolTip(_tooltip(f"{request}. {tip}" if request else tip, key))
        self._buttons["save"].setEnabled(has_result)
        if can_continue:
            self._buttons["pause"].setEnabled(True)
        if can_clear:
            self._buttons["cancel"].setEnabled(True)


def _tooltip(tip: str, key: str) -> str:
    """Return a tooltip with the key of a button."""
    if not key:
        return tip
    keys = QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)
    return f"{tip.removesuffix('.')} ({keys})."
