"""Order of the keyboard focus: as the widgets are read, top to bottom."""

from collections.abc import Iterator
from itertools import pairwise

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLayout, QScrollArea, QWidget


def order_focus(root: QWidget) -> None:
    """Let the Tab key go through the widgets below `root` in the order of its layouts.

    Qt's own order is that of the creation of the widgets.
    """
    for before, after in pairwise(focusable(root)):
        QWidget.setTabOrder(before, after)


def focusable(root: QWidget) -> Iterator[QWidget]:
    """Yield the widgets below `root` that the Tab key reaches, in the order of the layouts."""
    if root.focusPolicy() & Qt.FocusPolicy.TabFocus and not isinstance(root, QScrollArea):
        yield root
    if isinstance(root, QScrollArea):
        yield from focusable(root.widget())
    elif root.layout() is not None:
        yield from _in_layout(root.layout())


def _in_layout(layout: QLayout) -> Iterator[QWidget]:
    for place in range(layout.count()):
        item = layout.itemAt(place)
        if item.widget() is not None:
            yield from focusable(item.widget())
        elif item.layout() is not None:
            yield from _in_layout(item.layout())
