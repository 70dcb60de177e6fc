"""Invalid and unusual images in Python: restored correctly or rejected in one sentence."""

from __future__ import annotations

import dask.array
import numpy as np
import pytest
import torch
from PIL import Image as Picture

import napari_dip
from napari_dip.core.image.image import Image
from napari_dip.core.restoration.progress import finish
from napari_dip.core.restoration.restore import restore
from napari_dip.errors import InputError, NapariDipError
from tests.bad import (
    BASE,
    IMAGES,
    SHAPE,
    cases,
    is_a_sentence,
)
from tests.tiny import tiny_config

CONFIG = tiny_config(2, threads=1)


def denoise(image, **choices):
    return napari_dip.denoise(image, config=CONFIG, **choices)


@pytest.fixture(scope="module")
def expected():
    return denoise(BASE)


# Types of array


def read_only(values):
    copy = values.copy()
    copy.flags.writeable = False
    return copy


def mapped(values, folder):
    np.save(folder / "a.npy", values)
    return np.load(folder / "a.npy", mmap_mode="r")


class Foreign:
    """A lazy array of another library, sliced by position, such as one of xarray."""

    def __init__(self, values):
        self.values, self.shape, self.dtype = values, values.shape, values.dtype

    def __getitem__(self, selection):
        return Foreign(self.values[selection])

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.values, dtype)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(read_only, id="read-only"),
        pytest.param(np.asfortranarray, id="Fortran order"),
        pytest.param(lambda a: a[::-1, ::-1].copy()[::-1, ::-1], id="negative strides"),
        pytest.param(lambda a: np.repeat(a, 2, 0)[::2], id="not contiguous"),
        pytest.param(lambda a: a.astype(">f8"), id="big endian"),
        pytest.param(lambda a: a.astype(np.longdouble), id="long double"),
        pytest.param(lambda a: np.ma.array(a, mask=False), id="masked, all valid"),
        pytest.param(lambda a: dask.array.from_array(a, chunks=7), id="dask"),
        pytest.param(Foreign, id="of another library"),
        pytest.param(torch.from_numpy, id="tensor"),
        pytest.param(lambda a: torch.from_numpy(a).requires_grad_(), id="tensor of a graph"),
        pytest.param(lambda a: a.tolist(), id="list"),
    ],
)
def test_type_of_array_does_not_change_the_result(expected, make):
    np.testing.assert_allclose(denoise(make(BASE)), expected, rtol=1e-6)


def test_accepts_memory_mapped_array(tmp_path, expected):
    np.testing.assert_array_equal(denoise(mapped(BASE, tmp_path)), expected)


def test_accepts_zarr_array(tmp_path, expected):
    zarr = pytest.importorskip("zarr", reason="needs the zarr extra")
    stored = zarr.create_array(tmp_path / "a.zarr", data=BASE, chunks=(7, 7))
    np.testing.assert_array_equal(denoise(stored), expected)


def test_accepts_tensor_of_bfloat16():
    assert denoise(torch.from_numpy(BASE).bfloat16()).dtype == np.float32


# Shapes and axes


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 9), (9, 1), (2, 2), (3, 3), (1, 1, 1, 7, 5), (31, 37)], ids=str
)
def test_restores_images_of_any_size(shape):
    restored = denoise(np.random.default_rng(0).normal(size=shape))
    assert restored.shape == shape
    assert np.isfinite(restored).all()


@pytest.mark.parametrize("shape", [(16, 12, 3), (16, 12, 4), (2, 16, 12, 3)], ids=str)
def test_unnamed_colours_are_not_read_as_planes(shape):
    with pytest.raises(InputError, match="colours") as caught:
        denoise(np.ones(shape))
    assert is_a_sentence(caught.value)


def test_first_of_three_axes_is_planes():
    planes = np.stack([BASE, BASE + 50, BASE * 2])
    assert denoise(planes).shape == (3, *SHAPE)


def test_rejects_samples_that_are_not_last():
    with pytest.raises(InputError, match="S last"):
        next(restore(Image(np.zeros((3, 8, 8)), "SYX"), config=CONFIG))


NOT_ARRAYS = {
    "nothing": None,
    "a name": "image.tif",
    "a mapping": {},
    "a number": 3,
    "ragged": [[1, 2], [3]],
    "all masked": np.ma.masked_all((8, 8)),
    "complex tensor": torch.zeros(8, 8, dtype=torch.complex64),
}


@pytest.mark.parametrize("data", cases(IMAGES, **NOT_ARRAYS))
def test_rejects_data_that_are_no_image(data):
    with pytest.raises(NapariDipError) as caught:
        denoise(data)
    assert is_a_sentence(caught.value)


def test_rejects_lazy_array_of_unknown_shape():
    lazy = dask.array.from_array(BASE, chunks=8)
    with pytest.raises(InputError, match="compute_chunk_sizes") as caught:
        denoise(lazy[lazy[:, 0] > 100])
    assert is_a_sentence(caught.value)


def test_rejects_result_larger_than_memory_before_the_fit():
    huge = dask.array.zeros((10**6, 10**6), chunks=10**3)
    with pytest.raises(InputError, match="free memory") as caught:
        denoise(huge)
    assert is_a_sentence(caught.value)


# Values


@pytest.mark.parametrize(
    ("factor", "offset", "advice"),
    [
        (1e300, 0, "Divide"),
        (1e-300, 0, "Multiply"),
        (1e-42, 0, "Multiply"),
        (1, 1e10, "Subtract"),
    ],
)
def test_rejects_values_out_of_range_of_float32_with_advice(factor, offset, advice):
    with pytest.raises(InputError, match=advice) as caught:
        denoise(BASE * factor + offset)
    assert is_a_sentence(caught.value)


@pytest.mark.parametrize("factor", [1e34, 1e-20, -1.0])
def test_scale_of_the_values_does_not_matter(expected, factor):
    restored = denoise(BASE * factor) / factor
    if factor > 0:
        np.testing.assert_allclose(restored, expected, rtol=1e-2)
    assert np.isfinite(restored).all()


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(np.full(SHAPE, 65535, np.uint16), id="all saturated"),
        pytest.param(np.zeros(SHAPE), id="all zero"),
        pytest.param(np.full(SHAPE, 2**63, np.uint64), id="largest integers"),
        pytest.param(100 + 1e-13 * BASE, id="equal but for rounding"),
    ],
)
def test_constant_image_is_returned_unchanged(values):
    np.testing.assert_allclose(denoise(values), values.astype(np.float32))


def test_saturated_pixels_do_not_wrap():
    bright = np.clip(BASE * 640, 0, 65535).astype(np.uint16)
    restored = denoise(bright)
    assert (restored > -10_000).all()
    assert (restored < 90_000).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_fills_nan_and_infinite_pixels(value):
    damaged = BASE.copy()
    damaged[0], damaged[-1], damaged[:, 0] = value, value, value
    result = finish(restore(damaged, config=CONFIG))
    assert np.isfinite(result.image.data).all()
    assert result.report.input.invalid_pixels == 2 * SHAPE[1] + SHAPE[0] - 2


def test_failing_chunk_raises_its_own_error():
    def fail(block):
        raise OSError("the chunk is lost")

    lazy = dask.array.from_array(BASE, chunks=8).map_blocks(fail, dtype=float)
    with pytest.raises(OSError, match="the chunk is lost"):
        denoise(lazy)


def test_accepts_pillow_image():
    assert denoise(Picture.fromarray(BASE.astype(np.uint8))).shape == SHAPE
