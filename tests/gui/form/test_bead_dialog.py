from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers._source import layer_source
from qtpy.QtWidgets import QLabel, QLineEdit, QPushButton

from napari_dip.gui.form.bead_dialog import BeadDialog
from napari_dip.gui.form.form import Form
from napari_dip.gui.job.choices import TaskChoice
from napari_dip.gui.job.layer_image import image_of
from napari_dip.io.images import write_image
from tests.bead_images import STEPS, apart, recorded, spots
from tests.tiny import noisy_waves

SHAPE = (25, 90, 100)


@pytest.fixture
def viewer():
    viewer = ViewerModel()
    beads = recorded(spots(SHAPE, apart(SHAPE, 30), 3e5)).data
    scale, units = list(STEPS.values()), ("micrometer",) * 3
    viewer.add_image(beads, name="beads", scale=scale, units=units)
    viewer.add_image(noisy_waves((40, 40)), name="image", scale=scale[1:], units=units[1:])
    return viewer


def dialog_of(form):
    form.task = TaskChoice("deconvolve")
    form.findChild(QPushButton, "from_beads").click()
    return form.findChild(BeadDialog)


def measure(dialog, qtbot):
    with qtbot.waitSignal(dialog.added, timeout=30_000) as done:
        dialog.findChild(QPushButton, "make_psf").click()
    return done.args[0]


def test_makes_a_psf_layer_and_chooses_it(viewer, qtbot):
    form = Form(viewer)
    qtbot.addWidget(form)
    image = form.layer
    dialog = dialog_of(form)
    dialog._beads.value = viewer.layers["beads"]
    layer = measure(dialog, qtbot)
    assert layer.name == "beads_psf"
    np.testing.assert_allclose(layer.scale, list(STEPS.values()))
    assert {str(unit) for unit in layer.units} == {"micrometer"}
    assert form.choices.task.values["psf"] is layer
    assert form.layer is image
    assert "beads averaged" in dialog.findChild(QLabel, "bead_status").text()


def test_psf_of_a_layer_without_units_has_the_voxel_size_of_the_file(viewer, qtbot, tmp_path):
    path, beads = tmp_path / "b.tif", viewer.layers["beads"].data
    write_image(path, recorded(spots(SHAPE, apart(SHAPE, 30), 3e5)))
    with layer_source(path=str(path)):
        plain = viewer.add_image(beads, name="plain")
    form = Form(viewer)
    qtbot.addWidget(form)
    dialog = dialog_of(form)
    dialog._beads.value = plain
    layer = measure(dialog, qtbot)
    assert {str(unit) for unit in layer.units} == {"pixel"}
    assert dict(image_of(layer).voxel_size) == pytest.approx(STEPS)


def test_dialog_offers_the_active_layer(viewer, qtbot):
    form = Form(viewer)
    qtbot.addWidget(form)
    viewer.layers.selection.active = viewer.layers["beads"]
    assert dialog_of(form)._beads.value is viewer.layers["beads"]


def test_sliders_choose_the_channel(viewer, qtbot):
    beads = viewer.layers["beads"].data
    both = viewer.add_image(np.stack([np.zeros_like(beads), beads]), name="both")
    both.axis_labels = ("c", "z", "y", "x")
    form = Form(viewer)
    qtbot.addWidget(form)
    dialog = dialog_of(form)
    dialog._beads.value = both
    viewer.dims.set_point(0, 1)
    assert measure(dialog, qtbot).data.ndim == 3


@pytest.mark.parametrize(
    ("beads", "diameter", "sentence"),
    [(None, "", "no layer of beads"), ("image", "", "Got"), ("beads", "-1", "above 0")],
)
def test_error_is_shown_and_the_button_works_again(viewer, qtbot, beads, diameter, sentence):
    form = Form(viewer)
    qtbot.addWidget(form)
    dialog = dialog_of(form)
    dialog._beads.value = None if beads is None else viewer.layers[beads]
    dialog.findChild(QLineEdit, "bead_diameter").setText(diameter)
    button = dialog.findChild(QPushButton, "make_psf")
    status = dialog.findChild(QLabel, "bead_status")
    button.click()
    qtbot.waitUntil(lambda: button.isEnabled() and sentence in status.text(), timeout=30_000)
    assert len(viewer.layers) == 2


def test_width_is_corrected_for_the_diameter(viewer, qtbot):
    form = Form(viewer)
    qtbot.addWidget(form)
    dialog = dialog_of(form)
    dialog._beads.value = viewer.layers["beads"]
    wide = measure(dialog, qtbot).data.max()
    dialog.findChild(QLineEdit, "bead_diameter").setText("0.3")
    assert measure(dialog, qtbot).data.max() > 1.1 * wide
