"""Blocks: planes, volumes and tiles cover an image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_dip.core.blocks.plan import block_shape, plan_blocks
from napari_dip.core.blocks.read import from_channels_first, read_block
from napari_dip.core.blocks.tiles import Tiling
from napari_dip.core.image.image import Image
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


# Tiles


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


def test_image_no_larger_than_a_tile_is_one_block():
    image = numbered("TZCYX")
    assert plan_blocks(image, None, 2, Tiling(5, 2)) == plan_blocks(image, None)


def test_rejects_tiles_within_the_overlap_and_names_a_valid_size():
    with pytest.raises(
        UsageError, match="overlap of 8 pixels along y; expected tiles of at least 16"
    ):
        Tiling(8, 4, margins={"Y": 2}).spans("Y", 30)
    assert len(Tiling(16, 4, margins={"Y": 2}).spans("Y", 30)) == 3
