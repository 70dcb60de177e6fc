"""A section of the dock that is folded away until it is asked for."""

# Qt classes have no types for mypy, hence the ignored subclassing below.
from qtpy.QtCore import QEvent
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
