from __future__ import annotations

import pytest
from qtpy.QtWidgets import QDockWidget, QLabel

pytestmark = pytest.mark.window


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer(show=True)


@pytest.fixture
def holder(viewer, dock, qtbot):
    """Return the dock of napari around the widget."""
    qtbot.waitExposed(dock)
    (holder,) = (
        one for one in viewer.window._qt_window.findChildren(QDockWidget) if one.isAncestorOf(dock)
    )
    return holder


def titles(holder) -> list[str]:
    return [label.text() for label in holder.titleBarWidget().findChildren(QLabel)]


def test_title_is_the_name_of_the_widget_alone(holder):
    assert titles(holder) == ["Deep Image Prior"]


def test_title_stays_short_while_the_dock_floats_and_afterwards(holder, qtbot):
    for floating in (True, False):
        holder.setFloating(floating)
        qtbot.waitUntil(lambda state=floating: holder.isFloating() == state)
        assert titles(holder) == ["Deep Image Prior"]


def test_napari_finds_the_dock_by_its_name(viewer, dock, holder):
    _, again = viewer.window.add_plugin_dock_widget("napari-dip", "Deep Image Prior")
    assert again is dock
