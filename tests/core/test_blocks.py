from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_dip.core import blocks
from napari_dip.core.image import Image
from napari_dip.errors import AxesError

AXES = ["YX", "XY", "ZYX", "CYX", "YXC", "YXS", "TZCYX", "TZYXS", "CZYX"]


def numbered(axes: str, samples: int = 3) -> Image:
    sizes = {"T": 2, "Z": 3, "C": 2, "Y": 4, "X": 5, "S": samples}
    shape = tuple(sizes[axis] for axis in axes)
    return Image(np.arange(np.prod(shape)).reshape(shape), axes)


@given(
    st.sampled_from([(axes, dims) for axes in AXES for dims in (2, 3) if dims == 2 or "Z" in axes]),
    st.sampled_from([None, "joint", "separate"]),
)
def test_cutting_and_putting_back_is_the_identity(axes_and_dims, channels):
    axes, dims = axes_and_dims
    image = numbered(axes)
    result = np.full(image.shape, -1)
    for block in blocks.plan(image, channels, dims):
        values = blocks.read(image, block)
        assert values.shape[1:] == ((4, 5) if dims == 2 else (3, 4, 5))
        result[block.selection] = blocks.from_channels_first(values, block)
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
def test_channels_are_fitted_together_or_apart(axes, channels, count, fitted):
    image = numbered(axes)
    plan = blocks.plan(image, channels)
    assert [block.index for block in plan] == list(range(count))
    assert blocks.read(image, plan[0]).shape[0] == fitted


def test_volumes_are_one_block_each_and_need_an_axis_z():
    image = numbered("TZCYX")
    assert len(blocks.plan(image, "joint", 3)) == 2
    assert blocks.pixels(image, 3) == 3 * blocks.pixels(image)
    with pytest.raises(AxesError, match="expected an axis Z"):
        blocks.plan(numbered("CYX"), None, 3)


def test_alpha_is_left_out_of_the_fit():
    image = numbered("YXS", samples=4)
    (block,) = blocks.plan(image, None)
    assert blocks.read(image, block).shape == (3, 4, 5)


def test_blocks_know_their_channel():
    assert [block.channels for block in blocks.plan(numbered("ZCYX"), None)] == [(0,), (1,)] * 3


def test_some_planes_are_of_one_channel_and_spread():
    image = numbered("TZCYX")
    planes = blocks.some_planes(image, 1, count=3)
    assert planes.shape == (3, 4, 5)
    np.testing.assert_array_equal(planes[0], image.data[0, 0, 1])
    np.testing.assert_array_equal(planes[-1], image.data[1, 2, 1])
