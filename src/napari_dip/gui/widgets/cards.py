"""Cards: short messages, each with advice and, if possible, a button that follows it."""

# Qt classes have no types for mypy, hence the ignored subclassing below.
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from qtpy.QtGui import QPainter, QPaintEvent, QPalette
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_dip.gui.widgets.collapsible import WrappedLabel

# Width of the bar beside a message [pixels].
_BAR = 3
_SENTENCE = re.compile(r"(?<=[.]) (?=[A-Z])")
# First words of a sentence that says what to do.
_VERBS = frozenset(
    "Add Allow Check Choose Close Compare Convert Correct Crop Draw Enter Export Free Give "
    "Install Leave Make Move Open Rename Restart Run Save Select Set Start Take Try Update Use "
    "Write".split()
)


@dataclass(frozen=True, slots=True)
class Fix:
    """A button that follows the advice of a message.

    Attributes
    ----------
    text : str
        Text of the button.
    action : callable
        Function that a click calls.
    """

    text: str
    action: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Advice:
    """A message for the user.

    Attributes
    ----------
    text : str
        What happened and what to do, in sentences.
    fixes : sequence of Fix
        Buttons that follow the advice.
    """

    text: str
    fixes: Sequence[Fix] = ()


def shortened(text: str) -> tuple[str, str]:
    """Return the first sentence of a message, and the last if that says what to do.

    Examples
    --------
    >>> shortened("The residual is smooth. It has structure. Compare the result.")
    ('The residual is smooth.', 'Compare the result.')
    >>> shortened("The noise is low. All pixels stay.")
    ('The noise is low.', '')
    """
    first, *others = _SENTENCE.split(text)
    advice = others[-1] if others and others[-1].split()[0] in _VERBS else ""
    return first, advice


class Cards(QWidget):  # type: ignore[misc]
    """Messages below one another; hidden while there are none."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self._shown: list[tuple[str, list[str]]] = []
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self.hide()

    @property
    def text(self) -> str:
        """Full text of all messages, one a line."""
        return "\n".join(text for text, _ in self._shown)

    def show_advice(self, *messages: Advice) -> None:
        """Show these messages in place of the earlier ones."""
        shown = [(one.text, [fix.text for fix in one.fixes]) for one in messages]
        if shown == self._shown:
            return
        self._shown = shown
        while (item := self._layout.takeAt(0)) is not None:
            item.widget().hide()
            item.widget().deleteLater()
        for message in messages:
            self._layout.addWidget(_Card(message))
        self.setVisible(bool(messages))


class _Card(QWidget):  # type: ignore[misc]
    """One message, with a bar at its left: the themes of napari draw no frames."""

    def __init__(self, advice: Advice) -> None:
        super().__init__()
        self.setObjectName("card")
        self.setToolTip(advice.text)
        sentence, action = shortened(advice.text)
        label = WrappedLabel()
        label.setObjectName("card_text")
        emphasised = f" <b>{escape(action)}</b>" if action else ""
        label.setText(f"{escape(sentence)}{emphasised}")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(3 * _BAR, 0, 0, 0)
        layout.addWidget(label)
        for fix in advice.fixes:
            button = QPushButton(fix.text)
            button.setObjectName("fix")
            button.setToolTip(advice.text)
            # A click changes the form, which may delete this card: not within its own signal.
            button.clicked.connect(lambda _=False, act=fix.action: act())
            layout.addWidget(button)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the bar in the colour of the text."""
        ink = self.palette().color(QPalette.ColorRole.WindowText)
        QPainter(self).fillRect(0, 0, _BAR, self.height(), ink)
