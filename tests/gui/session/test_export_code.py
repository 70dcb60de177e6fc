"""The exported command and script give the same pixels."""

from __future__ import annotations

import shlex

import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel
from napari.layers import Shapes
from qtpy.QtWidgets import QApplication

from napari_dip.cli import main as cli
from napari_dip.core.restoration.progress import finish
from napari_dip.core.restoration.restore import restore
from napari_dip.errors import UsageError
from napari_dip.gui.form.form import Form
from napari_dip.gui.job.choices import TaskChoice
from napari_dip.gui.job.job import Choices, job
from napari_dip.gui.menu.settings_menu import SettingsMenu
from napari_dip.gui.session.export_code import as_command, as_python
from napari_dip.io.images import read_image
from tests.tiny import noisy_waves, tiny_config

SIZE = (24, 20)
CONFIG = tiny_config(3, threads=1)
TASKS = {
    "denoise": {},
    "inpaint": {"mask": "mask", "labels": (1, 2), "known": "restore"},
    "super-resolve": {"factor": 2, "kernel": "box", "along_z": "fit"},
    "deconvolve": {"sigma": 1.5, "refine_psf": True},
    "dejpeg": {"loss": "plain"},
    "guided": {"picture": "guide"},
}


@pytest.fixture
def viewer(tmp_path):
    """A viewer with files: an image, a mask and a guide."""
    viewer = ViewerModel()
    mask = np.zeros(SIZE, np.uint8)
    mask[5:9, 5:9] = 1
    for name, values in (
        ("image", noisy_waves(SIZE)),
        ("guide", noisy_waves(SIZE)),
        ("mask", mask),
    ):
        path = tmp_path / f"{name} 1.tif"
        tifffile.imwrite(path, values.astype(np.float32 if name != "mask" else np.uint8))
        data = tifffile.imread(path)
        add = viewer.add_labels if name == "mask" else viewer.add_image
        layer = add(data, name=name)
        layer._source = layer.source.model_copy(update={"path": str(path)})
    return viewer


def choices_of(viewer, name, **others):
    values = {
        key: viewer.layers[value] if value in ("mask", "guide") else value
        for key, value in TASKS[name].items()
    }
    return Choices(CONFIG, task=TaskChoice(name, values), **others)


def pixels(choices, layer):
    prepared = job(choices, layer)
    return finish(restore(prepared.image, prepared.task, prepared.config)).image.data


def run_python(script, viewer):
    scope = {"viewer": viewer}
    exec(script, scope)
    return scope["restored"]


@pytest.mark.parametrize("name", TASKS)
def test_the_copied_command_gives_the_same_pixels(viewer, tmp_path, name):
    choices, layer = choices_of(viewer, name), viewer.layers["image"]
    words = shlex.split(as_command(job(choices, layer)))
    output = tmp_path / "again.tif"
    assert words[0] == "napari-dip"
    assert cli.main([*words[1:], "-o", str(output)]) == 0
    np.testing.assert_array_equal(read_image(output).data, pixels(choices, layer))


@pytest.mark.parametrize("name", TASKS)
def test_the_copied_script_gives_the_same_pixels(viewer, name):
    choices, layer = choices_of(viewer, name), viewer.layers["image"]
    script = as_python(job(choices, layer))
    np.testing.assert_array_equal(run_python(script, viewer), pixels(choices, layer))


def test_a_script_cuts_the_same_region_of_image_and_mask(viewer):
    box = Shapes([np.array([(2, 2), (2, 13), (13, 13), (13, 2)], float)], shape_type="rectangle")
    choices = choices_of(viewer, "inpaint", region="rectangle", shapes=box)
    script = as_python(job(choices, viewer.layers["image"]))
    np.testing.assert_array_equal(
        run_python(script, viewer), pixels(choices, viewer.layers["image"])
    )


def test_script_reads_a_layer_without_file_from_the_console(viewer):
    layer = viewer.add_image(np.stack([noisy_waves(SIZE)] * 2), scale=(2, 0.5, 0.5), name="new")
    layer.units = ("um",) * 3
    choices = Choices(CONFIG, "current", (2.0, 0.0, 0.0))
    script = as_python(job(choices, layer))
    assert "viewer.layers['new']" in script
    np.testing.assert_array_equal(run_python(script, viewer), pixels(choices, layer))


def test_script_reads_a_changed_layer_from_the_console(viewer):
    choices, layer = choices_of(viewer, "inpaint"), viewer.layers["image"]
    mask = viewer.layers["mask"]
    mask.data = 1 - mask.data
    script = as_python(job(choices, layer))
    assert "viewer.layers['mask']" in script
    assert "viewer.layers['image']" not in script
    np.testing.assert_array_equal(run_python(script, viewer), pixels(choices, layer))
    with pytest.raises(UsageError, match="differs from its file"):
        as_command(job(choices, layer))


def test_rejects_jobs_that_a_command_cannot_do(viewer):
    new = viewer.add_image(noisy_waves(SIZE))
    with pytest.raises(UsageError, match="no file"):
        as_command(job(Choices(CONFIG), new))
    with pytest.raises(UsageError, match="whole files"):
        as_command(job(Choices(CONFIG, "current", (0.0, 0.0)), viewer.layers["image"]))


def test_the_menu_copies_to_the_clipboard(viewer, qtbot):
    form = Form(viewer)
    qtbot.addWidget(form)
    menu = SettingsMenu(form)
    qtbot.addWidget(menu)
    form.layer = viewer.layers["image"]
    menu.copy_command()
    assert QApplication.clipboard().text() == as_command(job(form.choices, form.layer))
    menu.copy_python()
    assert QApplication.clipboard().text() == as_python(job(form.choices, form.layer))
