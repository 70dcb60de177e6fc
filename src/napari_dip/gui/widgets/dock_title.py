"""Title of the dock: the name of the widget, which napari follows with the name of the plugin."""

# Qt classes have no types for mypy, hence the ignored subclassing below.
from qtpy.QtCore import QObject
from qtpy.QtWidgets import QDockWidget, QLabel, QWidget


class DockTitle(QObject):  # type: ignore[misc]
    """Keeps the title of a dock short: napari cuts off the end of a long one.

    Parameters
    ----------
    dock : QDockWidget
        Dock of napari; owner of this object. Its name, by which napari finds it, stays.
    title : str
        Title to show.
    """

    def __init__(self, dock: QDockWidget, title: str) -> None:
        super().__init__(dock)
        self._title = title
        # napari makes a new bar for a dock that floats, or that is moved to another side.
        dock.topLevelChanged.connect(self._shorten)
        dock.dockLocationChanged.connect(self._shorten)
        self._shorten()

    def _shorten(self, *_: object) -> None:
        bar = self.parent().titleBarWidget()
        for label in [] if bar is None else bar.findChildren(QLabel):
            label.setText(self._title)


def shorten_title(widget: QWidget, title: str) -> None:
    """Show a short title for the dock around a widget, if there is one.

    Parameters
    ----------
    widget : QWidget
        Widget inside the dock, at any depth.
    title : str
        Title to show.
    """
    while widget is not None and not isinstance(widget, QDockWidget):
        widget = widget.parentWidget()
    if widget is not None and widget.findChild(DockTitle) is None:
        DockTitle(widget, title)
