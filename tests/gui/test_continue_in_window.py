"""A finished run continues, by the button that also resumes a paused run."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QSlider

from tests.gui.test_dock import advance, button, enabled, names
from tests.tiny import noisy_waves, tiny_config


@pytest.fixture
def result(viewer, dock, fake_restore, qtbot):
    viewer.add_image(np.zeros((8, 9)), name="cells")
    fake_restore.checkpoints = {}
    return finish(dock, fake_restore, qtbot, dock.run)


def finish(dock, fake_restore, qtbot, start):
    start()
    for _ in range(fake_restore.iterations - 1):
        advance(fake_restore, dock, qtbot)
    with qtbot.waitSignal(dock.finished) as finished:
        fake_restore.step()
    return finished.args[0][0]


def press_continue(dock, qtbot):
    qtbot.mouseClick(button(dock, "pause"), Qt.MouseButton.LeftButton)


def test_run_without_checkpoints_cannot_continue(viewer, dock, fake_restore, qtbot):
    viewer.add_image(np.zeros((8, 9)))
    finish(dock, fake_restore, qtbot, dock.run)
    assert enabled(dock) == {"run"}
    assert button(dock, "pause").text() == "Pause"


def test_run_without_a_fit_cannot_continue(viewer, dock, fake_restore, qtbot):
    viewer.add_image(np.zeros((8, 9)))
    fake_restore.checkpoints = {}
    dock.config = dock.config.model_copy(update={"max_iterations": 0})
    finish(dock, fake_restore, qtbot, dock.run)
    assert enabled(dock) == {"run"}
    assert button(dock, "pause").text() == "Pause"


def test_continued_run_updates_the_same_layer_and_history(
    viewer, dock, result, fake_restore, qtbot
):
    assert enabled(dock) == {"run", "pause"}
    assert button(dock, "pause").text() == "Continue"
    assert finish(dock, fake_restore, qtbot, lambda: press_continue(dock, qtbot)) is result
    np.testing.assert_array_equal(result.data, 6)
    assert result.metadata["napari_dip"]["selected_iteration"] == 6
    assert names(viewer) == ["cells", "cells_denoise"]
    slider = dock.findChild(QSlider, "iterate")
    assert slider.maximum() == 5
    slider.setValue(0)
    np.testing.assert_array_equal(result.data, 1)


@pytest.mark.parametrize("end", ["cancel", "error"])
def test_cancelled_or_failed_continuation_restores_the_earlier_result(
    viewer, dock, result, fake_restore, qtbot, end
):
    press_continue(dock, qtbot)
    advance(fake_restore, dock, qtbot)
    np.testing.assert_array_equal(result.data, 4)
    if end == "cancel":
        with qtbot.waitSignal(dock.finished):
            dock.cancel()
    else:
        fake_restore.error = KeyError("bug")
        with qtbot.waitSignal(dock.failed):
            fake_restore.step()
    np.testing.assert_array_equal(result.data, 3)
    assert result.metadata["napari_dip"]["selected_iteration"] == 3
    assert enabled(dock) == {"run", "pause"}


def test_run_with_a_deleted_result_cannot_continue(viewer, dock, result):
    viewer.layers.remove(result)
    assert enabled(dock) == {"run"}


def test_real_run_continues(viewer, dock, qtbot):
    viewer.add_image(noisy_waves((32, 32)), name="waves")
    dock.config = tiny_config(4, threads=1)
    for expected in (4, 8):
        with qtbot.waitSignal(dock.finished, timeout=60_000) as finished:
            dock.run() if expected == 4 else dock.continue_run()
        (layer,) = finished.args[0]
        assert layer.metadata["napari_dip"]["iterations"] == expected
    assert layer.name == "waves_denoise"
