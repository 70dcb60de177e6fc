"""Blocks: planes, volumes and tiles cover an image and stitch to the same image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_dip.core.blocks.plan import block_shape, plan_blocks, split_block
from napari_dip.core.blocks.read import from_channels_first, read_block
from napari_dip.core.blocks.stitch import bands, count_pixels, outer, stitch
from napari_dip.core.blocks.tiles import Tiling
from napari_dip.core.image.image import Image
from napari_dip.core.image.typical_planes import sample_planes
from napari_dip.errors import AxesError, UsageError

AXES = ["YX", "XY", "ZYX", "CYX", "YXC", "YXS", "TZCYX", "TZYXS", "CZYX"]


def numbered(axes: str, samples: int = 3) -> Image:
    sizes = {"T": 2, "Z": 3, "C": 2, "Y": 4, "X": 5, "S": samples}
    shape = tuple(sizes[axis] for axis in axes)
    return Image(np.arange(np.prod(shape)).reshape(shape), axes)


@given(
    st.sampled_from([(axes, dims) for axes in AXES for dims in (2, 3) if dims == 2 or "Z" in axes]),
    st.sampled_from([None, "joint", "separate"]),
)
def test_read_and_write_of_all_blocks_is_the_identity(axes_and_dims, channels):
    axes, dims = axes_and_dims
    image = numbered(axes)
    result = np.full(image.shape, -1)
    for block in plan_blocks(image, channels, dims):
        values = read_block(image, block)
        assert values.shape[1:] == ((4, 5) if dims == 2 else (3, 4, 5))
        result[block.selection] = from_channels_first(values, block)
    np.testing.assert_array_equal(result, image.data)


@pytest.mark.parametrize(
    ("axes", "channels", "count", "fitted"),
    [
        ("TZCYX", None, 12, 1),
        ("TZCYX", "joint", 6, 2),
        ("YXS", None, 1, 3),
        ("YXS", "separate", 3, 1),
        ("CYX", "joint", 1, 2),
    ],
)
def test_channels_are_fitted_jointly_or_separately(axes, channels, count, fitted):
    image = numbered(axes)
    plan = plan_blocks(image, channels)
    assert [block.index for block in plan] == list(range(count))
    assert read_block(image, plan[0]).shape[0] == fitted


def test_each_volume_is_one_block_and_needs_an_axis_z():
    image = numbered("TZCYX")
    assert len(plan_blocks(image, "joint", 3)) == 2
    assert block_shape(plan_blocks(image, None, 3)[0], image) == (3, 4, 5)
    with pytest.raises(AxesError, match="expected an axis Z"):
        plan_blocks(numbered("CYX"), None, 3)


def test_opacity_is_left_out_of_the_fit():
    image = numbered("YXS", samples=4)
    (block,) = plan_blocks(image, None)
    assert read_block(image, block).shape == (3, 4, 5)


def test_blocks_know_their_channel():
    assert [block.channels for block in plan_blocks(numbered("ZCYX"), None)] == [(0,), (1,)] * 3


def test_sample_planes_spread_over_one_channel():
    image = numbered("TZCYX")
    planes = sample_planes(image, 1, count=3)
    assert planes.shape == (3, 4, 5)
    np.testing.assert_array_equal(planes[0], image.data[0, 0, 1])
    np.testing.assert_array_equal(planes[-1], image.data[1, 2, 1])


def test_sample_planes_reads_a_part_of_large_planes():
    image = Image(np.broadcast_to(np.arange(5000), (1, 3000, 5000)), "ZYX")
    planes = sample_planes(image, 0, count=3)
    assert planes.shape == (3, 1024, 1024)
    np.testing.assert_array_equal(planes[:, 0, 0], [0, 1988, 3976])


# Tiles

SIZES = {"T": 2, "Z": 5, "C": 2, "Y": 9, "X": 13, "S": 3}


@st.composite
def tilings(draw):
    """Draw valid tilings with any overlap, margins and grid."""
    grid = draw(st.integers(1, 4))
    margins = draw(st.dictionaries(st.sampled_from("YX"), st.integers(0, 3)))
    tiling = Tiling(draw(st.integers(1, 30)), draw(st.integers(0, 12)), margins=margins, grid=grid)
    smallest = max(map(tiling.shared, "ZYX")) + 1
    return replace(tiling, side=max(tiling.side, -(-smallest // grid) * grid))


@given(tilings(), st.integers(1, 60), st.sampled_from("ZYX"))
def test_tiles_cover_an_axis_with_weights_that_sum_to_one(tiling, size, axis):
    spans, weights = tiling.spans(axis, size), tiling.weights(axis, size)
    total = np.zeros(size)
    for (start, stop), weight in zip(spans, weights, strict=True):
        assert start % tiling.grid == 0
        assert stop - start == len(weight) <= max(tiling.side, 1)
        total[start:stop] += weight
    np.testing.assert_allclose(total, 1, rtol=1e-6)
    margin = tiling.margins.get(axis, 0)
    if len(spans) > 1 and margin:
        assert (weights[1][:margin] == 0).all()
        assert (weights[0][-margin:] == 0).all()


@given(
    st.sampled_from([(axes, dims) for axes in AXES for dims in (2, 3) if dims == 2 or "Z" in axes]),
    st.sampled_from([None, "joint", "separate"]),
    tilings(),
    st.sampled_from([{}, {"Y": 2, "X": 3}]),
    st.randoms(use_true_random=False),
)
@settings(deadline=None, max_examples=25)
def test_stitching_in_any_order_is_the_identity(axes_and_dims, channels, tiling, factors, order):
    axes, dims = axes_and_dims
    data = np.random.default_rng(0).random([SIZES[axis] for axis in axes], np.float32)
    image, finer = Image(data, axes), Image(data, axes).enlarged(factors)
    result = np.full(finer.shape, np.nan, np.float32)
    tiles = plan_blocks(image, channels, dims, replace(tiling, factors=factors))
    order.shuffle(tiles)
    counted = 0.0
    for number, tile in enumerate(tiles):
        values = read_block(image, tile)
        assert values.shape[1:] == block_shape(tile, image)
        counted += count_pixels(tile, values > 0.5)
        stitch(result, tile, finer.data[tile.target], tiles[:number])
    np.testing.assert_allclose(result, finer.data, rtol=1e-5, atol=1e-7)
    assert counted == pytest.approx((data > 0.5).sum(), rel=1e-4)


@given(tilings(), st.permutations(range(4)))
def test_stitching_leaves_uncovered_pixels_unchanged(tiling, order):
    result = np.full((2, 60), np.inf, np.float32)
    tiles = plan_blocks(Image(result, "YX"), None, 2, tiling)
    tiles = [tiles[index] for index in order if index < len(tiles)][:2]
    reached = np.zeros(result.shape, bool)
    for number, tile in enumerate(tiles):
        stitch(result, tile, np.ones((2, 60), np.float32)[tile.target], tiles[:number])
        part = reached[tile.target]
        part |= np.multiply.outer(*tile.weights) > 0 if tile.weights else True
    np.testing.assert_array_equal(result[~reached], np.inf)
    np.testing.assert_allclose(result[reached], 1, rtol=1e-5)


@pytest.mark.parametrize("factors", [{}, {"Y": 2, "X": 3}])
@pytest.mark.parametrize(
    ("axes", "dims", "channels"),
    [("TZYX", 2, None), ("CYX", 2, "joint"), ("YXS", 2, "joint"), ("CZYX", 3, "separate")],
)
@pytest.mark.parametrize("side", [30, 80])
def test_stitching_split_blocks_is_the_identity(axes, dims, channels, factors, side):
    sizes = {"T": 2, "C": 2, "Z": 5, "Y": 50, "X": 60, "S": 3}
    data = np.random.default_rng(0).random([sizes[axis] for axis in axes], np.float32)
    image, finer = Image(data, axes), Image(data, axes).enlarged(factors)
    spatial = "ZYX"[-dims:]
    tiling = Tiling(side, 8, spatial, factors=factors)
    smaller = replace(tiling, side=20, overlap=5)
    result, laid = np.full(finer.shape, np.nan, np.float32), []
    for tile in plan_blocks(image, channels, dims, tiling):
        parts = split_block(tile, image, smaller)
        assert len(parts) >= 4
        assert [part.part for part in parts] == list(range(1, len(parts) + 1))
        assert {part.index for part in parts} == {tile.index}
        for part in parts:
            assert max(block_shape(part, image)[-2:]) <= 20
            stitch(result, part, finer.data[part.target], laid)
            laid.append(part)
        # A block that is small enough is unchanged.
        assert split_block(parts[0], image, tiling) == [parts[0]]
    np.testing.assert_allclose(result, finer.data, rtol=1e-5, atol=1e-6)


def test_image_no_larger_than_a_tile_is_one_block():
    image = numbered("TZCYX")
    assert plan_blocks(image, None, 2, Tiling(5, 2)) == plan_blocks(image, None)


def test_rejects_tiles_within_the_overlap_and_names_a_valid_size():
    with pytest.raises(
        UsageError, match="overlap of 8 pixels along y; expected tiles of at least 16"
    ):
        Tiling(8, 4, margins={"Y": 2}).spans("Y", 30)
    assert len(Tiling(16, 4, margins={"Y": 2}).spans("Y", 30)) == 3


@given(tilings(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=25)
def test_overlapping_tiles_are_averaged_by_weight(tiling, order):
    image = Image(np.zeros((13, 17), np.float32), "YX")
    tiles = plan_blocks(image, None, 2, tiling)
    order.shuffle(tiles)
    result = np.zeros(image.shape, np.float32)
    total, weight = np.zeros(image.shape), np.zeros(image.shape)
    for number, tile in enumerate(tiles):
        level = np.float32(1 + number)
        weights = outer(tile.weights) if tile.weights else 1.0
        total[tile.target] += level * weights
        weight[tile.target] += weights
        stitch(result, tile, np.full_like(result[tile.target], level), tiles[:number])
    np.testing.assert_allclose(result, total / weight, rtol=1e-4)


def test_bands_cover_an_array_once():
    visits = np.zeros((2, 1500, 3), int)
    for band in bands(visits.shape, "ZYX"):
        assert visits[band].size <= 1024 * 3
        visits[band] += 1
    assert (visits == 1).all()
