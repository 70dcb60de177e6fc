from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_dip.core.image.image import Image, aligned, as_image, mask_invalid
from napari_dip.errors import AxesError, InputError


@pytest.mark.parametrize(
    ("shape", "axes"),
    [((4, 5), "YX"), ((2, 4, 5), "ZYX"), ((2, 3, 4, 5), "TZYX"), ((2, 2, 2, 4, 5), "TZCYX")],
)
def test_axes_are_guessed_without_ever_guessing_channels(shape, axes):
    image = as_image(np.zeros(shape))
    assert image.axes == axes
    assert not image.rgb


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -3])
def test_channel_axis_puts_c_at_that_dimension(axis):
    image = as_image(np.zeros((4, 5, 6)), channel_axis=axis)
    assert image.axes[axis] == "C"
    assert image.axes.replace("C", "") == "YX"


def test_named_axes_win_over_those_of_the_image():
    image = Image(np.zeros((3, 4, 5)), "ZYX", {"Z": 2.0}, {"Z": "micrometer"})
    assert as_image(image, "tyx").axes == "TYX"
    assert as_image(image).voxel_size == {"Z": 2.0}


@pytest.mark.parametrize(
    "array",
    [
        pytest.param(np.float32(3.0), id="0-d"),
        pytest.param(np.zeros(7), id="1-d"),
        pytest.param(np.zeros((0, 5)), id="empty"),
        pytest.param(np.zeros((3, 3), complex), id="complex"),
        pytest.param(np.zeros((3, 3), object), id="object"),
        pytest.param(np.array([["a", "b"]]), id="text"),
        pytest.param(np.zeros((3, 3), [("a", "f4")]), id="structured"),
        pytest.param([[1, 2], [3]], id="ragged"),
    ],
)
def test_what_is_no_image_is_refused_in_one_sentence(array):
    with pytest.raises(InputError, match="^Got .*expected") as caught:
        as_image(array)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("axes", ["YXX", "YX", "QYX", "CYS", "TZC", "SYX", "YSX"])
def test_axes_that_do_not_fit_are_refused(axes):
    with pytest.raises(AxesError, match=f"Got axes '{axes}'.*one letter of .* 3 dimensions"):
        as_image(np.zeros((3, 4, 5)), axes)


def test_channels_and_colours_are_not_both_there():
    with pytest.raises(AxesError, match="not both C and S"):
        as_image(np.zeros((2, 4, 5, 3)), "CYXS")


def test_six_dimensions_ask_for_their_axes():
    with pytest.raises(AxesError, match="Name its axes"):
        as_image(np.zeros((1, 1, 1, 1, 4, 4)))


def test_masked_pixels_become_missing():
    masked = np.ma.masked_equal(np.array([[1, 2], [3, 4]], np.uint8), 3)
    assert np.isnan(as_image(masked).data[1, 0])


def test_a_lazy_array_is_not_read():
    class Lazy:
        shape, dtype = (4, 4), np.dtype(np.uint8)

        def __getitem__(self, key):
            raise AssertionError("read")

    assert as_image(Lazy()).shape == (4, 4)


def test_infinite_and_nan_pixels_are_invalid():
    values = np.array([[np.nan, 1.0], [np.inf, -np.inf]])
    assert mask_invalid(values).tolist() == [[False, True], [False, False]]
    assert mask_invalid(np.zeros((2, 2), np.uint8)).all()


def test_a_voxel_size_that_is_given_replaces_the_one_that_is_known():
    image = Image(np.zeros((2, 3, 4)), "ZYX", {"Z": 2.0, "Y": 7.0}, {"Y": "nanometer"})
    given = image.calibrated({"y": 0.1, "x": 0.2})
    assert given.voxel_size == {"Z": 2.0, "Y": 0.1, "X": 0.2}
    assert given.units == {"Y": "micrometer", "X": "micrometer"}
    with pytest.raises(AxesError, match="expected a size for some of y, x"):
        Image(np.zeros((3, 4)), "YX").calibrated({"z": 0.1})


def test_an_affine_follows_the_enlarged_pixels():
    affine = ((2.0, 0, 0, 10), (0, 3.0, 0, 20), (0, 0, 4.0, 30), (0, 0, 0, 1))
    image = Image(np.zeros((4, 5)), "YX", {"Y": 3.0, "X": 2.0}, affine=affine)
    finer = image.enlarged({"Y": 2})
    # The middle of the four small pixels 2 and 3 of Y is that of the large pixel 1.
    before = np.array(affine) @ [1, 1, 0, 1]
    assert np.array(finer.affine) @ [1, 2.5, 0, 1] == pytest.approx(before)
    assert finer.affine[0] == affine[0]
    assert image.enlarged({}).affine == affine
    assert image.calibrated({"x": 0.5}).affine is None


@pytest.mark.parametrize(
    ("shape", "colours", "planes"),
    [((6, 5, 3), "YXS", "ZYX"), ((6, 5, 4), "YXS", "ZYX"), ((2, 6, 5, 3), "ZYXS", "TZYX")],
)
def test_a_last_axis_that_may_hold_colours_is_asked_for(shape, colours, planes):
    with pytest.raises(AxesError, match=f": {colours} of colours, {planes} of planes") as caught:
        as_image(np.zeros(shape))
    assert str(shape) in str(caught.value)


@pytest.mark.parametrize("shape", [(6, 3), (5, 3, 3), (3, 5, 2), (3, 6, 5), (7, 4, 4), (9, 3, 8)])
def test_a_shape_that_cannot_be_of_colours_is_not_asked_for(shape):
    assert as_image(np.zeros(shape)).axes == "ZYX"[-len(shape) :]


def test_a_channel_axis_is_one_of_those_there_are():
    assert as_image(np.zeros((2, 2, 2, 4, 5)), channel_axis=2).axes == "TZCYX"
    for axis in (3, -4):
        with pytest.raises(AxesError, match=f"channel_axis={axis}; expected an axis of 3"):
            as_image(np.zeros((2, 4, 5)), channel_axis=axis)
    with pytest.raises(AxesError, match="Got an array of 6 dimensions"):
        as_image(np.zeros((2, 2, 2, 2, 4, 5)), channel_axis=0)


def test_arrays_of_other_kinds_are_taken_as_they_are():
    values = np.arange(6.0, dtype=np.float32).reshape(2, 3)
    graph = torch.from_numpy(values).requires_grad_()
    np.testing.assert_array_equal(as_image(graph).data, values)
    np.testing.assert_array_equal(as_image(values.tolist()).data, values)
    masked = as_image(np.ma.masked_equal(values.astype(np.float32), 3)).data
    assert masked.dtype == np.float64


def test_an_enlarged_image_repeats_its_pixels():
    image = Image(np.arange(6.0).reshape(2, 3), "YX")
    larger = image.enlarged({"X": 2}).data
    np.testing.assert_array_equal(larger, np.arange(6.0).repeat(2).reshape(2, 6))


@pytest.mark.parametrize(
    ("shape", "axes", "of"),
    [
        pytest.param((4, 5), "YX", lambda a: a, id="a plane, for all"),
        pytest.param((2, 3, 4, 5), "TZYX", lambda a: a, id="all axes"),
        pytest.param((5, 4, 3), "XYZ", lambda a: a.transpose(2, 1, 0), id="another order"),
        pytest.param((2, 1, 4, 5), "TZYX", lambda a: a, id="one plane in each time"),
        pytest.param((2, 4, 5), "TYX", lambda a: a[:, None], id="an axis is lacking"),
        pytest.param((4, 5, 3), "YXS", lambda a: a.max(axis=-1), id="colours: the brightest"),
        pytest.param((2, 3, 4, 5), "TCYX", lambda a: a, id="axes that were guessed"),
    ],
)
def test_another_picture_is_spread_over_an_image(shape, axes, of):
    values = np.random.default_rng(0).random(shape)
    spread = aligned(Image(values, axes), Image(np.zeros((2, 3, 4, 5)), "TZYX"), "mask")
    np.testing.assert_array_equal(spread, np.broadcast_to(of(values), (2, 3, 4, 5)))


def test_another_picture_is_the_same_for_all_samples_of_colour():
    values = np.random.default_rng(0).random((4, 5))
    spread = aligned(Image(values, "YX"), Image(np.zeros((4, 5, 3)), "YXS"), "mask")
    np.testing.assert_array_equal(spread, np.stack([values] * 3, axis=-1))


@pytest.mark.parametrize(
    ("shape", "axes"),
    [((5, 4), "YX"), ((1, 5), "YX"), ((4, 1), "YX"), ((3, 4, 5), "TYX"), ((3, 4, 5), "CYX")],
)
def test_another_picture_that_does_not_fit_is_refused(shape, axes):
    image = Image(np.zeros((2, 3, 4, 5)), "TZYX")
    with pytest.raises(InputError, match="Got a mask of shape .*same Y and X") as caught:
        aligned(Image(np.zeros(shape), axes), image, "mask")
    for words in (f"{shape} ({axes})", "(2, 3, 4, 5) (TZYX)"):
        assert words in str(caught.value)


PLACED = Image(
    np.arange(2 * 4 * 6.0).reshape(2, 4, 6),
    "CYX",
    {"Y": 0.5, "X": 2.0},
    {"Y": "micrometer", "X": "micrometer"},
    affine=tuple(map(tuple, np.diag([2.0, 0.5, 1.0, 1.0]).tolist())),
    position={"Y": 10.0},
    channel_names=("DAPI", "GFP"),
    channel_colours=("0000FF", "00FF00"),
)


def test_a_part_is_at_its_own_position():
    part = PLACED.cut((slice(1, 2), slice(2, 4), slice(1, None)))
    np.testing.assert_array_equal(part.data, PLACED.data[1:2, 2:4, 1:])
    assert dict(part.position) == {"Y": 11.0, "X": 2.0}
    assert (part.channel_names, part.channel_colours) == (("GFP",), ("00FF00",))
    # The affine maps the first pixel of the part to where it was.
    before = np.array(PLACED.affine) @ [1, 2, 0, 1]
    np.testing.assert_allclose(np.array(part.affine) @ [0, 0, 0, 1], before)


def test_small_pixels_cover_the_large_one():
    finer = PLACED.enlarged({"Y": 2, "X": 2})
    assert dict(finer.position) == {"Y": 10.0 - 0.125, "X": -0.5}
    assert finer.channel_names == PLACED.channel_names


def test_a_new_voxel_size_keeps_a_position_in_micrometres_alone():
    assert dict(PLACED.calibrated({"y": 0.1}).position) == {"Y": 10.0}
    pixels = Image(PLACED.data, "CYX", position={"Y": 10.0, "X": 3.0})
    assert dict(pixels.calibrated({"y": 0.1}).position) == {"X": 3.0}
