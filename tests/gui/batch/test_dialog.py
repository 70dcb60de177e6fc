"""The dialog that restores many images into a folder."""

from __future__ import annotations

import json

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QFileDialog, QLabel, QLineEdit, QListWidget, QPushButton
from superqt.utils import GeneratorWorker

from napari_dip.core.image.image import Image
from napari_dip.core.tasks.spec import PictureFile, TaskSpec
from napari_dip.errors import UsageError
from napari_dip.gui.batch.dialog import BatchDialog
from napari_dip.gui.batch.worker import task_spec
from napari_dip.gui.job.choices import TaskChoice
from napari_dip.gui.menu_commands import batch
from napari_dip.io import images as io
from tests.gui.conftest import delete
from tests.tiny import noisy_waves, spied_sizes, tiny_config


@pytest.fixture
def plates(tmp_path):
    folder = tmp_path / "plates"
    folder.mkdir()
    for name in ("a", "b"):
        io.write_image(folder / f"{name}.tif", Image(noisy_waves((24, 20)), "YX"))
    return folder


@pytest.fixture
def dialog(viewer, dock):
    dock.config = tiny_config(2, threads=1)
    batch(viewer)
    return dock.findChild(BatchDialog)


def press(dialog, qtbot, name):
    qtbot.mouseClick(dialog.findChild(QPushButton, name), Qt.MouseButton.LeftButton)


def fill(dialog, qtbot, monkeypatch, folder, output):
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(folder))
    press(dialog, qtbot, "add_folder")
    line = dialog.findChild(QLineEdit, "folder")
    line.clear()
    qtbot.keyClicks(line, str(output))


def run(dialog, qtbot):
    press(dialog, qtbot, "start")
    qtbot.waitUntil(lambda: dialog.findChild(QPushButton, "start").isEnabled(), timeout=60_000)
    return dialog.findChild(QLabel, "batch_status").text()


def results(folder):
    return sorted(path.name for path in folder.glob("*.ome.tif"))


def test_invalid_file_is_listed_and_the_others_are_restored(
    dialog, plates, tmp_path, qtbot, monkeypatch
):
    (plates / "broken.tif").write_bytes(b"no picture")
    fill(dialog, qtbot, monkeypatch, plates, tmp_path / "out")
    assert run(dialog, qtbot) == "2 restored, 1 failed."
    assert results(tmp_path / "out") == ["a_denoise.ome.tif", "b_denoise.ome.tif"]
    failures = dialog.findChild(QListWidget, "failures")
    assert not failures.isHidden()
    assert failures.count() == 1
    assert failures.item(0).text().startswith("broken.tif: Got")
    report = json.loads((tmp_path / "out" / "a_denoise.ome.tif.json").read_text())
    assert report["iterations"] == 2


def test_existing_results_are_refused_resumed_or_replaced(
    dialog, plates, tmp_path, qtbot, monkeypatch
):
    fill(dialog, qtbot, monkeypatch, plates, tmp_path / "out")
    assert run(dialog, qtbot) == "2 restored."
    assert "(Existing results: replace)" in run(dialog, qtbot)
    dialog._existing.setCurrentIndex(1)
    assert run(dialog, qtbot) == "2 done before."
    dialog._existing.setCurrentIndex(2)
    assert run(dialog, qtbot) == "2 restored."


def test_stopped_batch_resumes(dialog, plates, tmp_path, qtbot, monkeypatch):
    fill(dialog, qtbot, monkeypatch, plates, tmp_path / "out")
    dialog._form.config = tiny_config(100_000, threads=1, stop="none")
    press(dialog, qtbot, "start")
    qtbot.waitUntil(lambda: dialog._run.latest is not None, timeout=60_000)
    qtbot.waitUntil(lambda: "1 of 2: a.tif" in dialog.findChild(QLabel, "batch_status").text())
    press(dialog, qtbot, "stop_batch")
    qtbot.waitUntil(lambda: dialog.findChild(QPushButton, "start").isEnabled(), timeout=60_000)
    assert dialog.findChild(QLabel, "batch_status").text() == "2 left."
    assert results(tmp_path / "out") == []
    dialog._form.config = tiny_config(2, threads=1)
    assert run(dialog, qtbot) == "2 restored."


def test_selected_layers_are_restored_with_their_scale(viewer, dialog, tmp_path, qtbot):
    for name in ("one", "two", "three"):
        viewer.add_image(noisy_waves((16, 16)), name=name, scale=(0.5, 0.5), units=("um", "um"))
    viewer.layers.selection = {viewer.layers["one"], viewer.layers["three"]}
    press(dialog, qtbot, "add_layers")
    qtbot.keyClicks(dialog.findChild(QLineEdit, "folder"), str(tmp_path / "out"))
    assert run(dialog, qtbot) == "2 restored."
    assert results(tmp_path / "out") == ["one_denoise.ome.tif", "three_denoise.ome.tif"]
    assert io.read_image(tmp_path / "out" / "one_denoise.ome.tif").voxel_size["Y"] == 0.5
    dialog._existing.setCurrentIndex(1)
    assert run(dialog, qtbot) == "2 done before."


def test_reports_missing_inputs(viewer, dialog, qtbot, monkeypatch, plates, tmp_path):
    assert not dialog.findChild(QPushButton, "start").isEnabled()
    fill(dialog, qtbot, monkeypatch, plates, "")
    press(dialog, qtbot, "start")
    assert "expected one" in dialog.findChild(QLabel, "batch_status").text()
    dialog._form.task = TaskChoice("inpaint", {})
    qtbot.keyClicks(dialog.findChild(QLineEdit, "folder"), str(tmp_path / "out"))
    assert run(dialog, qtbot) == "2 failed."
    assert "mask" in dialog.findChild(QListWidget, "failures").item(1).text()
    dialog.findChild(QListWidget, "images").setCurrentRow(0)
    press(dialog, qtbot, "remove_images")
    assert not dialog.findChild(QPushButton, "start").isEnabled()


@pytest.mark.parametrize("closed", ["dialog", "dock", "viewer"])
def test_closing_ends_the_batch(viewer, dock, dialog, plates, tmp_path, qtbot, monkeypatch, closed):
    fill(dialog, qtbot, monkeypatch, plates, tmp_path / "out")
    dialog._form.config = tiny_config(100_000, threads=1, stop="none")
    press(dialog, qtbot, "start")
    qtbot.waitUntil(lambda: dialog._run.latest is not None, timeout=60_000)
    match closed:
        case "dialog":
            press(dialog, qtbot, "close")
        case "dock":
            viewer.window.remove_dock_widget(dock)
        case "viewer":
            viewer.close()
    GeneratorWorker.await_workers(30_000)
    assert results(tmp_path / "out") == []
    if closed == "dock":
        delete(dock, qtbot)


def test_task_of_the_form_becomes_a_task_of_the_batch(tmp_path):
    def spec(name, **values):
        return task_spec(TaskChoice(name, values), tmp_path)

    sampling = {"factor": 2, "kernel": "box"}
    assert spec("super-resolve", **sampling) == TaskSpec("super-resolve", sampling)
    blur = {"sigma": 1.5, "refine_psf": True}
    assert spec("deconvolve", **blur, na=None) == TaskSpec("deconvolve", blur)
    with pytest.raises(UsageError, match="Invert features"):
        spec("invert-features")


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "uint64"])
def test_painted_mask_is_saved_beside_the_results(viewer, tmp_path, dtype):
    painted = viewer.add_labels((3 * np.eye(8)).astype(dtype))
    values = {"mask": painted, "labels": (1, 3), "inverse": True}
    spec = task_spec(TaskChoice("inpaint", values), tmp_path / "out")
    (mask,) = spec.files
    assert spec.parameters == {**values, "mask": PictureFile(mask)}
    assert mask.parent == tmp_path / "out"
    np.testing.assert_array_equal(io.read_image(mask).data, painted.data)
    painted.data = np.zeros_like(painted.data)
    (other,) = task_spec(TaskChoice("inpaint", values), tmp_path / "out").files
    assert not io.read_image(other).data.any()
    assert io.read_image(mask).data.any()


def test_painted_mask_is_used_for_all_files(viewer, dialog, plates, tmp_path, qtbot, monkeypatch):
    mask = np.zeros((24, 20), np.uint8)
    mask[8:12, 8:12] = 1
    dialog._form.task = TaskChoice("inpaint", {"mask": viewer.add_labels(mask)})
    fill(dialog, qtbot, monkeypatch, plates, tmp_path / "out")
    assert run(dialog, qtbot) == "2 restored."
    dialog._existing.setCurrentIndex(1)
    assert run(dialog, qtbot) == "2 done before."
    report = json.loads((tmp_path / "out" / "a_inpaint.ome.tif.json").read_text())
    assert report["task"] == "inpaint"


def test_results_have_the_chosen_format(dialog, plates, tmp_path, qtbot, monkeypatch):
    fill(dialog, qtbot, monkeypatch, plates, tmp_path / "out")
    qtbot.keyClicks(dialog.findChild(QComboBox, "format"), ".nii.gz")
    assert run(dialog, qtbot) == "2 restored."
    names = sorted(path.name for path in (tmp_path / "out").glob("*.nii.gz"))
    assert names == ["a_denoise.nii.gz", "b_denoise.nii.gz"]


def test_a_stack_is_never_in_memory_as_a_whole(dialog, dock, tmp_path, qtbot, monkeypatch):
    dock.config = tiny_config(2, tile=24, overlap=4)
    planes = np.stack([noisy_waves((40, 33))] * 3).astype(np.uint16)
    (tmp_path / "in").mkdir()
    io.write_image(tmp_path / "in" / "stack.ome.zarr", Image(planes, "ZYX"))
    fill(dialog, qtbot, monkeypatch, tmp_path / "in", tmp_path / "out")
    qtbot.keyClicks(dialog.findChild(QComboBox, "format"), ".ome.zarr")
    sizes = spied_sizes(monkeypatch)
    assert run(dialog, qtbot) == "1 restored."
    assert len(sizes) > 20
    # More than a block is read only for the intensity map, and to search stripes.
    assert sum(size > 40 * 33 for size in sizes) <= 2
    restored = io.read_image(tmp_path / "out" / "stack_denoise.ome.zarr", lazy=True)
    assert restored.data.shape == planes.shape
