"""A user's way through the real window: sample, dock, Run, preview, Stop and keep.

With NAPARI_DIP_SCREENSHOT=FILE.png the fast preset runs to its own end and the
screen is saved.
"""

from __future__ import annotations

import os
import time
from threading import Event

import numpy as np
import pytest
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import (
    QApplication,
    QFileDialog,
    QLabel,
    QLineEdit,
    QListWidget,
    QMenu,
    QPushButton,
    QWidget,
)
from superqt.utils import qimage_to_array

from napari_dip.config import DipConfig
from napari_dip.core.image.image import Image
from napari_dip.gui.batch.dialog import BatchDialog
from napari_dip.gui.menu_commands import open_dock
from napari_dip.io import images as io
from tests.tiny import noisy_waves, tiny_config

pytestmark = pytest.mark.window

_PATH = os.environ.get("NAPARI_DIP_SCREENSHOT")
_SIZE = (1180, 820)
_SPOT = (128, 128)  # a pixel of the sample, y and x
_ZOOM = 24  # screen pixels for each pixel of the sample
_TOLERANCE = 3  # grey levels of 255, for rounding


@pytest.fixture
def viewer(make_napari_viewer):
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(*_SIZE)
    return viewer


def choose(viewer, *path):
    """Trigger an entry of the menu bar by its texts."""
    menu = viewer.window._qt_window.menuBar()
    for text in path:
        if isinstance(menu, QMenu):
            menu.aboutToShow.emit()  # napari fills some menus when they open
        (action,) = [one for one in menu.actions() if text in one.text().replace("&", "")]
        menu = action.menu()
    action.trigger()


def click(dock, qtbot, name):
    QApplication.processEvents()  # a button has its place once it is laid out
    qtbot.mouseClick(dock.findChild(QPushButton, name), Qt.MouseButton.LeftButton)


def grab() -> np.ndarray:
    """Return the red channel of the X server's screen, (Y, X)."""
    image = QApplication.primaryScreen().grabWindow(0).toImage()
    return qimage_to_array(image)[..., 0]


def spot_on_screen(viewer) -> int:
    """Return the grey value the screen shows for the pixel `_SPOT`."""
    camera = viewer.scene.camera if hasattr(viewer, "scene") else viewer.camera  # napari < 0.9
    camera.center = _SPOT
    camera.zoom = _ZOOM
    QApplication.processEvents()
    canvas = viewer.window._qt_viewer.canvas.native
    middle = canvas.mapToGlobal(canvas.rect().center())
    return int(grab()[middle.y(), middle.x()])


def expected_on_screen(layer) -> float:
    low, high = layer.contrast_limits
    return 255 * float(np.clip((layer.data[_SPOT] - low) / (high - low), 0, 1))


def wait_until_shown(viewer, layer, qtbot) -> int:
    """Return the grey value on the screen once it is the layer's own; frames come late."""

    def shown() -> bool:
        return abs(spot_on_screen(viewer) - expected_on_screen(layer)) <= _TOLERANCE

    qtbot.waitUntil(shown, timeout=60_000)
    return spot_on_screen(viewer)


def test_a_user_restores_a_sample(viewer, qtbot):
    choose(viewer, "File", "Open Sample", "Deep Image Prior", "Noisy cell")
    noisy = viewer.layers["cell"]
    before = wait_until_shown(viewer, noisy, qtbot)

    choose(viewer, "Layers", "Filter", "Restoration (Deep Image Prior)", "Denoise")
    (dock,) = viewer.window.dock_widgets.values()
    assert dock.layer == noisy
    dock.config = DipConfig(preset="fast") if _PATH else tiny_config(iterations=5000, threads=1)
    qtbot.waitExposed(dock)

    click(dock, qtbot, "run")
    qtbot.waitUntil(lambda: "cell_denoise" in viewer.layers, timeout=60_000)
    preview = viewer.layers["cell_denoise"]
    qtbot.waitUntil(lambda: preview.visible, timeout=60_000)  # with the first estimate
    first = wait_until_shown(viewer, preview, qtbot)
    assert abs(first - before) > _TOLERANCE

    # The screen shows the next estimate by itself.
    qtbot.waitUntil(lambda: abs(spot_on_screen(viewer) - first) > _TOLERANCE, timeout=60_000)

    viewer.reset_view()
    with qtbot.waitSignal(dock.finished, timeout=280_000) as finished:
        if not _PATH:
            click(dock, qtbot, "stop")
    (result,) = finished.args[0]
    assert result == preview
    stopped = result.metadata["napari_dip"]["stop_reason"] == "stop_requested"
    assert stopped != bool(_PATH)
    if _PATH:
        qtbot.wait(500)  # for the thumbnail and the layout
        assert QApplication.primaryScreen().grabWindow(0).save(_PATH)
    wait_until_shown(viewer, result, qtbot)


def test_a_mask_is_painted_by_mouse_and_its_pixels_are_filled(viewer, qtbot):
    viewer.open_sample("napari-dip", "cell")
    choose(viewer, "Layers", "Filter", "Restoration (Deep Image Prior)", "Inpaint")
    (dock,) = viewer.window.dock_widgets.values()
    dock.config = tiny_config(iterations=3, threads=1)
    click(dock, qtbot, "new_mask")
    mask, canvas = viewer.layers["cell_mask"], viewer.window._qt_viewer.canvas.native
    qtbot.waitExposed(canvas)
    QApplication.processEvents()
    for event in (qtbot.mousePress, qtbot.mouseRelease):
        event(canvas, Qt.MouseButton.LeftButton, pos=canvas.rect().center())
    qtbot.waitUntil(mask.data.any)
    with qtbot.waitSignal(dock.finished, timeout=60_000) as finished:
        click(dock, qtbot, "run")
    (result,) = finished.args[0]
    observed, painted = viewer.layers["cell"].data, mask.data > 0
    np.testing.assert_array_equal(result.data[~painted], observed[~painted])
    assert (result.data[painted] != observed[painted]).any()


def test_a_queue_of_two(viewer, qtbot):
    viewer.open_sample("napari-dip", "cell")
    choose(viewer, "Layers", "Filter", "Restoration (Deep Image Prior)", "Denoise")
    (dock,) = viewer.window.dock_widgets.values()
    dock.config = tiny_config(iterations=5000, threads=1)
    qtbot.waitExposed(dock)
    click(dock, qtbot, "run")
    qtbot.waitUntil(lambda: "cell_denoise" in viewer.layers, timeout=60_000)
    for seed in (8, 7):
        dock.config = tiny_config(iterations=3, threads=1, seed=seed)
        click(dock, qtbot, "run")
    lines = dock.findChild(QListWidget, "queue")
    assert lines.isVisible()
    lines.setFocus()
    qtbot.keyClick(lines, Qt.Key.Key_Home)
    qtbot.keyClick(lines, Qt.Key.Key_Delete)
    assert lines.count() == 1
    with qtbot.waitSignals([dock.finished, dock.finished], timeout=60_000):
        click(dock, qtbot, "stop")
    first, second = (viewer.layers[name] for name in ("cell_denoise", "cell_denoise [1]"))
    assert first.metadata["napari_dip"]["stop_reason"] == "stop_requested"
    assert second.metadata["napari_dip"]["seed"] == 7
    assert not dock.findChild(QListWidget, "queue").isVisible()


def test_two_files_are_restored_by_the_batch_dialog(viewer, qtbot, tmp_path, monkeypatch):
    files = [tmp_path / f"{name}.tif" for name in ("a", "b")]
    for file in files:
        io.write_image(file, Image(noisy_waves((24, 20)), "YX"))
    choose(viewer, "File", "IO Utilities", "Restore many images")
    (dock,) = viewer.window.dock_widgets.values()
    dock.config = tiny_config(iterations=2, threads=1)
    dialog = dock.findChild(BatchDialog)
    qtbot.waitExposed(dialog)
    names = [str(file) for file in files]
    # A test cannot operate the file dialog of the system.
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: (names, ""))
    click(dialog, qtbot, "add_files")
    qtbot.keyClicks(dialog.findChild(QLineEdit, "folder"), str(tmp_path / "out"))
    click(dialog, qtbot, "start")
    status = dialog.findChild(QLabel, "batch_status")
    qtbot.waitUntil(lambda: status.text() == "2 restored.", timeout=60_000)
    for name in ("a", "b"):
        restored = io.read_image(tmp_path / "out" / f"{name}_denoise.ome.tif")
        assert restored.shape == (24, 20)


def test_window_adds_little_to_the_time_of_the_first_answer(viewer, fake_restore, qtbot):
    """A restoration that answers at once is on the screen within a second of the click."""
    viewer.add_image(np.random.default_rng(0).normal(100, 10, (1024, 1024)), name="large")
    dock = open_dock(viewer)
    qtbot.waitUntil(dock.findChild(QPushButton, "run").isVisible)
    fake_restore.free, fake_restore.iterations = True, 1
    shown, done = Event(), []
    dock.finished.connect(done.append)
    viewer.layers.events.inserted.connect(lambda _: shown.set())
    start = time.monotonic()
    click(dock, qtbot, "run")
    qtbot.waitUntil(shown.is_set)
    assert time.monotonic() - start < 1.0
    qtbot.waitUntil(lambda: bool(done))


def pick(dock, qtbot, text):
    """Choose an entry of the menu *Settings* with the mouse."""
    button = dock.findChild(QPushButton, "settings")
    menu = button.menu()
    (action,) = [one for one in menu.actions() if one.text() == text]

    def press():
        qtbot.mouseClick(menu, Qt.MouseButton.LeftButton, pos=menu.actionGeometry(action).center())

    chosen = []

    def note(*_):  # PySide would call `append` without the argument of the signal
        chosen.append(text)

    action.triggered.connect(note)
    QTimer.singleShot(300, press)  # the click on the button may return when the menu is closed
    QApplication.processEvents()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(chosen))
    action.triggered.disconnect(note)


def test_all_layers_are_restored_and_the_last_result_taken_back(viewer, fake_restore, qtbot):
    for name in ("a", "b"):
        viewer.add_image(noisy_waves((24, 20)), name=name)
    dock = open_dock(viewer)
    qtbot.waitExposed(dock)
    fake_restore.free = True
    with qtbot.waitSignals([dock.finished, dock.finished], timeout=60_000):
        pick(dock, qtbot, "Run on all layers")
    results = ["a_denoise", "b_denoise"]
    assert [layer.name for layer in viewer.layers if layer.name in results] == results
    pick(dock, qtbot, "Undo the last run")
    assert [layer.name for layer in viewer.layers if layer.name in results] == ["a_denoise"]
    pick(dock, qtbot, "Undo the last run")
    assert [layer.name for layer in viewer.layers] == ["a", "b"]


def type_in(dock, qtbot, name, text):
    line = dock.findChild(QLineEdit, name)
    dock._scroll.ensureWidgetVisible(line)
    QApplication.processEvents()
    qtbot.mouseDClick(line, Qt.MouseButton.LeftButton)  # selects the text
    qtbot.keyClicks(line, text)


def test_uncalibrated_stack_is_calibrated_and_deconvolved_by_its_optics(
    viewer, fake_restore, qtbot
):
    stack = np.random.default_rng(0).normal(100, 10, (5, 24, 20))
    viewer.add_image(stack, name="cells", axis_labels=("z", "y", "x"))
    choose(viewer, "Layers", "Filter", "Restoration (Deep Image Prior)", "Deconvolve")
    (dock,) = viewer.window.dock_widgets.values()
    qtbot.waitExposed(dock)
    type_in(dock, qtbot, "na", "0.8")
    type_in(dock, qtbot, "wavelength", "0.5")
    note = dock.findChild(QWidget, "size_note")
    assert "voxel size along y, x" in note.text
    click(dock, qtbot, "fix")
    for axis, size in zip("zyx", ("0.5", "0.1", "0.1"), strict=True):
        type_in(dock, qtbot, f"voxel_size_{axis}", size)
    assert not note.isVisible()
    fake_restore.free = True
    with qtbot.waitSignal(dock.finished, timeout=60_000) as finished:
        click(dock, qtbot, "run")
    (result,) = finished.args[0]
    assert result.name == "cells_deconvolve"
    assert fake_restore.image.voxel_size == {"Z": 0.5, "Y": 0.1, "X": 0.1}
    assert (fake_restore.task.na, fake_restore.task.wavelength) == (0.8, 0.5)
    assert viewer.layers["cells"].data is stack


def test_sample_to_saved_result_takes_six_clicks(
    viewer, fake_restore, qtbot, tmp_path, monkeypatch
):
    clicks = []

    class Dialog:
        """Stands for the dialog of the system: one click on its button."""

        @staticmethod
        def getSaveFileName(*_):
            clicks.append("Save in the dialog")
            return str(tmp_path / "cell.ome.tif"), ""

    monkeypatch.setattr("napari_dip.gui.results.results_panel.QFileDialog", Dialog)

    def entry(*path):
        """Choose an entry: a click on the menu and one on the entry; the mouse opens the rest."""
        clicks.extend((path[0], path[-1]))
        choose(viewer, *path)

    def push(name):
        clicks.append(name)
        click(dock, qtbot, name)

    fake_restore.free = True
    choose(viewer, "File", "Open Sample", "Deep Image Prior", "Noisy cell")
    clicks.append("Noisy cell")
    entry("Layers", "Filter", "Restoration (Deep Image Prior)", "Denoise")
    (dock,) = viewer.window.dock_widgets.values()
    qtbot.waitExposed(dock)
    with qtbot.waitSignal(dock.finished, timeout=60_000):
        push("run")
    push("save")
    assert (tmp_path / "cell.ome.tif").exists()
    assert len(clicks) <= 6
