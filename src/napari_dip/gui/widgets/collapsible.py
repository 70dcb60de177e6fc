"""Layout helpers: column, collapsible section, scrolling column."""

# Qt classes have no types for mypy, hence the ignored subclassing below.
from qtpy.QtCore import QEvent, QObject, QSize, Qt, QTimer
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QFrame, QLabel, QScrollArea, QSizePolicy, QVBoxLayout, QWidget
from superqt import QCollapsible

# Time until a section that has grown has its size, on a busy machine too [milliseconds].
_LAYOUT_TIME = 500
_ANY_HEIGHT = 2**24 - 1  # QWIDGETSIZE_MAX of Qt; its name differs between the bindings


def column(widget: QWidget, *parts: QWidget) -> None:
    """Put widgets below one another into a widget, without margins."""
    layout = QVBoxLayout(widget)
    layout.setContentsMargins(0, 0, 0, 0)
    for part in parts:
        layout.addWidget(part)


class Collapsible(QCollapsible):  # type: ignore[misc]
    """Section with a title; its arrow has the colour of the text."""

    def __init__(self, title: str, name: str) -> None:
        super().__init__(title)
        self.setObjectName(name)
        self.setDuration(0)  # no animation
        for layout in (self.layout(), self.content().layout()):
            layout.setContentsMargins(0, 0, 0, 0)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let the content grow: superqt limits it to the height at the time of the expansion."""
        if event.type() in (QEvent.Type.Resize, QEvent.Type.LayoutRequest) and self.isExpanded():
            self.content().setMaximumHeight(_ANY_HEIGHT)
        return False

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self.setCollapsedIcon("\N{BLACK RIGHT-POINTING TRIANGLE}")
            self.setExpandedIcon("\N{BLACK DOWN-POINTING TRIANGLE}")
        super().changeEvent(event)


class WrappedLabel(QLabel):  # type: ignore[misc]
    """Text in lines as wide as its place; hidden while empty.

    Its height follows the width, which `QCollapsible` does not take into account.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setWordWrap(True)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.hide()

    def setText(self, text: str) -> None:
        super().setText(text)
        self._fit()
        self.setVisible(bool(text))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        self.setMinimumHeight(max(self.heightForWidth(self.width()), 0))


class ScrollColumn(QScrollArea):  # type: ignore[misc]
    """Scroll area with widgets below one another; the first takes the remaining height."""

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

    def minimumSizeHint(self) -> QSize:
        """Return a width with room for the scroll bar, which would cover the widgets."""
        width = (
            self.widget().minimumSizeHint().width() + self.verticalScrollBar().sizeHint().width()
        )
        return QSize(width, super().minimumSizeHint().height())

    def show_end(self) -> None:
        """Scroll to the end, also while the last widget takes its new size."""
        self._later.start(_LAYOUT_TIME)

    def _follow(self, *_: int) -> None:
        if self._later.isActive():
            self._show_end()

    def _show_end(self) -> None:
        self.verticalScrollBar().setValue(self.verticalScrollBar().maximum())
