"""Axis letters: the defaults for plain arrays and the check of given letters."""

from __future__ import annotations

import numpy as np
import pytest

from napari_dip.core.image.image import as_image
from napari_dip.errors import AxesError


@pytest.mark.parametrize(
    ("shape", "axes"),
    [((4, 5), "YX"), ((2, 4, 5), "ZYX"), ((2, 3, 4, 5), "TZYX"), ((2, 2, 2, 4, 5), "TZCYX")],
)
def test_default_axes_hold_no_channels_up_to_four_dimensions(shape, axes):
    image = as_image(np.zeros(shape))
    assert image.axes == axes
    assert not image.rgb


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -3])
def test_channel_axis_names_that_dimension_c(axis):
    image = as_image(np.zeros((4, 5, 6)), channel_axis=axis)
    assert image.axes[axis] == "C"
    assert image.axes.replace("C", "") == "YX"


@pytest.mark.parametrize("axes", ["YXX", "YX", "QYX", "CYS", "TZC", "SYX", "YSX"])
def test_rejects_axes_that_do_not_match_the_array(axes):
    with pytest.raises(AxesError, match=f"Got axes '{axes}'.*one letter of .* 3 dimensions"):
        as_image(np.zeros((3, 4, 5)), axes)


def test_rejects_channels_together_with_colours():
    with pytest.raises(AxesError, match="not both C and S"):
        as_image(np.zeros((2, 4, 5, 3)), "CYXS")


def test_rejects_six_dimensions_without_axes():
    with pytest.raises(AxesError, match="Name its axes"):
        as_image(np.zeros((1, 1, 1, 1, 4, 4)))


@pytest.mark.parametrize(
    ("shape", "colours", "planes"),
    [((6, 5, 3), "YXS", "ZYX"), ((6, 5, 4), "YXS", "ZYX"), ((2, 6, 5, 3), "ZYXS", "TZYX")],
)
def test_rejects_a_last_axis_that_may_hold_colours(shape, colours, planes):
    with pytest.raises(AxesError, match=f": {colours} for colours, {planes} for planes") as caught:
        as_image(np.zeros(shape))
    assert str(shape) in str(caught.value)


@pytest.mark.parametrize("shape", [(6, 3), (5, 3, 3), (3, 5, 2), (3, 6, 5), (7, 4, 4), (9, 3, 8)])
def test_accepts_shapes_that_cannot_hold_colours(shape):
    assert as_image(np.zeros(shape)).axes == "ZYX"[-len(shape) :]


def test_rejects_a_channel_axis_out_of_range():
    assert as_image(np.zeros((2, 2, 2, 4, 5)), channel_axis=2).axes == "TZCYX"
    for axis in (3, -4):
        with pytest.raises(AxesError, match=f"channel_axis={axis}; expected an axis of 3"):
            as_image(np.zeros((2, 4, 5)), channel_axis=axis)
    with pytest.raises(AxesError, match="Got an array of 6 dimensions"):
        as_image(np.zeros((2, 2, 2, 2, 4, 5)), channel_axis=0)
