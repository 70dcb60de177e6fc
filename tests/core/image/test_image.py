"""Image: wrapping arrays, metadata of parts and of enlarged images."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_dip.core.image.image import Image, as_image, finite_mask
from napari_dip.errors import AxesError, InputError


def test_given_axes_replace_the_axes_of_the_image():
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
def test_rejects_arrays_that_are_no_image_with_one_sentence(array):
    with pytest.raises(InputError, match="^Got .*expected") as caught:
        as_image(array)
    assert "\n" not in str(caught.value)


def test_masked_pixels_become_nan():
    masked = np.ma.masked_equal(np.array([[1, 2], [3, 4]], np.uint8), 3)
    assert np.isnan(as_image(masked).data[1, 0])


def test_wrapping_reads_no_pixel_of_a_lazy_array():
    class Lazy:
        shape, dtype = (4, 4), np.dtype(np.uint8)

        def __getitem__(self, key):
            raise AssertionError("read")

    assert as_image(Lazy()).shape == (4, 4)


def test_infinite_and_nan_pixels_are_not_finite():
    values = np.array([[np.nan, 1.0], [np.inf, -np.inf]])
    assert finite_mask(values).tolist() == [[False, True], [False, False]]
    assert finite_mask(np.zeros((2, 2), np.uint8)).all()


def test_given_voxel_size_replaces_that_of_the_file():
    image = Image(np.zeros((2, 3, 4)), "ZYX", {"Z": 2.0, "Y": 7.0}, {"Y": "nanometer"})
    given = image.calibrated({"y": 0.1, "x": 0.2})
    assert given.voxel_size == {"Z": 2.0, "Y": 0.1, "X": 0.2}
    assert given.units == {"Y": "micrometer", "X": "micrometer"}
    with pytest.raises(AxesError, match="expected a size for some of y, x"):
        Image(np.zeros((3, 4)), "YX").calibrated({"z": 0.1})


def test_enlarging_adapts_the_affine():
    affine = ((2.0, 0, 0, 10), (0, 3.0, 0, 20), (0, 0, 4.0, 30), (0, 0, 0, 1))
    image = Image(np.zeros((4, 5)), "YX", {"Y": 3.0, "X": 2.0}, affine=affine)
    finer = image.enlarged({"Y": 2})
    # The middle of the four small pixels 2 and 3 of Y is that of the large pixel 1.
    before = np.array(affine) @ [1, 1, 0, 1]
    assert np.array(finer.affine) @ [1, 2.5, 0, 1] == pytest.approx(before)
    assert finer.affine[0] == affine[0]
    assert image.enlarged({}).affine == affine
    assert image.calibrated({"x": 0.5}).affine is None


def test_wraps_tensors_lists_and_masked_arrays():
    values = np.arange(6.0, dtype=np.float32).reshape(2, 3)
    graph = torch.from_numpy(values).requires_grad_()
    np.testing.assert_array_equal(as_image(graph).data, values)
    np.testing.assert_array_equal(as_image(values.tolist()).data, values)
    masked = as_image(np.ma.masked_equal(values.astype(np.float32), 3)).data
    assert masked.dtype == np.float64


def test_enlarging_repeats_each_pixel():
    image = Image(np.arange(6.0).reshape(2, 3), "YX")
    larger = image.enlarged({"X": 2}).data
    np.testing.assert_array_equal(larger, np.arange(6.0).repeat(2).reshape(2, 6))


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


def test_cut_shifts_position_and_affine():
    part = PLACED.cut((slice(1, 2), slice(2, 4), slice(1, None)))
    np.testing.assert_array_equal(part.data, PLACED.data[1:2, 2:4, 1:])
    assert dict(part.position) == {"Y": 11.0, "X": 2.0}
    assert (part.channel_names, part.channel_colours) == (("GFP",), ("00FF00",))
    # The affine maps the first pixel of the part to where it was.
    before = np.array(PLACED.affine) @ [1, 2, 0, 1]
    np.testing.assert_allclose(np.array(part.affine) @ [0, 0, 0, 1], before)


def test_enlarging_shifts_the_position_by_half_a_pixel():
    finer = PLACED.enlarged({"Y": 2, "X": 2})
    assert dict(finer.position) == {"Y": 10.0 - 0.125, "X": -0.5}
    assert finer.channel_names == PLACED.channel_names


def test_calibrated_keeps_only_positions_in_micrometres():
    assert dict(PLACED.calibrated({"y": 0.1}).position) == {"Y": 10.0}
    pixels = Image(PLACED.data, "CYX", position={"Y": 10.0, "X": 3.0})
    assert dict(pixels.calibrated({"y": 0.1}).position) == {"X": 3.0}


def test_sizes_name_the_length_of_each_axis():
    assert Image(np.zeros((3, 2, 8, 6)), "ZCYX").sizes == {"Z": 3, "C": 2, "Y": 8, "X": 6}


@pytest.mark.parametrize(
    ("axes", "at", "order"),
    [("ZYX", {"Z": 2}, "YX"), ("YX", {}, "YX"), ("XTY", {"T": 1}, "YX"), ("ZYXS", {"Z": 1}, "YXS")],
)
def test_plane_has_rows_before_columns_before_colours(axes, at, order):
    sizes = {"Z": 4, "T": 2, "Y": 8, "X": 6, "S": 3}
    shape = tuple(sizes[axis] for axis in axes)
    data = np.arange(np.prod(shape)).reshape(shape)
    plane = Image(data, axes).plane(at)
    assert plane.shape == tuple(sizes[axis] for axis in order)
    index = {**at, "Y": 5, "X": 3, "S": 2}
    assert plane[tuple(index[axis] for axis in order)] == data[tuple(index[axis] for axis in axes)]
