"""Regions: the part that is cut out, the position of its result, and the preview."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image as ImageLayer
from napari.layers import Labels, Shapes
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QPushButton, QWidget

from napari_dip.config import DipConfig
from napari_dip.errors import InputError
from napari_dip.gui.form.form import Form
from napari_dip.gui.job.choices import TaskChoice
from napari_dip.gui.job.job import Choices, job
from napari_dip.gui.job.region import REGIONS
from tests.tiny import noisy_waves, tiny_config

SIZE = (24, 20)


def rectangle(first, last, **transform):
    corners = [first, (first[0], last[1]), last, (last[0], first[1])]
    return Shapes([np.array(corners, float)], shape_type="rectangle", **transform)


def in_rectangle(layer, shapes, name="denoise", **values):
    choices = Choices(DipConfig(), "rectangle", shapes=shapes, task=TaskChoice(name, values))
    return job(choices, layer)


def in_world(layer, pixel):
    return np.asarray(layer.data_to_world(pixel))


@pytest.mark.parametrize("stack", [False, True])
def test_result_of_a_rectangle_has_its_position(stack):
    shape = (3, *SIZE) if stack else SIZE
    data = np.arange(np.prod(shape)).reshape(shape)
    moved = {"scale": (0.5, 0.5), "translate": (7, 3)}
    layer = ImageLayer(
        data, scale=(2, 0.5, 0.5)[-len(shape) :], translate=(1, 7, 3)[-len(shape) :], name="a"
    )
    prepared = in_rectangle(layer, rectangle((4, 6), (11, 15), **moved))
    np.testing.assert_array_equal(prepared.image.data, data[..., 4:12, 6:16])
    result = ImageLayer(prepared.image.data, **prepared.kwargs)
    first = (0,) * (len(shape) - 2)
    np.testing.assert_allclose(in_world(result, (*first, 0, 0)), in_world(layer, (*first, 4, 6)))
    np.testing.assert_array_equal(result.scale, layer.scale)


def test_rectangle_is_converted_through_world_coordinates():
    layer = ImageLayer(noisy_waves(SIZE), scale=(0.1, 0.1))
    prepared = in_rectangle(layer, rectangle((0.4, 0.6), (1.1, 1.5)))
    assert prepared.image.shape == (8, 10)


def test_rectangle_is_clipped_to_the_image():
    prepared = in_rectangle(ImageLayer(noisy_waves(SIZE)), rectangle((-5, 15), (3, 99)))
    assert prepared.image.shape == (4, 5)


def test_selected_shape_is_used():
    shapes = rectangle((0, 0), (3, 3))
    shapes.add_rectangles([np.array([(0, 0), (0, 7), (5, 7), (5, 0)], float)])
    layer = ImageLayer(noisy_waves(SIZE))
    assert in_rectangle(layer, shapes).image.shape == (6, 8)  # the newest
    shapes.selected_data = {0}
    assert in_rectangle(layer, shapes).image.shape == (4, 4)


@pytest.mark.parametrize("colour", [False, True])
def test_mask_and_guide_are_cut_with_the_image_but_not_a_psf(colour):
    mask = np.zeros(SIZE, np.uint8)
    mask[6:8, 8:10] = 1
    layer = ImageLayer(np.ones((*SIZE, 3) if colour else (2, *SIZE), np.float32), rgb=colour)
    box = rectangle((4, 6), (11, 15))
    prepared = in_rectangle(layer, box, "inpaint", mask=Labels(mask))
    missing = np.isnan(np.asarray(prepared.task.observe(prepared.image).data))
    expected = mask[4:12, 6:16] > 0
    for plane in missing.reshape(2, 8, 10) if not colour else np.moveaxis(missing, -1, 0):
        np.testing.assert_array_equal(plane, expected)
    if not colour:
        psf = ImageLayer(np.ones(SIZE, np.float32))
        large = rectangle((4, 6), (20, 19))
        assert in_rectangle(layer, large, "deconvolve", psf=psf).task.psf.shape == SIZE


@pytest.mark.parametrize(
    ("shapes", "words"),
    [(None, "draw a rectangle"), (rectangle((50, 50), (60, 60)), "outside the image")],
)
def test_rejects_a_region_without_pixels(shapes, words):
    with pytest.raises(InputError, match=words):
        in_rectangle(ImageLayer(noisy_waves(SIZE)), shapes)


def test_rejects_a_part_of_k_space():
    mask = Labels(np.ones(SIZE, np.uint8))
    with pytest.raises(InputError, match="whole planes"):
        in_rectangle(ImageLayer(noisy_waves(SIZE)), rectangle((0, 0), (9, 9)), "fourier", mask=mask)


def test_new_rectangle_adds_a_layer_in_drawing_mode(qtbot):
    viewer = ViewerModel()
    image = viewer.add_image(noisy_waves(SIZE), name="cells", scale=(0.5, 0.5))
    form = Form(viewer)
    qtbot.addWidget(form)
    form.show()
    assert not form.findChild(QWidget, "shapes").isVisible()
    form.region.region = "rectangle"
    assert form.findChild(QWidget, "shapes").isVisible()
    form.findChild(QWidget, "new_rectangle").click()
    layer = viewer.layers["cells_region"]
    assert layer.mode == "add_rectangle"
    np.testing.assert_array_equal(layer.scale, image.scale)
    assert form.choices.shapes is layer


def test_every_region_can_be_chosen(qtbot):
    form = Form(ViewerModel())
    qtbot.addWidget(form)
    for region in REGIONS:
        form.region.region = region
        assert form.choices.region == region


def test_preview_restores_the_visible_area_at_its_position(make_napari_viewer, qtbot):
    viewer = make_napari_viewer(show=True)
    image = viewer.add_image(np.stack([noisy_waves((96, 96))] * 2), name="cells", scale=(1, 2, 2))
    _, dock = viewer.window.add_plugin_dock_widget("napari-dip", "Deep Image Prior")
    dock.config = tiny_config(3, threads=1)
    viewer.dims.set_current_step(0, 1)
    camera = viewer.scene.camera if hasattr(viewer, "scene") else viewer.camera  # napari < 0.9
    camera.zoom *= 4
    qtbot.waitUntil(lambda: 0 < image.corner_pixels[0, 1])
    low, high = image.corner_pixels
    with qtbot.waitSignal(dock.finished, timeout=60_000) as finished:
        qtbot.mouseClick(
            dock.findChild(QPushButton, "preview_visible_area"), Qt.MouseButton.LeftButton
        )
    (result,) = finished.args[0]
    assert result.name == "cells_denoise (preview)"
    assert result.data.shape == (1, *(high - low + 1)[1:])
    np.testing.assert_allclose(in_world(result, (0, 0, 0)), in_world(image, (1, *low[1:])))
    assert dock._form.region.region == "all"
