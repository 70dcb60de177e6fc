"""Neighbours of planes and frames: which ones, and what stands in for missing ones."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

from napari_dip.core.blocks.neighbours import neighbour_axis, read_neighbours, show_same_scene
from napari_dip.core.blocks.plan import plan_blocks
from napari_dip.core.blocks.tiles import Tiling
from napari_dip.core.image.image import as_image


def stack(planes=6, axes="ZYX", side=8):
    """Return planes that hold their number, and a ramp."""
    ramp = np.linspace(0, 0.5, side * side).reshape(side, side)
    return as_image(np.arange(planes)[:, None, None] + ramp, axes)


def numbers(image, block, axis="Z"):
    return [int(plane.min()) for plane in read_neighbours(image, block, axis, 2)]


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        (0, [1, 1, 2, 2]),
        (1, [0, 2, 3, 3]),
        (2, [1, 3, 0, 4]),
        (5, [4, 4, 3, 3]),
    ],
)
def test_planes_before_and_behind_and_their_substitutes_at_the_ends(position, expected):
    image = stack()
    assert numbers(image, plan_blocks(image, None)[position]) == expected


@pytest.mark.parametrize(("planes", "expected"), [(2, [1] * 4), (3, [1, 1, 2, 2])])
def test_short_stacks_repeat_their_planes(planes, expected):
    image = stack(planes)
    assert numbers(image, plan_blocks(image, None)[0]) == expected


def test_constant_and_empty_planes_count_as_missing():
    image = stack()
    data = np.array(image.data)
    data[1], data[3] = 7, np.nan
    image = as_image(data, "ZYX")
    assert numbers(image, plan_blocks(image, None)[2]) == [0, 4, 0, 4]


def test_without_any_other_plane_there_are_no_neighbours():
    data = np.array(stack(3).data)
    data[[0, 2]] = 0
    image = as_image(data, "ZYX")
    assert read_neighbours(image, plan_blocks(image, None)[1], "Z", 2) == []


def test_tiles_have_the_same_part_of_their_neighbours():
    image = stack(side=32)
    block = plan_blocks(image, None, tiling=Tiling(20, overlap=4))[-1]
    planes = read_neighbours(image, block, "Z", 2)
    part = np.asarray(image.data)[(slice(None), *block.selection[1:])]
    np.testing.assert_array_equal(planes[0], part[4])


def test_neighbours_keep_frame_and_channel():
    random = np.random.default_rng(0)
    values = random.random((8, 8)) + 0.1 * random.random((2, 3, 4, 8, 8))
    image = as_image(da.from_array(values), "TCZYX")
    block = next(b for b in plan_blocks(image, "separate") if b.selection[:3] == (1, 2, 1))
    near = read_neighbours(image, block, "Z", 1)
    np.testing.assert_array_equal(near, values[1, 2, [0, 2]])
    (frame,) = read_neighbours(image, block, "T", 1)[:1]
    np.testing.assert_array_equal(frame, values[0, 2, 1])


def test_depth_goes_before_time_and_a_single_plane_has_none():
    shape = (2, 3, 8, 8)
    assert neighbour_axis(as_image(np.zeros(shape), "TZYX")) == "Z"
    assert neighbour_axis(as_image(np.zeros((2, 1, 8, 8)), "TZYX")) == "T"
    assert neighbour_axis(as_image(np.zeros((8, 8)))) is None


def test_a_side_beyond_a_cut_is_missing():
    random = np.random.default_rng(0)
    scenes = random.normal(size=(2, 32, 32))
    planes = np.stack([scenes[0]] * 3 + [scenes[1]] * 3) + 0.3 * random.normal(size=(6, 32, 32))
    image = as_image(planes, "TYX")
    blocks = plan_blocks(image, None)
    last, first = (read_neighbours(image, blocks[at], "T", 2, 0.09) for at in (2, 3))
    np.testing.assert_array_equal(last, planes[[1, 1, 0, 0]])
    np.testing.assert_array_equal(first, planes[[4, 4, 5, 5]])


def test_a_change_of_brightness_is_no_cut():
    scene = np.random.default_rng(0).normal(50, 10, (32, 32))
    assert show_same_scene(scene, 0.9 * scene + 7, 0.0)


def test_planes_of_noise_alone_show_the_same():
    first, second = np.random.default_rng(0).normal(size=(2, 256, 256))
    assert show_same_scene(first, second, 1.05)


def test_planes_without_a_common_pixel_show_no_common_scene():
    half = np.ones((4, 4))
    half[:, :2] = np.nan
    assert not show_same_scene(half, half[:, ::-1], 0.0)
