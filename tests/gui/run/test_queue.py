"""Jobs that wait for the current run."""

from __future__ import annotations

import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QListWidget, QPushButton
from superqt.utils import GeneratorWorker

from napari_dip.config import DipConfig
from napari_dip.gui.job.choices import TaskChoice
from tests.gui.conftest import delete


@pytest.fixture
def layers(viewer):
    return [viewer.add_image(np.zeros((8, 9)), name=name) for name in ("a", "b", "c")]


def press(dock, qtbot, name):
    qtbot.mouseClick(dock.findChild(QPushButton, name), Qt.MouseButton.LeftButton)


def waiting(dock):
    lines = dock.findChild(QListWidget, "queue")
    return [lines.item(row).text() for row in range(lines.count())]


def add(dock, qtbot, *layers):
    for layer in layers:
        dock.layer = layer
        press(dock, qtbot, "run")


def finish(dock, fake_restore, qtbot, count):
    """Finish all runs, and return the names of their results."""
    fake_restore.free = True
    results = []
    dock.finished.connect(lambda layers: results.extend(layer.name for layer in layers))
    qtbot.waitUntil(lambda: len(results) == count)
    return results


def test_runs_start_in_order_with_the_settings_of_their_addition(
    viewer, layers, dock, fake_restore, qtbot
):
    dock.config = DipConfig(seed=1)
    add(dock, qtbot, layers[0])
    dock.config = DipConfig(seed=2, preset="fast")
    add(dock, qtbot, layers[1])
    dock.config = DipConfig(seed=3)
    assert waiting(dock) == ["b_denoise, fast"]
    assert not dock.findChild(QListWidget, "queue").isHidden()
    assert finish(dock, fake_restore, qtbot, 2) == ["a_denoise", "b_denoise"]
    reports = [viewer.layers[name].metadata["napari_dip"] for name in ("a_denoise", "b_denoise")]
    assert [report["config"]["seed"] for report in reports] == [1, 2]
    assert waiting(dock) == []
    assert dock._runner.queue.isHidden()


def test_run_is_removed_by_mouse_or_key(layers, dock, fake_restore, qtbot):
    add(dock, qtbot, *layers)
    dock.config = DipConfig(seed=9)
    add(dock, qtbot, layers[0])
    lines = dock.findChild(QListWidget, "queue")
    middle = lines.visualItemRect(lines.item(1)).center()
    qtbot.mouseClick(lines.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(middle))
    press(dock, qtbot, "remove")
    assert waiting(dock) == ["b_denoise, balanced", "a_denoise, balanced"]
    qtbot.keyClick(lines, Qt.Key.Key_Home)
    qtbot.keyClick(lines, Qt.Key.Key_Delete)
    assert finish(dock, fake_restore, qtbot, 2) == ["a_denoise", "a_denoise [1]"]


def test_the_same_run_is_not_added_again(layers, dock, fake_restore, qtbot):
    add(dock, qtbot, layers[0], layers[0])
    assert waiting(dock) == []
    assert notification_manager.records[-1].message == "This run is in progress already."
    add(dock, qtbot, layers[1], layers[1])
    assert waiting(dock) == ["b_denoise, balanced"]
    assert notification_manager.records[-1].message == "This run is in the queue already."
    dock.config = DipConfig(seed=4)
    press(dock, qtbot, "run")
    layers[1].data = np.ones((8, 9))
    press(dock, qtbot, "run")
    assert len(waiting(dock)) == 3
    dock._runner.queue.clear()
    dock.cancel()


def test_queue_names_the_part_of_the_image(viewer, dock, fake_restore, qtbot):
    viewer.add_image(np.zeros((3, 8, 9)), name="stack")
    dock.run()
    dock._form.region.region = "current"
    viewer.dims.set_current_step(0, 2)
    dock.run()
    viewer.dims.set_current_step(0, 1)
    dock.run()
    assert waiting(dock) == [
        "stack_denoise, plane Z 2, balanced",
        "stack_denoise, plane Z 1, balanced",
    ]
    dock._runner.queue.clear()
    dock.cancel()


def test_queue_continues_after_a_failure(layers, dock, fake_restore, qtbot):
    add(dock, qtbot, *layers)
    fake_restore.error = ValueError("no")
    with qtbot.waitSignal(dock.failed):
        fake_restore.step()
    fake_restore.error = None
    assert finish(dock, fake_restore, qtbot, 2) == ["b_denoise", "c_denoise"]


def test_refused_job_does_not_disturb_the_current_run(viewer, layers, dock, fake_restore, qtbot):
    add(dock, qtbot, layers[0])
    words = dock._plot._text.text()
    assert dock._results._cards.text == ""
    dock.config = DipConfig(axes="TYX")
    with qtbot.waitSignal(dock.failed):
        press(dock, qtbot, "run")
    assert dock._plot._text.text() == words
    assert finish(dock, fake_restore, qtbot, 1) == ["a_denoise"]


def test_queue_continues_after_a_cancellation(viewer, layers, dock, fake_restore, qtbot):
    add(dock, qtbot, *layers[:2])
    press(dock, qtbot, "cancel")
    assert finish(dock, fake_restore, qtbot, 1) == ["b_denoise"]
    assert "a_denoise" not in viewer.layers


def test_job_in_the_queue_keeps_its_mask(viewer, layers, dock, fake_restore):
    mask = viewer.add_labels(np.eye(8, 9, dtype=np.uint8))
    dock.run()
    dock.layer, dock.task = layers[1], TaskChoice("inpaint", {"mask": mask})
    dock.run()
    mask.data[:] = 1
    job = dock._runner.queue.take()
    np.testing.assert_array_equal(job.task.mask.data, np.eye(8, 9))
    dock.cancel()


@pytest.mark.parametrize("closed", ["viewer", "dock"])
def test_closing_the_dock_clears_the_queue(viewer, layers, dock, fake_restore, qtbot, closed):
    notification_manager.records.clear()
    add(dock, qtbot, *layers)
    qtbot.waitUntil(lambda: fake_restore.calls == 1)
    if closed == "viewer":
        viewer.close()
    else:
        viewer.window.remove_dock_widget(dock)
    GeneratorWorker.await_workers(10_000)
    qtbot.wait(1)  # queued signals arrive
    assert fake_restore.calls == 1
    assert not any("Unexpected" in one.message for one in notification_manager.records)
    if closed == "dock":
        delete(dock, qtbot)
