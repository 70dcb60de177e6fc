from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import tifffile
from napari.layers import Image as ImageLayer
from napari.layers._source import Source, layer_source
from PIL import Image as Picture

from napari_dip.config import DipConfig
from napari_dip.errors import AxesError, InputError, UsageError
from napari_dip.gui.job.choices import TaskChoice
from napari_dip.gui.job.job import Choices, job
from napari_dip.gui.widgets.labels import hint_text
from napari_dip.io import images as io

ALL = Choices(DipConfig())


def test_job_holds_image_task_and_configuration():
    layer = ImageLayer(np.zeros((3, 4, 5)), name="cells", axis_labels=("t", "y", "x"))
    prepared = job(Choices(DipConfig(seed=3)), layer)
    assert prepared.image.axes == "TYX"
    assert prepared.image.data is layer.data
    assert prepared.config.seed == 3
    assert prepared.kwargs["name"] == "cells_denoise"


def test_rejects_a_missing_layer():
    with pytest.raises(InputError, match="Open Sample"):
        job(ALL, None)


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        pytest.param(np.zeros((4, 5), complex), InputError, "complex", id="complex"),
        pytest.param(np.zeros((1,) * 4 + (4, 5)), AxesError, "6 dimensions", id="six dimensions"),
    ],
)
def test_rejects_layers_that_cannot_be_restored(data, error, words):
    layer = SimpleNamespace(
        data=data, multiscale=False, rgb=False, axis_labels=(), metadata={}, source=Source()
    )
    with pytest.raises(error, match=words):
        job(ALL, layer)


def test_rejects_the_stopping_rule_blocks_for_denoising():
    with pytest.raises(UsageError, match="stopping rule blocks for denoise"):
        job(Choices(DipConfig(stop="blocks")), ImageLayer(np.zeros((4, 5))))


def test_rejects_axes_that_do_not_fit():
    with pytest.raises(AxesError, match="TYX"):
        job(Choices(DipConfig(axes="TYX")), ImageLayer(np.zeros((4, 5))))


def test_the_current_plane_is_where_the_sliders_are_in_the_world():
    data = np.arange(4 * 5 * 6, dtype=float).reshape(4, 5, 6)
    layer = ImageLayer(data, scale=(2, 1, 1), translate=(10, 0, 0))
    prepared = job(Choices(DipConfig(), "current", point=(14.0, 0.0, 0.0)), layer)
    np.testing.assert_array_equal(prepared.image.data, data[2:3])
    np.testing.assert_array_equal(prepared.kwargs["translate"], (14, 0, 0))


def test_the_viewer_may_have_more_dimensions_than_the_layer():
    layer = ImageLayer(np.zeros((3, 4, 5)))
    prepared = job(Choices(DipConfig(), "current", point=(7.0, 1.0, 0.0, 0.0)), layer)
    assert prepared.image.shape == (1, 4, 5)
    np.testing.assert_array_equal(prepared.kwargs["translate"], (1, 0, 0))


def test_joint_channels_stay_together_in_the_current_plane():
    layer = ImageLayer(np.zeros((3, 2, 4, 5)), axis_labels=("z", "c", "y", "x"))
    config = DipConfig(channels="joint")
    prepared = job(Choices(config, "current", point=(1.0, 1.0, 0.0, 0.0)), layer)
    assert prepared.image.shape == (1, 2, 4, 5)


def test_reads_quantisation_of_an_unchanged_jpeg_file(tmp_path):
    picture = np.random.default_rng(0).integers(50, 200, (24, 20, 3)).astype(np.uint8)
    Picture.fromarray(picture).save(tmp_path / "small.jpg", quality=20)
    with layer_source(path=str(tmp_path / "small.jpg")):
        layer = ImageLayer(io.read_image(tmp_path / "small.jpg").data, rgb=True)
    choices = Choices(DipConfig(), task=TaskChoice("dejpeg", {"loss": "auto"}))
    assert len(job(choices, layer).task.quantisation.tables) == 3
    layer.data = layer.data // 2
    assert job(choices, layer).task.quantisation is None


@pytest.mark.parametrize("known", [True, False])
def test_a_psf_layer_is_resampled_to_the_scale_of_the_image(known):
    placed = {"units": ("um",) * 3, "axis_labels": ("z", "y", "x")}
    image = ImageLayer(np.zeros((6, 16, 16)), scale=(0.3, 0.1, 0.1), **placed)
    point = np.zeros((9, 5, 5))
    point[3:6, 2, 2] = 1
    psf = ImageLayer(point, **({"scale": (0.1, 0.1, 0.1), **placed} if known else {}))
    choices = Choices(DipConfig(), task=TaskChoice("deconvolve", {"psf": psf}))
    if not known:
        with pytest.raises(InputError, match="Set the voxel size of the PSF") as refused:
            job(choices, image)
        assert "scale of the PSF layer" in map(hint_text, refused.value.hints)
        return
    made = job(choices, image)
    assert "z from 0.1 to 0.3 micrometer" in made.task.remarks(made.image)[0]
    assert made.task.fitting_psf(made.image, "ZYX").shape[0] == 3


def test_no_data_values_of_the_file_are_missing_pixels(tmp_path):
    height = np.full((20, 30), 250.0, np.float32)
    height[:5] = -9999
    path = tmp_path / "terrain.tif"
    tag = (42113, "s", 0, "-9999", True)
    tifffile.imwrite(path, height, metadata=None, extratags=[tag])
    with layer_source(path=str(path)):
        layer = ImageLayer(height)
    prepared = job(ALL, layer)
    np.testing.assert_array_equal(np.isnan(prepared.image.data), height == -9999)
    assert "150 pixels" in prepared.image.warnings[0]
    assert (layer.data[:5] == -9999).all()


@pytest.mark.parametrize("content", [None, b"no image"], ids=["deleted", "overwritten"])
def test_ignores_a_file_that_is_no_longer_an_image(tmp_path, content):
    path = tmp_path / "gone.tif"
    if content is not None:
        path.write_bytes(content)
    with layer_source(path=str(path)):
        layer = ImageLayer(np.arange(600.0).reshape(20, 30))
    assert job(ALL, layer).image.data is layer.data


def test_run_starts_at_the_plane_in_view():
    layer = ImageLayer(
        np.zeros((2, 5, 8, 9)), axis_labels=("c", "z", "y", "x"), scale=(1, 0.5, 0.1, 0.1)
    )
    assert job(Choices(DipConfig(), "all", (1.0, 1.5, 0.0, 0.0)), layer).start_at == {
        "C": 1,
        "Z": 3,
    }
    beyond = job(Choices(DipConfig(), "all", (0.0, 9.0, 0.0, 0.0)), layer)
    assert beyond.start_at == {"C": 0, "Z": 4}
    assert job(ALL, layer).start_at == {}
    assert job(Choices(DipConfig(), "current", (0.0, 1.0, 0.0, 0.0)), layer).start_at == {}
