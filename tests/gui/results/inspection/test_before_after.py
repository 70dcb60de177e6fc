"""Before and after in a real window, by mouse and keyboard."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QApplication, QPushButton, QWidget

from napari_dip.gui.menu_commands import open_dock
from tests.gui.test_real_window import grab

pytestmark = pytest.mark.window

SIZE = (40, 60)
DARK, BRIGHT = 0.0, 3.0  # of the image, and of the result of `fake_restore`


@pytest.fixture
def viewer(make_napari_viewer):
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1180, 820)
    return viewer


@pytest.fixture
def run(viewer, fake_restore, qtbot):
    """Restore an image of this scale and translation, and return the dock."""

    def restore(scale=(1, 1), translate=(0, 0)):
        data = np.full(SIZE, DARK)
        kwargs = {"contrast_limits": (DARK, BRIGHT), "scale": scale, "translate": translate}
        viewer.add_image(data + 1, name="other", **kwargs)
        viewer.add_image(data, name="cells", **kwargs)
        dock = open_dock(viewer)
        fake_restore.free = True
        with qtbot.waitSignal(dock.finished):
            dock.run()
        dock._results._inspector.expand()
        viewer.reset_view()
        return dock

    return restore


def press(dock, qtbot):
    button = dock.findChild(QPushButton, "before_after")
    qtbot.waitUntil(lambda: not button.visibleRegion().isEmpty())
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def line_of(viewer):
    return viewer.window._qt_window.findChild(QWidget, "before_after_line")


def drag(viewer, qtbot, share):
    """Drag the line to a share of the width of the canvas; return the canvas."""
    line = line_of(viewer)
    canvas, start = line.parentWidget(), line.rect().center()
    end = line.mapFrom(canvas, QPoint(round(share * canvas.width()), canvas.height() // 2))
    qtbot.mousePress(line, Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseMove(line, end)
    qtbot.mouseRelease(line, Qt.MouseButton.LeftButton, pos=line.rect().center())
    return canvas


def at_middle_row(canvas, x) -> int:
    """Return the grey value that the screen shows at a column of the canvas."""
    QApplication.processEvents()
    place = canvas.mapToGlobal(QPoint(x, canvas.height() // 2))
    return int(grab()[place.y(), place.x()])


def assert_divided_between(qtbot, canvas, columns):
    """Assert that the screen comes to show the image at one column, the result at the other."""
    before, after = columns
    qtbot.waitUntil(lambda: at_middle_row(canvas, before) < 20)
    qtbot.waitUntil(lambda: at_middle_row(canvas, after) > 235)


@pytest.mark.parametrize(
    ("scale", "translate"),
    [
        pytest.param((1, 1), (0, 0), id="pixels"),
        pytest.param((0.2, 0.2), (7, -3), id="scale and translation"),
        pytest.param((0.2, -0.2), (7, -3), id="mirrored"),
    ],
)
def test_image_is_left_and_result_right_of_the_line(viewer, run, qtbot, scale, translate):
    dock = run(scale, translate)
    press(dock, qtbot)
    for share in (0.35, 0.65):
        canvas = drag(viewer, qtbot, share)
        place = round(share * canvas.width())
        # The edge is at a border of pixels, at most half a pixel from the line.
        beside = round(canvas.width() / SIZE[1]) + 10
        assert_divided_between(qtbot, canvas, (place - beside, place + beside))


def test_line_keeps_its_place_when_the_view_is_zoomed(viewer, run, qtbot):
    dock = run()
    press(dock, qtbot)
    canvas = drag(viewer, qtbot, 0.5)
    getattr(viewer, "scene", viewer).camera.center = (0, 20, 35)
    middle = canvas.width() // 2
    beside = round(canvas.width() / SIZE[1]) + 10
    assert_divided_between(qtbot, canvas, (middle - beside, middle + beside))


def test_off_restores_layers_and_visibility(viewer, run, qtbot):
    dock = run()
    viewer.layers["other"].visible = False
    before = {layer.name: layer.visible for layer in viewer.layers}
    press(dock, qtbot)
    assert [layer.name for layer in viewer.layers if layer.visible] == [
        "cells_denoise",
        "cells_before",
    ]
    press(dock, qtbot)
    assert {layer.name: layer.visible for layer in viewer.layers} == before
    qtbot.waitUntil(lambda: line_of(viewer) is None)


@pytest.mark.parametrize("ending", ["deleted", "volume", "next run"])
def test_view_ends_with_what_it_shows(viewer, run, fake_restore, qtbot, ending):
    dock = run()
    press(dock, qtbot)
    if ending == "deleted":
        viewer.layers.remove("cells_before")
    elif ending == "volume":
        viewer.dims.ndisplay = 3
    else:
        with qtbot.waitSignal(dock.finished):
            dock.run()
    assert not dock.findChild(QPushButton, "before_after").isChecked()
    assert "cells_before" not in viewer.layers
    assert viewer.layers["cells"].visible


def test_holding_the_key_shows_the_image(viewer, run, qtbot):
    run()
    canvas = viewer.window._qt_viewer.canvas.native
    result = viewer.layers["cells_denoise"]
    qtbot.keyPress(canvas, Qt.Key.Key_H)
    assert [layer.name for layer in viewer.layers if layer.visible] == ["cells"]
    qtbot.keyRelease(canvas, Qt.Key.Key_H)
    assert result.visible
    viewer.layers.remove(result)
    qtbot.keyPress(canvas, Qt.Key.Key_H)
    assert viewer.layers["other"].visible
    qtbot.keyRelease(canvas, Qt.Key.Key_H)
