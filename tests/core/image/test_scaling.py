from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_dip.core.image import scaling
from napari_dip.core.image.image import Image
from napari_dip.core.image.scaling import find_scaling, restore_dtype, scale_image
from napari_dip.errors import InputError


@given(
    hnp.arrays(
        np.float64,
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=8),
        elements=st.floats(-1e6, 1e6),
    )
)
def test_unscale_undoes_scale(values):
    try:
        scaling = find_scaling(values)
    except InputError:  # differences that float32 cannot hold
        assume(False)
    back = scaling.unscale(scaling.scale(values))
    # One window holds everything to float32's resolution; outliers widen it.
    magnitude = max(float(np.abs(values).max()), scaling.gain)
    assert np.abs(back - values).max() <= 1e-5 * magnitude


@pytest.mark.parametrize(
    "dtype", ["uint8", "int16", "uint16", "int32", "float16", "float32", "float64", ">u2", "bool"]
)
def test_the_bulk_of_any_dtype_lands_in_the_window(dtype):
    values = (np.arange(100).reshape(10, 10) % 2 if dtype == "bool" else np.arange(100)).astype(
        dtype
    )
    scaled = find_scaling(values).scale(values)
    assert scaled.dtype == np.float32
    assert scaled.min() >= 0
    assert scaled.max() <= 1


def test_a_hot_pixel_neither_squeezes_the_image_nor_is_lost():
    values = np.tile(np.linspace(100, 200, 100), (100, 1))
    values[3, 4] = 65535
    scaling = find_scaling(values)
    assert np.ptp(scaling.scale(values[10:])) > 0.7
    assert scaling.high > scaling.scale(np.array([65535.0]))[0]
    assert scaling.unscale(scaling.scale(values))[3, 4] == pytest.approx(65535, rel=1e-5)


def test_the_bounds_leave_headroom_on_both_sides():
    values = np.linspace(0, 10, 50)
    scaling = find_scaling(values)
    scaled = scaling.scale(values)
    assert scaling.low < scaled.min()
    assert scaling.high > scaled.max()


def test_missing_pixels_do_not_move_the_map():
    values = np.linspace(0, 10, 50)
    holed = np.append(values, [np.nan, np.inf, -np.inf])
    assert find_scaling(holed) == find_scaling(values)


@pytest.mark.parametrize("value", [0.0, 7.0, -3.0, 65535.0])
def test_equal_pixels_are_constant(value):
    scaling = find_scaling(np.full((4, 4), value))
    assert scaling.constant
    assert scaling.darkest == value


@pytest.mark.parametrize(
    "values", [np.full((3, 3), np.nan), np.array([[0.0, 1e300]]), np.array([[-1e308, 1e308]])]
)
def test_values_without_a_usable_range_are_refused(values):
    with pytest.raises(InputError, match="^Got"):
        find_scaling(values)


def test_each_channel_has_its_own_map_and_rgb_one():
    channels = np.stack([np.arange(64.0).reshape(8, 8), 1000 + np.arange(64.0).reshape(8, 8)])
    dim, bright = scale_image(Image(channels, "CYX"))
    assert bright.offset - dim.offset == pytest.approx(1000)
    assert len(scale_image(Image(channels.transpose(1, 2, 0)[..., [0, 1, 1]], "YXS"))) == 1


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int64", "uint64"])
def test_restoring_a_dtype_never_wraps(dtype):
    limits = np.iinfo(dtype)
    values = np.array([-1e20, 0.6, 1e20], np.float32)
    assert restore_dtype(values, np.dtype(dtype)).tolist() == [limits.min, 1, limits.max]


@pytest.mark.parametrize("shift", [-3000.0, -500.0, 0.0, 4000.0])
def test_the_bounds_are_those_of_the_image_with_room_whatever_its_zero(shift):
    values = shift + np.arange(1001.0)
    scaling = find_scaling(values)
    low, high = scaling.unscale(np.array([scaling.low, scaling.high]))
    room = values.min() - low
    assert 0 < room < 1000
    assert high - values.max() == pytest.approx(room, rel=1e-4)
    assert scaling.darkest == shift


def test_complex_parts_are_only_divided_and_alike():
    image = Image(np.stack([np.full((4, 5), 3.0), np.arange(20.0).reshape(4, 5)]), "CYX")
    first, second = scale_image(image, joint=True)
    assert first == second
    assert first.offset == 0
    assert first.unscale(np.zeros(1)) == 0


def test_a_constant_image_has_a_map_that_changes_no_unit():
    scaling = find_scaling(np.full((3, 4), 7.0))
    assert (scaling.constant, scaling.gain) == (True, 1.0)
    assert scaling.unscale(np.ones((2, 2), np.float64)).dtype == np.float32
    assert (scaling.unscale(np.ones((2, 2))) == 7).all()


def test_dtypes_come_back_rounded_and_whole():
    halves = np.array([-0.4, 0.49, 0.5, 1.0, 7.0])
    assert restore_dtype(halves, np.dtype(bool)).tolist() == [False, False, True, True, True]
    large = np.array([-1e30, 0.6, 2.0**63, 1e30])
    limits = np.iinfo(np.int64)
    expected = [limits.min, 1, limits.max, limits.max]
    assert restore_dtype(large, np.dtype(np.int64)).tolist() == expected
    assert restore_dtype(halves, np.dtype(np.float64)).dtype == np.float64


class Lazy:
    """An array that notes what is read of it."""

    def __init__(self, values):
        self.values, self.shape, self.dtype, self.read = values, values.shape, values.dtype, []

    def __getitem__(self, selection):
        self.read.append(self.values[selection])
        return self.read[-1]


@pytest.mark.parametrize("axis", [None, 0, 1])
def test_the_map_of_many_pixels_is_found_by_some_of_them(monkeypatch, axis):
    monkeypatch.setattr(scaling, "_MAX_SAMPLES", 1000)
    lazy = Lazy(np.arange(24_000.0).reshape(40, 30, 20))
    image = Image(lazy, {None: "ZYX", 0: "CYX", 1: "YCX"}[axis])
    found = scale_image(image)
    channels = np.moveaxis(lazy.values, axis, 0) if axis is not None else [lazy.values]
    assert len(found) == len(lazy.read) == len(channels)
    for one, read, channel in zip(found, lazy.read, channels, strict=True):
        assert 200 < read.size <= 1000
        assert set(read.flat) <= set(channel.flat)
        middle = one.offset + 0.5 * one.gain
        assert middle == pytest.approx(np.median(channel), abs=0.03 * np.ptp(channel))
        # Whole lines are read, and as far from the first as from the last.
        assert read.shape[-1] == 20
        before, after = read.min() - channel.min(), channel.max() - read.max()
        assert before == pytest.approx(after, abs=0.03 * np.ptp(channel))


def test_no_pixel_of_a_small_image_is_left_out(monkeypatch):
    monkeypatch.setattr(scaling, "_MAX_SAMPLES", 24)
    lazy = Lazy(np.arange(24.0).reshape(2, 3, 4))
    scale_image(Image(lazy, "ZYX"))
    np.testing.assert_array_equal(lazy.read[0], lazy.values)
