"""Stitching: tiles in any order yield the image, and overlaps are averaged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_dip.core.blocks.plan import block_shape, plan_blocks, split_block
from napari_dip.core.blocks.read import read_block
from napari_dip.core.blocks.stitch import bands, count_pixels, outer, stitch
from napari_dip.core.blocks.tiles import Tiling
from napari_dip.core.image.image import Image
from tests.core.blocks.test_plan import AXES, tilings

SIZES = {"T": 2, "Z": 5, "C": 2, "Y": 9, "X": 13, "S": 3}


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
