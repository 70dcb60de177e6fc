"""Preview of the strength: it follows the slider, and goes with a run, a reset or Cancel."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QPushButton, QSlider
from scipy import ndimage

from napari_dip.config import DipConfig
from napari_dip.gui.menu_commands import open_dock
from napari_dip.gui.results import strength_preview as module
from tests.tiny import noisy_waves

NAME = "cells_preview"


@pytest.fixture
def layer(viewer):
    return viewer.add_image(noisy_waves((48, 64)), name="cells", scale=(2.0, 2.0))


@pytest.fixture
def preview(layer, dock, fake_restore):
    fake_restore.free, fake_restore.iterations = True, 1
    return dock._strength


def move(dock, place):
    """Move the slider as a user does."""
    dock.findChild(QSlider, "strength").setValue(place)


def wait_for(preview, qtbot):
    qtbot.waitUntil(lambda: preview._worker is None, timeout=20_000)


def test_moving_the_slider_shows_the_first_answer_over_the_image(viewer, dock, preview, qtbot):
    move(dock, 5)
    wait_for(preview, qtbot)
    shown = viewer.layers[NAME]
    assert shown.data.shape == (48, 64)
    assert tuple(shown.scale) == (2.0, 2.0)
    assert shown.data.max() == 1  # the estimate of the first iteration of the fake
    assert dock.layer.name == "cells"


def test_answer_is_that_of_the_strength_without_a_fit(dock, preview, qtbot, monkeypatch):
    configs = []
    real = module.first_answer
    monkeypatch.setattr(
        module, "first_answer", lambda *args: configs.append(real(*args).config) or real(*args)
    )
    move(dock, 20)
    wait_for(preview, qtbot)
    assert [(one.strength, one.max_iterations) for one in configs] == [(0.25, 0)]
    assert dock.config.max_iterations is None


def test_of_several_values_the_newest_wins(dock, preview, fake_restore, qtbot):
    fake_restore.free = False
    for place in range(1, 10):
        move(dock, place)
    fake_restore.step(2)
    wait_for(preview, qtbot)
    assert fake_restore.calls == 2
    assert preview._job.config.strength == dock.config.strength


def test_layer_is_kept_for_a_part_of_another_size(viewer, dock, preview, qtbot):
    move(dock, 5)
    wait_for(preview, qtbot)
    shown = viewer.layers[NAME]
    preview._side = 16
    move(dock, 6)
    wait_for(preview, qtbot)
    assert viewer.layers[NAME] is shown
    assert shown.data.shape == (16, 16)
    assert tuple(shown.translate) == (2.0 * 16, 2.0 * 24)


def test_part_in_the_middle_of_a_large_image_is_previewed(viewer, dock, preview, qtbot):
    large = viewer.add_image(np.zeros((1000, 900), np.float32) + 5, name="large")
    dock.layer = large
    move(dock, 5)
    wait_for(preview, qtbot)
    shown = viewer.layers["large_preview"]
    assert max(shown.data.shape) <= 512
    middle = np.array(shown.translate) + np.array(shown.data.shape) / 2
    seen = np.mean(large.corner_pixels, axis=0)
    np.testing.assert_allclose(middle, seen, atol=2)


def test_plane_at_the_slider_of_a_stack_is_previewed(viewer, dock, preview, qtbot):
    planes = np.stack([noisy_waves((32, 40))] * 4)
    dock.layer = viewer.add_image(planes, name="stack", scale=(3, 1, 1), translate=(6, 0, 0))
    viewer.dims.set_point(0, 12)  # the third plane
    move(dock, 5)
    wait_for(preview, qtbot)
    shown = viewer.layers["stack_preview"]
    assert shown.data.shape == (1, 32, 40)
    assert shown.translate[0] == 12


def test_nothing_is_previewed_in_3d(viewer, dock, preview):
    viewer.dims.ndisplay = 3
    move(dock, 5)
    assert not preview.is_shown


@pytest.mark.parametrize("end", ["run", "cancel", "default", "layer", "task"])
def test_layer_goes(viewer, dock, preview, qtbot, fake_restore, end):
    other = viewer.add_image(noisy_waves((16, 16)), name="other")
    dock.layer = viewer.layers["cells"]
    move(dock, 5)
    wait_for(preview, qtbot)
    assert NAME in viewer.layers
    if end == "run":
        with qtbot.waitSignal(dock.finished):
            dock.run()
    elif end == "cancel":
        qtbot.mouseClick(dock.findChild(QPushButton, "cancel"), Qt.MouseButton.LeftButton)
    elif end == "default":
        move(dock, 0)
        dock.findChild(QSlider, "strength").sliderReleased.emit()
    elif end == "layer":
        dock.layer = other
    else:
        dock.config = DipConfig(start="random")
    assert NAME not in viewer.layers
    assert not preview.is_shown


def test_answer_that_comes_late_is_dropped(viewer, dock, preview, fake_restore, qtbot):
    fake_restore.free = False
    move(dock, 5)
    qtbot.waitUntil(lambda: fake_restore.calls == 1)
    dock.cancel()
    fake_restore.step(5)
    qtbot.waitUntil(fake_restore.closed.is_set)
    assert [one.name for one in viewer.layers] == ["cells"]


def test_run_is_not_disturbed_by_a_preview(dock, preview, fake_restore, qtbot):
    fake_restore.free = False
    dock.run()
    move(dock, 5)
    assert not preview.is_shown
    fake_restore.step(5)
    with qtbot.waitSignal(dock.finished):
        pass


def test_error_is_shown_as_text_and_removes_the_layer(viewer, dock, preview, fake_restore, qtbot):
    fake_restore.error = ValueError("no memory")
    move(dock, 5)
    wait_for(preview, qtbot)
    assert NAME not in viewer.layers
    assert "no memory" in dock._plot._text.text()


def test_preview_writes_no_log(dock, preview, qtbot, tmp_path, monkeypatch):
    monkeypatch.setenv("NAPARI_DIP_LOGS", str(tmp_path / "logs"))
    move(dock, 5)
    wait_for(preview, qtbot)
    assert not list(tmp_path.glob("logs/*"))


@pytest.mark.window
def test_preview_follows_the_mouse_in_a_real_window(make_napari_viewer, qtbot):
    viewer = make_napari_viewer(show=True)
    random = np.random.default_rng(0)
    texture = ndimage.gaussian_filter(random.normal(size=(64, 64)), 1.5)
    noisy = 100 + 20 * texture / texture.std() + random.normal(0, 10, (64, 64))
    viewer.add_image(noisy.astype(np.float32), name="cells")
    dock = open_dock(viewer)
    dock.config = DipConfig(device="cpu", precision="float32", threads=1)
    slider, preview = dock.findChild(QSlider, "strength"), dock._strength
    qtbot.waitUntil(slider.isVisible)
    middle = slider.rect().center()
    qtbot.mousePress(slider, Qt.MouseButton.LeftButton, pos=middle)
    spreads = []
    for side in (-1, 1):  # smoother, more detail
        for share in (0.1, 0.2, 0.3):
            place = QPoint(middle.x() + round(side * share * slider.width()), middle.y())
            qtbot.mouseMove(slider, place)
        qtbot.waitUntil(lambda: preview._job is not None, timeout=20_000)
        wait_for(preview, qtbot)
        assert preview._job.config.strength == dock.config.strength
        spreads.append(float(viewer.layers[NAME].data.std()))
    assert spreads[0] < 0.8 * spreads[1]
    qtbot.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=place)
    assert NAME in viewer.layers
    qtbot.mouseDClick(slider, Qt.MouseButton.LeftButton)
    assert NAME not in viewer.layers
    assert dock.config.strength == 1.0
