"""Every state of the dock, 300 pixels wide, in both themes: nothing is clipped.

With NAPARI_DIP_SCREENSHOTS=FOLDER the fast preset runs and each state is saved, as
`scripts/screenshots` does for the documentation.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtGui import QFontMetrics
from qtpy.QtWidgets import (
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QPushButton,
    QSlider,
    QWidget,
)

from napari_dip.config import DipConfig
from napari_dip.core.tasks import TASKS
from napari_dip.gui.batch.dialog import BatchDialog
from napari_dip.gui.job.choices import TaskChoice
from napari_dip.gui.menu_commands import batch, open_dock
from tests.tiny import tiny_config

pytestmark = pytest.mark.window

_FOLDER = os.environ.get("NAPARI_DIP_SCREENSHOTS")
_SIZE = (1180, 820)
_WIDTH = 300
# Smallest margin of a button around its text [pixels].
_MARGIN = 4
# Width of the arrow of a list [pixels].
_ARROW = 24


@pytest.fixture
def viewer(make_napari_viewer):
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(*_SIZE)
    viewer.open_sample("napari-dip", "cell")
    if _FOLDER is None:  # no picture is saved
        for layer in viewer.layers:
            layer.data = layer.data[:64, :64]
    return viewer


@pytest.fixture
def dock(viewer, qtbot):
    open_dock(viewer)
    (dock,) = viewer.window.dock_widgets.values()
    narrow(viewer, dock)
    qtbot.waitUntil(lambda: abs(dock.width() - _WIDTH) <= 20)
    return dock


def narrow(viewer, dock):
    horizontal = Qt.Orientation.Horizontal
    viewer.window._qt_window.resizeDocks([dock.parent()], [_WIDTH], horizontal)


def clipped(dock) -> list[str]:
    """Return the texts that are clipped, and the fields beyond the edge."""
    found = []
    for widget in dock.findChildren(QWidget):
        if not widget.isVisible() or widget.visibleRegion().isEmpty():
            continue  # hidden, collapsed or scrolled away
        right = widget.mapTo(dock, widget.rect().topRight()).x()
        if right > dock.width() and widget.objectName():
            found.append(f"{widget.objectName()} ends at {right} of {dock.width()}")
        if _wraps(widget) and widget.heightForWidth(widget.width()) > widget.height():
            found.append(widget.text())
        if isinstance(widget, QComboBox):
            needed = QFontMetrics(widget.font()).horizontalAdvance(widget.currentText())
            if needed + _ARROW > widget.width():
                found.append(widget.currentText())
        if isinstance(widget, QLabel | QPushButton) and not _wraps(widget):
            needed = QFontMetrics(widget.font()).horizontalAdvance(_plain(widget.text()))
            if needed + _MARGIN * isinstance(widget, QPushButton) > widget.width():
                found.append(widget.text())
    return found


def _wraps(widget) -> bool:
    return isinstance(widget, QLabel) and widget.wordWrap()


def _plain(text: str) -> str:
    return text.replace("&", "")


def settle(dock):
    for _ in range(5):
        QApplication.processEvents()
    assert clipped(dock) == []


def assert_fits(viewer, dock, qtbot, name):
    """Assert that nothing is clipped; save pictures of dock and window if a folder is set."""
    settle(dock)
    if _FOLDER is None:
        return
    folder = Path(_FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    qtbot.wait(500)
    dock.grab().save(str(folder / f"{name}.png"))
    window = viewer.window._qt_window
    QApplication.primaryScreen().grabWindow(int(window.winId())).save(
        str(folder / f"{name}-window.png")
    )


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_form_of_every_task_fits(viewer, dock, qtbot, theme):
    viewer.theme = theme
    ending = "" if theme == "dark" else "-light"
    for name in TASKS:
        dock.task = TaskChoice(name)
        assert_fits(viewer, dock, qtbot, f"{name}{ending}")
    dock.task = TaskChoice("denoise")
    dock._form.region.region = "rectangle"
    assert_fits(viewer, dock, qtbot, f"region{ending}")
    dock._form._advanced.expand()
    assert_fits(viewer, dock, qtbot, f"advanced{ending}")


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_every_state_of_a_run_fits(viewer, dock, qtbot, theme):
    viewer.theme = theme
    ending = "" if theme == "dark" else "-light"
    dock.config = DipConfig(preset="fast") if _FOLDER else tiny_config(5000, threads=1)
    qtbot.mouseClick(dock.findChild(QPushButton, "run"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "cell_denoise" in viewer.layers, timeout=60_000)
    points = 12 if _FOLDER else 4  # a picture shows more of the curve
    qtbot.waitUntil(lambda: len(dock._plot._curves[0].points) >= points, timeout=60_000)
    assert_fits(viewer, dock, qtbot, f"running{ending}")
    dock._form.region.region = "view"
    dock.run()
    dock._form.region.region = "all"
    assert_fits(viewer, dock, qtbot, f"queue{ending}")
    dock._queue.clear()
    qtbot.mouseClick(dock.findChild(QPushButton, "pause"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dock.findChild(QSlider, "iterate").isVisible())
    assert_fits(viewer, dock, qtbot, f"paused{ending}")
    dock.resume()
    with qtbot.waitSignal(dock.finished, timeout=280_000):
        if not _FOLDER:
            dock.stop()
    assert_fits(viewer, dock, qtbot, f"done{ending}")
    slider = dock.findChild(QSlider, "iterate")
    slider.setValue(slider.maximum() // 8)
    assert_fits(viewer, dock, qtbot, f"scrubbed{ending}")
    dock._plot._section.expand()
    assert_fits(viewer, dock, qtbot, f"curve{ending}")
    dock._plot._section.collapse()
    slider.setValue(slider.maximum())
    inspector = dock._results._inspector
    inspector.expand()
    inspector.comparison._truth.value = viewer.layers["cell (truth)"]
    settle(dock)
    qtbot.mouseClick(dock.findChild(QPushButton, "residual"), Qt.MouseButton.LeftButton)
    assert "cell_denoise_residual" in viewer.layers
    text = inspector.comparison._table
    assert text.height() >= text.heightForWidth(text.width())
    assert_fits(viewer, dock, qtbot, f"residual{ending}")
    qtbot.mouseClick(dock.findChild(QPushButton, "compare"), Qt.MouseButton.LeftButton)
    with qtbot.waitSignal(inspector.comparison._worker.returned, timeout=120_000):
        pass
    table = inspector.comparison._table
    qtbot.waitUntil(lambda: table.visibleRegion().boundingRect().height() == table.height() > 0)
    assert_fits(viewer, dock, qtbot, f"compared{ending}")


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_batch_dialog_fits(viewer, dock, qtbot, theme, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # short names without paths of this machine
    viewer.theme = theme
    ending = "" if theme == "dark" else "-light"
    dock.config = tiny_config(2, threads=1)
    batch(viewer)
    dialog = dock.findChild(BatchDialog)
    Path("broken.tif").write_bytes(b"no picture")
    dialog._sources._add("plates/a very long name of a picture, and more of it, 2026-11-25.tif")
    dialog._sources._add("broken.tif")
    viewer.layers.selection = {viewer.layers["cell"]}
    qtbot.mouseClick(dialog.findChild(QPushButton, "add_layers"), Qt.MouseButton.LeftButton)
    dialog.findChild(QLineEdit, "folder").setText("restored")
    assert_fits(viewer, dialog, qtbot, f"batch-before{ending}")
    dialog._sources._list.takeItem(0)
    qtbot.mouseClick(dialog.findChild(QPushButton, "start"), Qt.MouseButton.LeftButton)
    status = dialog.findChild(QLabel, "batch_status")
    qtbot.waitUntil(lambda: status.text() == "1 restored, 1 failed.", timeout=60_000)
    assert_fits(viewer, dialog, qtbot, f"batch{ending}")


def test_refused_layer_fits(viewer, dock, qtbot):
    dock.layer = viewer.add_image(np.zeros((1, 1, 1, 1, 8, 8)), name="six dimensions")
    with qtbot.waitSignal(dock.failed):
        dock.run()
    assert_fits(viewer, dock, qtbot, "refused")
