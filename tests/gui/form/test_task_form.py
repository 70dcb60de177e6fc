from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image as ImageLayer
from napari.layers import Labels
from napari.layers._source import layer_source
from qtpy.QtWidgets import QComboBox, QFileDialog, QLineEdit, QWidget

from napari_dip.config import DipConfig
from napari_dip.core.image.image import Image
from napari_dip.core.tasks import TASKS
from napari_dip.core.tasks.parameters import parameters_of
from napari_dip.errors import InputError, UsageError
from napari_dip.gui.form.form import Form
from napari_dip.gui.form.task_form import TITLES
from napari_dip.gui.form.ways import ways_of
from napari_dip.gui.job.choices import TaskChoice
from napari_dip.gui.job.job import Choices, job
from napari_dip.gui.session.export_code import as_python
from napari_dip.gui.widgets.collapsible import Collapsible
from napari_dip.io.images import write_image
from tests.io.tiff.test_ome_optics import write_ome
from tests.tiny import latent_of, noisy_waves, tiny_config

SIZE = (24, 20)
# Values for the fields of each task, with layers by name.
CHOICES = {
    "denoise": {},
    "inpaint": {"mask": "mask", "known": "restore", "labels": (1, 2), "inverse": True},
    "super-resolve": {"factor": 2, "kernel": "box", "along_z": "fit"},
    "deconvolve": {"sigma": 1.5, "refine_psf": True},
    "dejpeg": {"loss": "plain"},
    "guided": {"picture": "guide"},
    "fourier": {"mask": "mask", "inverse": True},
    "invert-features": {"features": "tiny:0", "unit": 1},
}


@pytest.fixture(params=["model"])
def viewer(request, make_napari_viewer):
    """A viewer with layers; with a window only for the parameter "window"."""
    viewer = make_napari_viewer() if request.param == "window" else ViewerModel()
    mask = np.zeros(SIZE, np.uint8)
    mask[5:9, 5:9] = 1
    viewer.add_image(noisy_waves(SIZE), name="image", scale=(0.3, 0.3))
    viewer.add_image(np.ones(SIZE), name="guide")
    viewer.add_labels(mask, name="mask")
    return viewer


def choice_of(viewer, name):
    values = {
        key: viewer.layers[value] if value in ("mask", "guide") else value
        for key, value in CHOICES[name].items()
    }
    return TaskChoice(name, values)


def test_every_task_has_a_title():
    assert list(TITLES) == list(TASKS)


@pytest.mark.parametrize("name", TASKS)
def test_reads_the_values_that_were_set(viewer, qtbot, name):
    form = Form(viewer)
    qtbot.addWidget(form)
    form.task = choice_of(viewer, name)
    read = form.choices.task
    assert read.name == name
    assert {key: read.values[key] for key in CHOICES[name]} == choice_of(viewer, name).values


@pytest.mark.parametrize("name", TASKS)
def test_only_the_fields_of_the_task_are_shown(viewer, qtbot, name):
    form = Form(viewer)
    qtbot.addWidget(form)
    form.show()
    form.task = choice_of(viewer, name)
    shown = {
        key
        for fields in CHOICES.values()
        for key in fields
        if any(widget.isVisible() for widget in form.findChildren(QWidget, key))
    }
    assert shown == set(CHOICES[name])


OPTIONAL = ("wavelength_excitation", "pinhole", "sheet_thickness")


def shown_of(form):
    return [name for name in OPTIONAL if form.findChild(QWidget, name).isVisible()]


@pytest.mark.parametrize(
    ("microscope", "shown"),
    [
        ("auto", []),
        ("widefield", []),
        ("confocal", ["wavelength_excitation", "pinhole"]),
        ("spinning-disk", ["wavelength_excitation", "pinhole"]),
        ("two-photon", ["wavelength_excitation"]),
        ("light-sheet", ["sheet_thickness"]),
    ],
)
def test_fields_follow_the_microscope(viewer, qtbot, microscope, shown):
    form = Form(viewer)
    qtbot.addWidget(form)
    form.show()
    form.task = TaskChoice("deconvolve", {"microscope": microscope})
    assert shown_of(form) == shown


def test_fields_of_the_specimen_are_for_volumes(viewer, qtbot):
    stack = viewer.add_image(np.ones((5, *SIZE)), name="stack", scale=(1, 0.3, 0.3))
    form = Form(viewer)
    qtbot.addWidget(form)
    form.show()
    form.layer = viewer.layers["image"]
    form.task = TaskChoice("deconvolve", {"na": 1.2, "wavelength": 0.5, "specimen_index": 1.4})
    field = form.findChild(QWidget, "specimen_index")
    assert not field.isVisible()
    assert "specimen_index" not in form.choices.task.values
    form.layer = stack
    assert field.isVisible()
    assert form.choices.task.values["specimen_index"] == 1.4
    form.task = TaskChoice("deconvolve", {"optics": "vectorial"})
    assert not field.isVisible()


def test_empty_fields_show_the_optics_of_the_file(viewer, qtbot, tmp_path):
    values = np.arange(360, dtype=np.uint8).reshape(3, 12, 10)
    with layer_source(path=str(write_ome(tmp_path / "a.ome.tif", values))):
        layer = viewer.add_image(values, name="file")
    form = Form(viewer)
    qtbot.addWidget(form)
    form.show()
    form.task = TaskChoice("deconvolve")
    form.layer = layer
    hints = {
        name: form.findChild(QLineEdit, name).placeholderText()
        for name in ("na", "wavelength", "wavelength_excitation", "refractive_index", "pinhole")
    }
    assert hints == {
        "na": "1.4 (file)",
        "wavelength": "0.52 (file)",
        "wavelength_excitation": "0.488 (file)",
        "refractive_index": "1.518 (file)",
        "pinhole": "1",
    }
    assert shown_of(form) == ["wavelength_excitation", "pinhole"]
    assert form.findChild(QComboBox, "microscope").currentText() == "confocal (auto)"
    made = job(form.choices, layer)
    assert made.task.computed(made.image)
    assert "na=1.4" in as_python(made)
    form.layer = viewer.layers["image"]
    assert form.findChild(QLineEdit, "na").placeholderText() == "not set"
    assert form.findChild(QComboBox, "microscope").currentText() == "automatic"


@pytest.mark.parametrize("viewer", ["window"], indirect=True)
@pytest.mark.parametrize("name", TASKS)
def test_the_dock_does_every_task(viewer, qtbot, name):
    _, dock = viewer.window.add_plugin_dock_widget("napari-dip", "Deep Image Prior")
    dock.layer = viewer.layers["image"]
    dock.config = tiny_config(3, latent_of(name), threads=1)
    dock.task = choice_of(viewer, name)
    with qtbot.waitSignal(dock.finished, timeout=60_000) as done:
        dock.run()
    (result,) = done.args[0]
    factor = 2 if name == "super-resolve" else 1
    assert result.name == f"image_{name}"
    assert result.data.shape == tuple(factor * n for n in SIZE)
    centres = [layer.extent.world.mean(axis=0) for layer in (result, viewer.layers["image"])]
    np.testing.assert_allclose(*centres)
    assert result.metadata["napari_dip"]["task"] == name


@pytest.mark.parametrize("shape", [SIZE, (2, *SIZE), (*SIZE, 3)])
def test_new_mask_covers_the_image_in_paint_mode(qtbot, shape):
    viewer = ViewerModel()
    rgb = shape[-1] == 3
    image = viewer.add_image(np.ones(shape, np.uint8), rgb=rgb, name="image")
    image.scale = (*image.scale[:-2], 0.3, 0.4)
    form = Form(viewer)
    qtbot.addWidget(form)
    form.task = TaskChoice("inpaint")
    form.findChild(QWidget, "new_mask").click()
    mask = viewer.layers["image_mask"]
    assert mask.mode == "paint"
    np.testing.assert_array_equal(mask.scale, image.scale)
    assert mask.data.shape == (shape[:-1] if rgb else shape)
    assert form.choices.task.values["mask"] is mask
    mask.data[..., 3:5, 3:5] = 1
    prepared = job(form.choices, image)
    count = int(np.isnan(np.asarray(prepared.task.observe(prepared.image).data)).sum())
    assert count == 4 * (3 if rgb else shape[0] if len(shape) == 3 else 1)


def test_rejects_text_that_is_not_a_number(viewer, qtbot):
    form = Form(viewer)
    qtbot.addWidget(form)
    form.task = TaskChoice("deconvolve", {"sigma": "wide"})
    with pytest.raises(UsageError, match="Gaussian blur 'wide'"):
        _ = form.choices


def test_enlarged_result_has_the_position_of_the_image():
    layer = ImageLayer(np.zeros((3, 8, 8)), scale=(2, 0.5, 0.5), translate=(1, 10, 20))
    kwargs = job(
        Choices(DipConfig(), task=TaskChoice("super-resolve", {"factor": 2})), layer
    ).kwargs
    np.testing.assert_allclose(kwargs["scale"], (2, 0.25, 0.25))
    np.testing.assert_allclose(kwargs["translate"], (1, 10 - 0.125, 20 - 0.125))


def test_mask_of_the_current_plane_is_used():
    layer = ImageLayer(np.ones((3, *SIZE)))
    mask = np.zeros((3, *SIZE), np.uint8)
    mask[1, 5:9, 5:9] = 1
    task = TaskChoice("inpaint", {"mask": Labels(mask)})
    prepared = job(Choices(DipConfig(), "current", (1.0, 0.0, 0.0), task=task), layer)
    missing = np.isnan(np.asarray(prepared.task.observe(prepared.image).data))
    np.testing.assert_array_equal(missing, mask[1:2] > 0)


@pytest.mark.parametrize("name", ["deconvolve", "guided", "fourier"])
def test_rejects_a_task_without_its_image_before_the_run(name):
    with pytest.raises(InputError, match="expected one"):
        job(Choices(DipConfig(), task=TaskChoice(name)), ImageLayer(np.ones(SIZE)))


@pytest.mark.parametrize("name", ["inpaint", "fourier"])
def test_how_a_mask_is_read_is_asked_once_there_is_one(viewer, qtbot, name):
    form = Form(viewer)
    qtbot.addWidget(form)
    form.task = TaskChoice(name)
    fields = form._task._fields[name]
    assert fields["inverse"].native.isHidden()
    fields["mask"].value = viewer.layers["mask"]
    assert not fields["inverse"].native.isHidden()
    viewer.layers.remove("mask")
    form.reset_choices()
    assert fields["inverse"].native.isHidden()


WAYS = {
    "optics": {"na", "wavelength", "refractive_index", "optics"},
    "psf": {"psf"},
    "file": {"open_psf"},
    "sigma": {"sigma", "refine_psf"},
}


@pytest.fixture
def deconvolve(viewer, qtbot):
    form = Form(viewer)
    qtbot.addWidget(form)
    form.show()
    form.task = TaskChoice("deconvolve")
    return form


@pytest.mark.parametrize("way", WAYS)
def test_only_fields_of_the_chosen_way_to_know_the_blur_are_shown(deconvolve, way):
    deconvolve._task._chosen["deconvolve"].value = way
    names = {name for names in WAYS.values() for name in names}
    shown = {name for name in names if deconvolve.findChild(QWidget, name).isVisible()}
    assert shown == WAYS[way]


def test_fields_of_another_way_do_not_count(deconvolve):
    deconvolve.task = TaskChoice("deconvolve", {"na": 0.8, "wavelength": 0.5})
    assert deconvolve._task._chosen["deconvolve"].value == "optics"
    deconvolve.task = TaskChoice("deconvolve", {"sigma": 2.0})
    assert set(deconvolve.choices.task.values) == WAYS["sigma"]
    deconvolve._task._chosen["deconvolve"].value = "optics"
    assert deconvolve.choices.task.values["na"] == 0.8


def test_every_parameter_of_a_task_belongs_to_one_way():
    for task in TASKS.values():
        ways = ways_of(task)
        named = [name for names in ways.values() for name in names]
        assert not ways or sorted(named) == sorted(parameters_of(task))


def test_psf_file_becomes_a_calibrated_layer(deconvolve, viewer, tmp_path, monkeypatch):
    file = tmp_path / "beads.tif"
    sizes = {"Z": 0.3, "Y": 0.1, "X": 0.1}
    units = dict.fromkeys("ZYX", "micrometer")
    write_image(file, Image(np.ones((3, 5, 5), np.float32), "ZYX", sizes, units))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(file), ""))
    deconvolve._task._chosen["deconvolve"].value = "file"
    deconvolve.findChild(QWidget, "open_psf").click()
    layer = deconvolve.choices.task.values["psf"]
    assert (layer.name, layer.visible) == ("beads.tif", False)
    np.testing.assert_allclose(layer.scale, (0.3, 0.1, 0.1))
    assert deconvolve._task._chosen["deconvolve"].value == "psf"


def test_file_that_is_no_image_is_refused_in_words(deconvolve, tmp_path, monkeypatch):
    file = tmp_path / "beads.tif"
    file.write_bytes(b"no picture")
    shown = []
    monkeypatch.setattr("napari_dip.gui.widgets.notify.show_error", shown.append)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(file), ""))
    deconvolve.findChild(QWidget, "open_psf").click()
    assert "beads.tif" in shown[0]


def test_camera_maps_are_layers_in_a_collapsed_section(viewer):
    form = Form(viewer)
    section = form.findChild(Collapsible, "denoise_camera")
    assert not section.isExpanded()
    choices = TaskChoice("denoise", {"camera_offset": viewer.layers["guide"]})
    made = job(Choices(tiny_config(), task=choices), viewer.layers["image"])
    np.testing.assert_array_equal(made.task.camera_offset.data, np.ones(SIZE))
