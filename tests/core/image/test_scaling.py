"""Intensity scaling: maps, bounds and dtypes."""

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
    except InputError:  # float32 cannot hold the differences
        assume(False)
    back = scaling.unscale(scaling.scale(values))
    # Float32 resolves the window; outliers exceed it.
    magnitude = max(float(np.abs(values).max()), scaling.gain)
    assert np.abs(back - values).max() <= 1e-5 * magnitude


@pytest.mark.parametrize(
    "dtype", ["uint8", "int16", "uint16", "int32", "float16", "float32", "float64", ">u2", "bool"]
)
def test_scaled_values_of_any_dtype_lie_in_the_window(dtype):
    values = (np.arange(100).reshape(10, 10) % 2 if dtype == "bool" else np.arange(100)).astype(
        dtype
    )
    scaled = find_scaling(values).scale(values)
    assert scaled.dtype == np.float32
    assert scaled.min() >= 0
    assert scaled.max() <= 1


def test_hot_pixel_keeps_its_value_and_the_contrast_of_the_image():
    values = np.tile(np.linspace(100, 200, 100), (100, 1))
    values[3, 4] = 65535
    scaling = find_scaling(values)
    assert np.ptp(scaling.scale(values[10:])) > 0.7
    assert scaling.high > scaling.scale(np.array([65535.0]))[0]
    assert scaling.unscale(scaling.scale(values))[3, 4] == pytest.approx(65535, rel=1e-5)


def test_bounds_leave_headroom_on_both_sides():
    values = np.linspace(0, 10, 50)
    scaling = find_scaling(values)
    scaled = scaling.scale(values)
    assert scaling.low < scaled.min()
    assert scaling.high > scaled.max()


def test_missing_pixels_do_not_change_the_map():
    values = np.linspace(0, 10, 50)
    with_gaps = np.append(values, [np.nan, np.inf, -np.inf])
    assert find_scaling(with_gaps) == find_scaling(values)


@pytest.mark.parametrize("value", [0.0, 7.0, -3.0, 65535.0])
def test_equal_pixels_are_constant(value):
    scaling = find_scaling(np.full((4, 4), value))
    assert scaling.constant
    assert scaling.darkest == value


@pytest.mark.parametrize(
    "values", [np.full((3, 3), np.nan), np.array([[0.0, 1e300]]), np.array([[-1e308, 1e308]])]
)
def test_rejects_values_without_a_usable_range(values):
    with pytest.raises(InputError, match="^Got"):
        find_scaling(values)


def test_each_channel_has_its_own_map_and_rgb_samples_share_one():
    channels = np.stack([np.arange(64.0).reshape(8, 8), 1000 + np.arange(64.0).reshape(8, 8)])
    dim, bright = scale_image(Image(channels, "CYX"))
    assert bright.offset - dim.offset == pytest.approx(1000)
    assert len(scale_image(Image(channels.transpose(1, 2, 0)[..., [0, 1, 1]], "YXS"))) == 1


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int64", "uint64"])
def test_restore_dtype_clips_instead_of_wrapping(dtype):
    limits = np.iinfo(dtype)
    values = np.array([-1e20, 0.6, 1e20], np.float32)
    assert restore_dtype(values, np.dtype(dtype)).tolist() == [limits.min, 1, limits.max]


@pytest.mark.parametrize("shift", [-3000.0, -500.0, 0.0, 4000.0])
def test_bounds_do_not_depend_on_the_offset_of_the_image(shift):
    values = shift + np.arange(1001.0)
    scaling = find_scaling(values)
    low, high = scaling.unscale(np.array([scaling.low, scaling.high]))
    room = values.min() - low
    assert 0 < room < 1000
    assert high - values.max() == pytest.approx(room, rel=1e-4)
    assert scaling.darkest == shift


def test_joint_channels_share_one_map_without_offset():
    image = Image(np.stack([np.full((4, 5), 3.0), np.arange(20.0).reshape(4, 5)]), "CYX")
    first, second = scale_image(image, joint=True)
    assert first == second
    assert first.offset == 0
    assert first.unscale(np.zeros(1)) == 0


def test_constant_image_has_gain_one_and_restores_its_value():
    scaling = find_scaling(np.full((3, 4), 7.0))
    assert (scaling.constant, scaling.gain) == (True, 1.0)
    assert scaling.unscale(np.ones((2, 2), np.float64)).dtype == np.float32
    assert (scaling.unscale(np.ones((2, 2))) == 7).all()


def test_restore_dtype_rounds_to_the_nearest_value():
    halves = np.array([-0.4, 0.49, 0.5, 1.0, 7.0])
    assert restore_dtype(halves, np.dtype(bool)).tolist() == [False, False, True, True, True]
    large = np.array([-1e30, 0.6, 2.0**63, 1e30])
    limits = np.iinfo(np.int64)
    expected = [limits.min, 1, limits.max, limits.max]
    assert restore_dtype(large, np.dtype(np.int64)).tolist() == expected
    assert restore_dtype(halves, np.dtype(np.float64)).dtype == np.float64


class Lazy:
    """An array that records the values that are read."""

    def __init__(self, values):
        self.values, self.shape, self.dtype, self.read = values, values.shape, values.dtype, []

    def __getitem__(self, selection):
        self.read.append(self.values[selection])
        return self.read[-1]


@pytest.mark.parametrize("axis", [None, 0, 1])
def test_large_images_are_scaled_from_a_centred_sample(monkeypatch, axis):
    monkeypatch.setattr(scaling, "_MAX_SAMPLES", 1000)
    lazy = Lazy(np.arange(24_000.0).reshape(40, 30, 20))
    image = Image(lazy, {None: "ZYX", 0: "CYX", 1: "YCX"}[axis])
    found = scale_image(image)
    channels = np.moveaxis(lazy.values, axis, 0) if axis is not None else [lazy.values]
    assert len(found) == len(lazy.read) == len(channels)
    for scaling_found, read, channel in zip(found, lazy.read, channels, strict=True):
        assert 200 < read.size <= 1000
        assert set(read.flat) <= set(channel.flat)
        middle = scaling_found.offset + 0.5 * scaling_found.gain
        assert middle == pytest.approx(np.median(channel), abs=0.03 * np.ptp(channel))
        # Complete lines are read, centred between the first and the last.
        assert read.shape[-1] == 20
        before, after = read.min() - channel.min(), channel.max() - read.max()
        assert before == pytest.approx(after, abs=0.03 * np.ptp(channel))


def test_small_images_are_scaled_from_all_pixels(monkeypatch):
    monkeypatch.setattr(scaling, "_MAX_SAMPLES", 24)
    lazy = Lazy(np.arange(24.0).reshape(2, 3, 4))
    scale_image(Image(lazy, "ZYX"))
    np.testing.assert_array_equal(lazy.read[0], lazy.values)
