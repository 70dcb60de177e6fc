"""The iteration slider in the real dock, by mouse and keyboard."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QLabel, QPushButton, QSlider

from napari_dip.config import DipConfig
from napari_dip.gui.results.iteration_slider import _thinned
from napari_dip.gui.results.preview.history import Iterate
from tests.gui.form.test_form import wheel
from tests.gui.test_dock import advance, button
from tests.tiny import noisy_waves, tiny_config


@pytest.fixture
def image(viewer):
    return viewer.add_image(np.zeros((8, 9)), name="cells")


def slider(dock) -> QSlider:
    return dock.findChild(QSlider, "iterate")


def shows(dock) -> str:
    return dock.findChild(QLabel, "iterate_text").text()


def offered(dock) -> bool:
    return not dock._results._iteration_slider.isHidden()


def press(dock, qtbot, key):
    qtbot.keyClick(slider(dock), key)


def finish(dock, fake_restore, qtbot, fits=1):
    """Finish a run, with every iteration shown, and return its layer."""
    for _ in range(fits * fake_restore.iterations - 1):
        advance(fake_restore, dock, qtbot)
    with qtbot.waitSignal(dock.finished) as finished:
        fake_restore.step()
    return finished.args[0][0]


@pytest.fixture
def result(image, dock, fake_restore, qtbot):
    fake_restore.iterations = 5
    dock.run()
    return finish(dock, fake_restore, qtbot)


def test_finished_run_shows_its_iterates_and_marks_the_automatic_one(dock, result):
    assert offered(dock)
    assert (slider(dock).minimum(), slider(dock).maximum()) == (0, 4)
    assert shows(dock) == "Iteration 5\nautomatic"
    assert dock._plot._marker.value() == 5
    assert not dock._plot._cursor.isVisible()
    assert not button(dock, "keep").isEnabled()


def test_the_slider_shows_an_iterate_in_the_result_layer(dock, result, qtbot):
    press(dock, qtbot, Qt.Key.Key_Left)
    press(dock, qtbot, Qt.Key.Key_Left)
    np.testing.assert_array_equal(result.data, 3)
    assert shows(dock) == "Iteration 3\n"
    assert (dock._plot._marker.value(), dock._plot._cursor.value()) == (5, 3)
    press(dock, qtbot, Qt.Key.Key_End)
    np.testing.assert_array_equal(result.data, 5)
    assert shows(dock) == "Iteration 5\nautomatic"


def test_nothing_moves_when_the_text_changes(dock, result, qtbot):
    dock._results.show()
    heights = set()
    for key in (Qt.Key.Key_Home, Qt.Key.Key_End):
        press(dock, qtbot, key)
        heights.add(dock._results._iteration_slider.sizeHint().height())
    assert len(heights) == 1


def test_positions_of_the_slider_are_dense_at_early_iterations():
    iterates = [Iterate(0, (), iteration, np.zeros(1)) for iteration in range(1, 1001)]
    kept = [one.iteration for one in _thinned(iterates, {777})]
    assert kept[:30] == list(range(1, 31))
    assert kept[-1] == 1000
    assert 777 in kept
    assert len(kept) < 200
    assert sum(iteration <= 100 for iteration in kept) > len(kept) / 3


def test_metadata_belong_to_the_iterate_on_the_screen(dock, result, qtbot):
    press(dock, qtbot, Qt.Key.Key_Home)
    report = result.metadata["napari_dip"]
    assert (report["selected_iteration"], report["selected_by"]) == (1, "user")
    press(dock, qtbot, Qt.Key.Key_End)
    report = result.metadata["napari_dip"]
    assert (report["selected_iteration"], report["selected_by"]) == (5, "rule")


def test_the_chosen_iterate_becomes_the_result(dock, result, qtbot):
    press(dock, qtbot, Qt.Key.Key_Home)
    press(dock, qtbot, Qt.Key.Key_Right)
    qtbot.mouseClick(dock.findChild(QPushButton, "keep"), Qt.MouseButton.LeftButton)
    report = result.metadata["napari_dip"]
    assert (report["selected_iteration"], report["selected_by"]) == (2, "user")
    assert report["blocks"][0]["selected_by"] == "user"
    assert report["stop_reason"] == "held_out_minimum"  # the reason of the fit is unchanged
    assert not button(dock, "keep").isEnabled()
    press(dock, qtbot, Qt.Key.Key_End)  # shows another iterate
    dock._runner._forget()
    np.testing.assert_array_equal(result.data, 2)
    assert result.metadata["napari_dip"]["selected_iteration"] == 2


def test_next_run_restores_the_kept_iterate(dock, result, fake_restore, qtbot):
    press(dock, qtbot, Qt.Key.Key_Home)
    fake_restore.free = True
    with qtbot.waitSignal(dock.finished):
        dock.run()
    np.testing.assert_array_equal(result.data, 5)
    assert result.metadata["napari_dip"]["selected_by"] == "rule"


def test_pause_shows_the_slider_and_resume_hides_it(viewer, image, dock, fake_restore, qtbot):
    fake_restore.iterations = 5
    dock.run()
    for _ in range(3):
        advance(fake_restore, dock, qtbot)
    assert not offered(dock)
    dock.pause()
    assert offered(dock)
    layer = viewer.layers["cells_denoise"]
    press(dock, qtbot, Qt.Key.Key_Home)
    np.testing.assert_array_equal(layer.data, 1)
    dock.resume()
    assert not offered(dock)
    advance(fake_restore, dock, qtbot)
    np.testing.assert_array_equal(layer.data, 4)
    with qtbot.waitSignal(dock.finished):
        dock.cancel()


def test_keeping_an_iterate_during_a_pause_ends_the_run(image, dock, fake_restore, qtbot):
    fake_restore.iterations = 9
    dock.run()
    for _ in range(4):
        advance(fake_restore, dock, qtbot)
    dock.pause()
    press(dock, qtbot, Qt.Key.Key_Home)
    press(dock, qtbot, Qt.Key.Key_Right)
    with qtbot.waitSignal(dock.finished) as finished:
        button(dock, "keep").click()
    (layer,) = finished.args[0]
    np.testing.assert_array_equal(layer.data, 2)
    report = layer.metadata["napari_dip"]
    assert (report["selected_iteration"], report["stop_reason"]) == (2, "stop_requested")
    assert report["selected_by"] == "user"


def test_each_plane_of_a_stack_has_its_own_history(viewer, dock, fake_restore, qtbot):
    viewer.add_image(np.zeros((2, 8, 9)), name="stack")
    viewer.dims.set_current_step(0, 0)
    dock.run()
    layer = finish(dock, fake_restore, qtbot, fits=2)
    press(dock, qtbot, Qt.Key.Key_Home)
    np.testing.assert_array_equal(layer.data[0], 1)
    np.testing.assert_array_equal(layer.data[1], 3)
    viewer.dims.set_current_step(0, 1)
    np.testing.assert_array_equal(layer.data[0], 3)  # it was not kept
    press(dock, qtbot, Qt.Key.Key_Home)
    button(dock, "keep").click()
    np.testing.assert_array_equal(layer.data[1], 1)
    records = layer.metadata["napari_dip"]["blocks"]
    assert [one["selected_by"] for one in records] == ["rule", "user"]
    assert layer.metadata["napari_dip"]["selected_by"] == "rule"  # of the first block


def test_deleting_the_result_hides_its_history(viewer, dock, result):
    viewer.layers.remove(result)
    assert not offered(dock)


def test_does_not_write_into_an_array_of_the_user(dock, result, qtbot):
    result.data = np.full((8, 9), 7.0)
    press(dock, qtbot, Qt.Key.Key_Home)
    np.testing.assert_array_equal(result.data, 7)


def test_averaged_runs_have_no_history(image, dock, fake_restore, qtbot):
    dock.config = DipConfig(runs=2)
    dock.run()
    finish(dock, fake_restore, qtbot)
    assert not offered(dock)


def test_wheel_scrolls_the_dock_and_not_the_slider(dock, result):
    event = wheel()
    QApplication.sendEvent(slider(dock), event)
    assert not event.isAccepted()
    np.testing.assert_array_equal(result.data, 5)


def test_real_run_shows_earlier_iterates(viewer, dock, qtbot, monkeypatch):
    monkeypatch.setattr("napari_dip.core.restoration.run._PREVIEW_INTERVAL", 0.0)
    monkeypatch.setattr("napari_dip.gui.run.worker.INTERVAL", 0.0)
    source = viewer.add_image(noisy_waves((32, 32)), name="waves")
    dock.config = tiny_config(iterations=60, threads=1)
    with qtbot.waitSignal(dock.finished, timeout=120_000) as finished:
        dock.run()
    (result,) = finished.args[0]
    automatic = result.data.copy()
    press(dock, qtbot, Qt.Key.Key_Home)
    assert np.abs(result.data - automatic).max() > 0
    button(dock, "keep").click()
    report = result.metadata["napari_dip"]
    assert report["selected_by"] == "user"
    residual = source.data - result.data
    expected = np.std(np.concatenate([np.diff(residual, axis=a).ravel() for a in (0, 1)]))
    assert report["diagnostics"]["residual_whiteness"] == pytest.approx(expected / residual.std())
