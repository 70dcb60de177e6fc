"""Every state of the dock, 300 pixels wide, in both themes: nothing is clipped.

With NAPARI_DIP_SCREENSHOTS=FOLDER a longer run is made and each state is saved, as
`scripts/screenshots` does for the documentation. Save them with one process (`-n0`): the windows of
two would cover one another.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from napari.layers import Layer
from qtpy.QtCore import Qt
from qtpy.QtGui import QFontMetrics
from qtpy.QtWidgets import (
    QAbstractButton,
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
from napari_dip.errors import Hint, MemoryExhaustedError
from napari_dip.gui.batch.dialog import BatchDialog
from napari_dip.gui.job.choices import TaskChoice
from napari_dip.gui.menu_commands import batch, open_dock
from napari_dip.gui.widgets.collapsible import Collapsible
from tests.tiny import tiny_config

pytestmark = pytest.mark.window

_FOLDER = os.environ.get("NAPARI_DIP_SCREENSHOTS")
_SIZE = (1180, 820)
_WIDTH = 300
# Smallest margin of a button around its text [pixels].
_MARGIN = 4
# Width of the arrow and the margins of a list [pixels].
_ARROW = 44
# Width of both margins of a field around its text [pixels].
_INSET = 8


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


@pytest.fixture
def small(viewer, dock, qtbot):
    """Return the dock in a window of a small laptop."""
    viewer.window.resize(1024, 700)
    qtbot.waitUntil(lambda: viewer.window._qt_window.height() == 700)
    narrow(viewer, dock)
    return dock


def is_in_view(dock, widget) -> bool:
    """Return whether all of a widget is inside the window, after scrolling to it."""
    dock._scroll.ensureWidgetVisible(widget, 0, 0)
    QApplication.processEvents()
    seen = widget.visibleRegion().boundingRect()
    return seen.size() == widget.size() and not widget.visibleRegion().isEmpty()


def narrow(viewer, dock):
    horizontal = Qt.Orientation.Horizontal
    viewer.window._qt_window.resizeDocks([dock.parent()], [_WIDTH], horizontal)


def clipped(dock) -> list[str]:
    """Return the texts that are clipped, and the fields beyond the edge."""
    found = []
    for widget in dock.findChildren(QWidget):
        if not widget.isVisible():
            continue  # hidden or collapsed; what is scrolled away has its size too
        right = widget.mapTo(dock, widget.rect().topRight()).x()
        if right > dock.width() and widget.objectName():
            found.append(f"{widget.objectName()} ends at {right} of {dock.width()}")
        if _wraps(widget) and widget.heightForWidth(widget.width()) > widget.height():
            found.append(widget.text())
        if isinstance(widget, QComboBox):
            found += [
                text
                for text in _words(widget)
                if QFontMetrics(widget.font()).horizontalAdvance(text) + _ARROW > widget.width()
            ]
        if isinstance(widget, QLineEdit):
            needed = QFontMetrics(widget.font()).horizontalAdvance(widget.placeholderText())
            needed += widget.textMargins().right()  # the unit
            if needed + _INSET > widget.width():
                found.append(widget.placeholderText())
        if isinstance(widget, QLabel | QPushButton) and not _wraps(widget):
            needed = QFontMetrics(widget.font()).horizontalAdvance(_plain(widget.text()))
            if needed + _MARGIN * isinstance(widget, QPushButton) > widget.width():
                found.append(widget.text())
    return found


def dashes(dock) -> list[str]:
    """Return the visible texts with two dashes, as an option of the command line has."""
    texts = []
    for widget in dock.findChildren(QWidget):
        if widget.isVisible():
            texts.append(widget.toolTip())
            if isinstance(widget, QLabel | QAbstractButton):
                texts.append(widget.text())
            if isinstance(widget, QLineEdit):
                texts.append(widget.placeholderText())
    return [text for text in texts if "--" in text]


def _words(field: QComboBox) -> list[str]:
    """Return the texts of a list; none if they are names of layers, which are elided."""
    items = range(field.count())
    if any(isinstance(field.itemData(item), Layer) for item in items):
        return []
    return [field.itemText(item) for item in items]


def _wraps(widget) -> bool:
    return isinstance(widget, QLabel) and widget.wordWrap()


def _plain(text: str) -> str:
    return text.replace("&", "")


def assert_nothing_is_cut(dock):
    for _ in range(5):
        QApplication.processEvents()
    assert clipped(dock) == []
    assert dashes(dock) == []


def assert_fits(viewer, dock, qtbot, name):
    """Assert that nothing is clipped; save pictures of dock and window if a folder is set."""
    assert_nothing_is_cut(dock)
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
    dock._form._expert.expand()
    assert_fits(viewer, dock, qtbot, f"expert{ending}")


@pytest.mark.parametrize("kind", ["grey", "rgb", "stack"])
def test_all_settings_fit_for_every_kind_of_image(viewer, dock, qtbot, kind):
    shape = {"grey": (64, 64), "rgb": (64, 64, 3), "stack": (4, 64, 64)}[kind]
    labels = {"grey": "yx", "rgb": "yx", "stack": "zyx"}[kind]
    pixels = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
    dock.layer = viewer.add_image(pixels, name=kind, rgb=kind == "rgb", axis_labels=labels)
    for name in TASKS:
        dock.task = TaskChoice(name)
        for section in dock.findChildren(Collapsible):
            section.expand()
        assert_nothing_is_cut(dock)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_every_state_of_a_run_fits(viewer, dock, qtbot, theme):
    viewer.theme = theme
    ending = "" if theme == "dark" else "-light"
    if _FOLDER:  # pictures of the strength too; its preview goes with the run
        dock.findChild(QSlider, "strength").setValue(4)
        qtbot.waitUntil(lambda: "cell_preview" in viewer.layers, timeout=60_000)
        assert_fits(viewer, dock, qtbot, f"strength{ending}")
        dock.cancel()
    dock.config = DipConfig(max_iterations=80) if _FOLDER else tiny_config(5000, threads=1)
    qtbot.mouseClick(dock.findChild(QPushButton, "run"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "cell_denoise" in viewer.layers, timeout=60_000)
    points = 12 if _FOLDER else 4  # a picture shows more of the curve
    qtbot.waitUntil(lambda: len(dock._plot.curve()[0]) >= points, timeout=60_000)
    assert_fits(viewer, dock, qtbot, f"running{ending}")
    dock._form.region.region = "view"
    dock.run()
    dock._form.region.region = "all"
    assert_fits(viewer, dock, qtbot, f"queue{ending}")
    dock._runner.queue.clear()
    qtbot.mouseClick(dock.findChild(QPushButton, "pause"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dock.findChild(QSlider, "iterate").isVisible())
    assert_fits(viewer, dock, qtbot, f"paused{ending}")
    dock.resume()
    with qtbot.waitSignal(dock.finished, timeout=280_000):
        if _FOLDER:
            dock.cancel()
        else:
            dock.stop()
    if _FOLDER:  # from here on, pictures of a run with the default settings
        dock.config = DipConfig()
        with qtbot.waitSignal(dock.finished, timeout=280_000):
            dock.run()
    assert_fits(viewer, dock, qtbot, f"done{ending}")
    dock._plot._section.expand()
    assert_fits(viewer, dock, qtbot, f"curve{ending}")
    dock._plot._section.collapse()
    inspector = dock._results._inspector
    inspector.expand()
    inspector.comparison._truth.value = viewer.layers["cell (truth)"]
    assert_nothing_is_cut(dock)
    qtbot.mouseClick(dock.findChild(QPushButton, "before_after"), Qt.MouseButton.LeftButton)
    assert_fits(viewer, dock, qtbot, f"before-after{ending}")
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
def test_earlier_iteration_of_a_fit_from_random_weights_fits(viewer, dock, qtbot, theme):
    viewer.theme = theme
    random = DipConfig(preset="fast", start="random")
    dock.config = random if _FOLDER else tiny_config(5000, threads=1)
    dock.run()
    qtbot.waitUntil(lambda: "cell_denoise" in viewer.layers, timeout=60_000)
    qtbot.waitUntil(lambda: len(dock._plot.curve()[0]) >= 4, timeout=60_000)
    with qtbot.waitSignal(dock.finished, timeout=280_000):
        if not _FOLDER:
            dock.stop()
    slider = dock.findChild(QSlider, "iterate")
    slider.setValue(slider.maximum() // 8)
    assert_fits(viewer, dock, qtbot, "scrubbed" + ("" if theme == "dark" else "-light"))


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


def test_name_of_a_layer_fits_into_the_list(viewer, dock, qtbot):
    name = "control 3, stack 12"
    dock.layer = viewer.add_image(np.zeros((8, 8)), name=name)
    layers = dock.findChild(QComboBox, "layer")
    width = QFontMetrics(layers.font()).horizontalAdvance(name)
    qtbot.waitUntil(lambda: layers.isVisible() and layers.width() > 0)
    assert width + _ARROW <= layers.width()


def test_refused_layer_fits(viewer, dock, qtbot):
    dock.layer = viewer.add_image(np.zeros((1, 1, 1, 1, 8, 8)), name="six dimensions")
    with qtbot.waitSignal(dock.failed):
        dock.run()
    assert_fits(viewer, dock, qtbot, "refused")


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_everything_can_be_reached_on_a_small_screen(viewer, small, qtbot, theme):
    dock, viewer.theme = small, theme
    run = dock.findChild(QPushButton, "run")
    for name in TASKS:
        dock.task = TaskChoice(name)
        for section in dock.findChildren(Collapsible):
            section.expand()
        assert_nothing_is_cut(dock)
        assert is_in_view(dock, dock._form._expert.fields["deterministic"].native)
        assert is_in_view(dock, run)
    dock.task = TaskChoice("denoise")
    dock.config = tiny_config(3, threads=1)
    with qtbot.waitSignal(dock.finished, timeout=60_000):
        dock.run()
    assert_nothing_is_cut(dock)
    for name in ("save", "before_after", "residual", "compare"):
        assert is_in_view(dock, dock.findChild(QPushButton, name))
    assert is_in_view(dock, dock.findChild(QLabel, "status"))


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("way", ["optics", "psf", "file", "sigma"])
def test_every_way_to_know_the_blur_fits(viewer, dock, qtbot, theme, way):
    viewer.theme = theme
    dock.layer = viewer.add_image(np.ones((4, 64, 64)), name="stack", axis_labels="zyx")
    dock.task = TaskChoice("deconvolve", {"na": 0.8, "wavelength": 0.5})
    dock._form._task._chosen["deconvolve"].value = way
    note = dock.findChild(QWidget, "size_note")
    assert note.isVisible() == (way == "optics")
    assert_fits(viewer, dock, qtbot, f"deconvolve-{way}" + ("" if theme == "dark" else "-light"))


def test_error_with_buttons_fits(viewer, dock, qtbot):
    error = MemoryExhaustedError(
        "Got an image whose fit needs 300 GB; expected at most 16 GB. Use smaller tiles.",
        Hint("tile", "256"),
        Hint("preset", "fast"),
        Hint("device", "cpu"),
    )
    dock._refuse(error)
    assert len(dock.findChildren(QPushButton, "fix")) == 3
    assert_fits(viewer, dock, qtbot, "error")
    viewer.theme = "light"
    assert_fits(viewer, dock, qtbot, "error-light")


@pytest.mark.parametrize(
    ("damage", "search"),
    [
        pytest.param(lambda line, _: line.setPlaceholderText("wide " * 20), clipped, id="hint"),
        pytest.param(lambda _, button: button.setText("wide " * 20), clipped, id="button"),
        pytest.param(lambda line, _: line.setPlaceholderText("--tile"), dashes, id="option"),
    ],
)
def test_search_finds_a_cut_text_and_an_option(viewer, dock, qtbot, damage, search):
    dock._form._expert.expand()
    assert_nothing_is_cut(dock)
    damage(dock.findChild(QLineEdit, "tile"), dock.findChild(QPushButton, "save"))
    QApplication.processEvents()
    assert len(search(dock)) == 1
