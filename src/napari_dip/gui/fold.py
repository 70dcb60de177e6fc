"""What keeps the dock calm: sections that are folded away, and a column that scrolls."""

# Qt classes have no types for mypy, hence the ignored subclassing below.
from qtpy.QtCore import QEvent, Qt, QTimer
from qtpy.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget
from superqt import QCollapsible


class Fold(QCollapsible):  # type: ignore[misc]
    """A section with a title; its arrow is drawn in the colour of the text."""

    def __init__(self, title: str, name: str) -> None:
        super().__init__(title)
        self.setObjectName(name)
        self.setDuration(0)  # motion tells nothing here
        for layout in (self.layout(), self.content().layout()):
            layout.setContentsMargins(0, 0, 0, 0)

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
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        for place, widget in enumerate(widgets):
            column.addWidget(widget, stretch=int(place == 0))
        self.setWidget(body)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self._show_end)

    def show_end(self) -> None:
        """Scroll to the last widget, once it has its new size."""
        self._later.start(0)

    def _show_end(self) -> None:
        self.verticalScrollBar().setValue(self.verticalScrollBar().maximum())
