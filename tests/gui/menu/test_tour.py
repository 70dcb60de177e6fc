from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QPushButton

from napari_dip.gui.menu import settings_menu as menu
from napari_dip.gui.menu import tour
from napari_dip.gui.menu.settings_menu import SettingsMenu
from tests.tiny import noisy_waves, tiny_config

pytestmark = pytest.mark.window


def entries(settings):
    return {action.text(): action for action in settings.menu().actions()}


def button(guide, text):
    buttons = guide.findChildren(QPushButton)
    return next(one for one in buttons if one.text() == text and one.isVisible())


@pytest.mark.skipif(not tour.has_tours(), reason="this napari has no tours")
@pytest.mark.parametrize("restored", [False, True])
def test_tour_stops_at_visible_widgets(viewer, dock, qtbot, restored):
    viewer.window._qt_window.show()
    viewer.add_image(noisy_waves((32, 32)))
    if restored:
        dock.config = tiny_config(3, threads=1)
        with qtbot.waitSignal(dock.finished, timeout=60_000):
            dock.run()
    entries(dock.findChild(SettingsMenu))["Take a tour"].trigger()
    guide = viewer.window._qt_window.findChild(object, "qt_viewer_tour_tooltip")
    qtbot.waitUntil(guide.isVisible)
    titles = []
    while True:
        qtbot.waitUntil(lambda: guide.findChildren(QLabel)[0].text() not in ("", *titles[-1:]))
        titles.append(guide.findChildren(QLabel)[0].text())
        if any(one.text() == "Finish" for one in guide.findChildren(QPushButton)):
            break
        qtbot.mouseClick(button(guide, "Next"), Qt.MouseButton.LeftButton)
    later = ["Curve", "Iterations", "Inspect"]
    assert [title in titles for title in later] == [restored] * 3
    assert (titles[0], titles[-1]) == ("Image", "Settings")
    with qtbot.waitSignal(viewer.window._qt_window._viewer_tour.destroyed):
        qtbot.mouseClick(button(guide, "Finish"), Qt.MouseButton.LeftButton)
    assert viewer.window._qt_window._viewer_tour is None


def test_older_napari_has_no_tour(monkeypatch, dock, qtbot):
    monkeypatch.setattr(menu, "has_tours", lambda: False)
    settings = SettingsMenu(dock._form)
    qtbot.addWidget(settings)
    assert "Take a tour" not in entries(settings)
    assert "Diagnose" in entries(settings)
