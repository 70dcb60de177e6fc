"""What keeps the dock calm: plain columns, sections folded away, and a column that scrolls."""

# Qt classes have no types for mypy, hence the ignored subclassing below.
from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget
from superqt import QCollapsible

# After so long what was unfolded has its size [milliseconds].
_SETTLED = 100
_ANY_HEIGHT = 2**24 - 1  # Qt's QWIDGETSIZE_MAX, which no binding names alike


def column(widget: QWidget, *parts: QWidget) -> None:
    """Fill a widget with others, one below the other, to its very edges."""
    layout = QVBoxLayout(widget)
    layout.setContentsMargins(0, 0, 0, 0)
    for part in parts:
        layout.addWidget(part)


class Fold(QCollapsible):  # type: ignore[misc]
    """A section with a title; its arrow is drawn in the colour of the text."""

    def __init__(self, title: str, name: str) -> None:
        super().__init__(title)
        self.setObjectName(name)
        self.setDuration(0)  # motion tells nothing here
        for layout in (self.layout(), self.content().layout()):
            layout.setContentsMargins(0, 0, 0, 0)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let what is unfolded grow: superqt would hold it to the height it had before."""
        if event.type() == QEvent.Type.Resize and self.isExpanded():
            self.content().setMaximumHeight(_ANY_HEIGHT)
        return False

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self.setCollapsedIcon("\N{BLACK RIGHT-POINTING TRIANGLE}")
            self.setExpandedIcon("\N{BLACK DOWN-POINTING TRIANGLE}")
        super().changeEvent(event)


class Scroll(QScrollArea):  # type: ignore[misc]
    """Widgets one below the other, the first as tall as there is room for."""

    def __init__(self, *widgets: QWidget) -> None:
        super().__init__()
        body = QWidget()
        column(body, *widgets)
        body.layout().setStretch(0, 1)
        self.setWidget(body)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self._show_end)
        self.verticalScrollBar().rangeChanged.connect(self._follow)

    def show_end(self) -> None:
        """Scroll to the last widget, while it takes its new size."""
        self._later.start(_SETTLED)

    def _follow(self, *_: int) -> None:
        if self._later.isActive():
            self._show_end()

    def _show_end(self) -> None:
        self.verticalScrollBar().setValue(self.verticalScrollBar().maximum())
