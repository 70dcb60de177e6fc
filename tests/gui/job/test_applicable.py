"""Settings that have an effect, by the image, the region and other settings."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image as ImageLayer

from napari_dip.config import DipConfig
from napari_dip.gui.job.applicable import applicable
from napari_dip.gui.job.choices import TaskChoice
from napari_dip.gui.job.job import Choices


def names(shape, axes, config=None, task="denoise", region="all", **options):
    layer = ImageLayer(np.zeros(shape, np.uint8), axis_labels=tuple(axes.lower()), **options)
    point = (0.0,) * layer.ndim
    choices = Choices(config or DipConfig(), region, point, task=TaskChoice(task))
    return applicable(choices, layer)


@pytest.mark.parametrize(
    ("shape", "axes", "shown"),
    [
        ((8, 9), "YX", set()),
        ((2, 8, 9), "CYX", {"channels"}),
        ((3, 8, 9), "ZYX", {"dims", "neighbours"}),
        ((3, 8, 9), "TYX", {"neighbours"}),
        ((1, 8, 9), "ZYX", set()),
        ((2, 3, 8, 9), "TZYX", {"dims", "neighbours"}),
        ((3, 2, 8, 9), "ZCYX", {"channels", "dims", "neighbours"}),
    ],
)
def test_axes_decide_about_channels_and_stacks(shape, axes, shown):
    found = names(shape, axes)
    assert found & {"channels", "dims", "neighbours", "warm_start"} == shown


def test_rgb_has_channels_and_grey_with_opacity_has_none():
    assert "channels" in names((8, 9, 3), "yx", rgb=True)
    assert "channels" not in names((8, 9, 2), "yxs")


def test_single_plane_of_a_stack_has_no_settings_of_stacks():
    found = names((3, 8, 9), "ZYX", region="current")
    assert not found & {"dims", "neighbours", "warm_start"}


@pytest.mark.parametrize(
    ("config", "warm", "neighbours"),
    [
        pytest.param(DipConfig(), False, True, id="learned start"),
        pytest.param(DipConfig(start="random"), True, False, id="random start"),
        pytest.param(DipConfig(start="random", dims=3), False, False, id="one volume"),
    ],
)
def test_start_decides_between_neighbours_and_warm_starts(config, warm, neighbours):
    found = names((3, 8, 9), "ZYX", config)
    assert ("warm_start" in found, "neighbours" in found) == (warm, neighbours)


@pytest.mark.parametrize(
    ("task", "config", "start", "strength"),
    [
        ("denoise", DipConfig(), True, True),
        ("denoise", DipConfig(start="random"), True, False),
        ("denoise", DipConfig(preset="paper"), False, False),
        ("inpaint", DipConfig(), True, False),
        ("inpaint", DipConfig(preset="paper"), False, False),
    ],
)
def test_start_is_offered_where_weights_exist(task, config, start, strength):
    found = names((8, 9), "YX", config, task)
    assert ("start" in found, "strength" in found) == (start, strength)


@pytest.mark.parametrize(
    ("noise", "shown"),
    [
        ("auto", set()),
        ("gaussian", {"sigma_noise"}),
        ("laplace", {"sigma_noise"}),
        ("poisson", {"gain", "read_noise"}),
        ("poisson-gaussian", {"gain", "read_noise"}),
    ],
)
def test_noise_model_decides_about_its_numbers(noise, shown):
    found = names((8, 9), "YX", DipConfig(noise=noise))
    assert found & {"gain", "read_noise", "sigma_noise"} == shown


def test_overlap_is_asked_for_where_there_may_be_tiles():
    assert "overlap" not in names((200, 9), "YX")
    assert "overlap" in names((300, 9), "YX")
    assert "overlap" in names((200, 9), "YX", DipConfig(tile=64))


def test_without_an_image_only_settings_of_any_image_are_shown():
    found = applicable(Choices(DipConfig()), None)
    assert "seed" in found
    assert not found & {"dims", "channels", "strength", "gain"}
