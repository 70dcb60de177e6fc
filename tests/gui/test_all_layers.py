"""Run on all layers, and undo: from the menu of the dock."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtWidgets import QPushButton

from napari_dip.config import DipConfig
from napari_dip.gui.job.choices import TaskChoice
from tests.tiny import noisy_waves


@pytest.fixture
def images(viewer):
    return [viewer.add_image(noisy_waves((16, 16 + n)), name=f"image {n}") for n in range(3)]


def names(viewer):
    return [layer.name for layer in viewer.layers]


def choose(dock, text):
    """Choose an entry of the menu of the dock."""
    menu = dock.findChild(QPushButton, "settings").menu()
    (entry,) = [one for one in menu.actions() if one.text() == text]
    entry.trigger()


def run_all(dock, qtbot, count):
    done = []
    dock.finished.connect(done.append)
    choose(dock, "Run on all layers")
    qtbot.waitUntil(lambda: len(done) == count, timeout=20_000)


def test_every_image_is_restored_once_in_order(viewer, images, dock, fake_restore, qtbot):
    fake_restore.free = True
    run_all(dock, qtbot, 3)
    assert names(viewer)[3:] == [f"image {n}_denoise" for n in range(3)]
    assert dock.layer in images


def test_results_are_not_restored_again(viewer, images, dock, fake_restore, qtbot):
    fake_restore.free = True
    run_all(dock, qtbot, 3)
    run_all(dock, qtbot, 3)
    assert fake_restore.calls == 6
    assert not any("denoise_denoise" in name for name in names(viewer))


def test_layers_that_do_not_suit_the_task_are_left_out(viewer, images, dock, fake_restore, qtbot):
    viewer.add_image(np.zeros((1, 1, 1, 1, 8, 8)), name="six dimensions")
    fake_restore.free = True
    run_all(dock, qtbot, 3)
    assert fake_restore.calls == 3


def test_layer_that_the_task_uses_is_not_restored(viewer, images, dock, fake_restore, qtbot):
    psf = viewer.add_image(np.ones((3, 3), np.float32), name="psf")
    dock.task = TaskChoice("deconvolve", {"psf": psf})
    fake_restore.free = True
    run_all(dock, qtbot, 3)
    assert not any(name.startswith("psf_") for name in names(viewer))


def test_calibration_of_one_image_does_not_count_for_another(
    viewer, images, dock, fake_restore, qtbot
):
    dock.layer = images[0]
    dock.config = DipConfig(voxel_size={"y": 0.5, "x": 0.5})
    choose(dock, "Run on all layers")
    first = dock._runner.preview.job
    waiting = [dock._runner.queue.take() for _ in range(2)]
    assert first.layer is images[0]
    assert first.config.voxel_size == {"y": 0.5, "x": 0.5}
    assert [one.config.voxel_size for one in waiting] == [None, None]
    fake_restore.step(5)
    with qtbot.waitSignal(dock.finished):
        pass


def test_no_layer_that_suits_is_said(dock):
    choose(dock, "Run on all layers")
    assert "No image layer" in dock._plot._text.text()


def test_undo_removes_the_layers_of_the_last_run_then_of_the_one_before(
    viewer, images, dock, fake_restore, qtbot
):
    fake_restore.free = True
    dock.config = DipConfig(runs=2)  # a result and its uncertainty
    run_all(dock, qtbot, 3)
    before = names(viewer)
    choose(dock, "Undo the last run")
    assert names(viewer) == [name for name in before if "image 2_" not in name]
    choose(dock, "Undo the last run")
    assert names(viewer) == before[:5]
    assert names(viewer)[:3] == ["image 0", "image 1", "image 2"]


def test_undo_skips_results_that_were_deleted(viewer, images, dock, fake_restore, qtbot):
    fake_restore.free = True
    run_all(dock, qtbot, 3)
    viewer.layers.remove("image 2_denoise")
    choose(dock, "Undo the last run")
    assert names(viewer) == ["image 0", "image 1", "image 2", "image 0_denoise"]


def test_undo_without_a_run_says_so(viewer, images, dock):
    choose(dock, "Undo the last run")
    assert "No run" in dock._plot._text.text()
    assert len(viewer.layers) == 3
