"""Bad and odd data by the functions: restored as meant, or refused in one sentence."""

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
from napari_dip.core.tasks import Inpaint
from napari_dip.errors import InputError, NapariDipError
from tests.bad import BASE, GUIDES, HOLE, IMAGES, MASKS, PSF, PSFS, SHAPE, X, Y, is_a_sentence
from tests.tiny import tiny_config

CONFIG = tiny_config(2, threads=1)


def denoise(image, **choices):
    return napari_dip.denoise(image, config=CONFIG, **choices)


@pytest.fixture(scope="module")
def expected():
    return denoise(BASE)


# What holds the values does not matter


def read_only(values):
    copy = values.copy()
    copy.flags.writeable = False
    return copy


def mapped(values, folder):
    np.save(folder / "a.npy", values)
    return np.load(folder / "a.npy", mmap_mode="r")


class Foreign:
    """An array of another library, as xarray's: lazy, sliced by position."""

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


@pytest.mark.parametrize(
    "make", [torch.from_numpy, lambda a: a.tolist(), lambda a: a], ids=["tensor", "list", "array"]
)
def test_masks_psfs_and_guides_accept_any_array(make):
    hole = np.zeros(SHAPE, bool)
    hole[4:8, 5:9] = True
    psf = np.outer(*(np.hanning(5),) * 2)
    assert napari_dip.inpaint(BASE, make(hole), config=CONFIG).shape == SHAPE
    assert napari_dip.deconvolve(BASE, make(psf), config=CONFIG).shape == SHAPE
    assert napari_dip.restore_guided(BASE, make(BASE), config=CONFIG).shape == SHAPE


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


NOT_EVEN_ARRAYS = {
    "nothing": None,
    "a name": "image.tif",
    "a mapping": {},
    "a number": 3,
    "ragged": [[1, 2], [3]],
    "all masked": np.ma.masked_all((8, 8)),
    "complex tensor": torch.zeros(8, 8, dtype=torch.complex64),
}


def each(bad, **others):
    """One case for each, by its name."""
    return [pytest.param(value, id=name) for name, value in {**bad, **others}.items()]


@pytest.mark.parametrize("data", each(IMAGES, **NOT_EVEN_ARRAYS))
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
        pytest.param(np.full(SHAPE, 2**63, np.uint64), id="largest whole numbers"),
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


# Masks, PSFs, guides, factors


@pytest.mark.parametrize("mask", each(MASKS, none=None, name="mask.tif"))
def test_rejects_invalid_mask(mask):
    with pytest.raises(InputError) as caught:
        napari_dip.inpaint(BASE, mask, config=CONFIG)
    assert is_a_sentence(caught.value)


@pytest.mark.parametrize(
    "mask",
    [
        pytest.param(HOLE * 7, id="a label"),
        pytest.param(HOLE * 0.5, id="a float"),
        pytest.param(np.where(HOLE, np.nan, 0), id="NaN is painted"),
        pytest.param(HOLE[None], id="one plane"),
    ],
)
def test_nonzero_mask_pixels_are_missing(mask):
    image = BASE[None] if np.ndim(mask) == 3 else BASE
    restored = napari_dip.inpaint(image, mask, config=CONFIG).reshape(SHAPE)
    np.testing.assert_array_equal(restored[~HOLE], BASE[~HOLE].astype(np.float32))
    assert (restored[HOLE] != BASE[HOLE].astype(np.float32)).all()


def test_labels_select_missing_pixels():
    mask = HOLE * 1 + np.roll(HOLE, 10, 0) * 2
    missing = np.isnan(Inpaint(mask, labels=(2,)).observe(Image(BASE, "YX")).data[...])
    np.testing.assert_array_equal(missing, mask == 2)


@pytest.mark.parametrize("psf", each(PSFS, name="psf.tif"))
def test_rejects_invalid_psf(psf):
    with pytest.raises(InputError) as caught:
        napari_dip.deconvolve(BASE, psf, config=CONFIG)
    assert is_a_sentence(caught.value)


@pytest.mark.parametrize(
    "psf",
    [
        pytest.param(PSF[:-1, :-1], id="even"),
        pytest.param(PSF * 1e300, id="any sum"),
        pytest.param(PSF * 0.9 + 100, id="with background"),
        pytest.param(PSF - PSF.mean(), id="background taken away twice, zero sum"),
        pytest.param(np.eye(5), id="a line across"),
        pytest.param(np.eye(9)[:3, :7][:, ::-1], id="a line at a border"),
        pytest.param(np.ones((5, 5)), id="a box"),
        pytest.param(np.hypot(Y, X) == 4, id="a ring"),
    ],
)
def test_accepts_unusual_valid_psf(psf):
    assert np.isfinite(napari_dip.deconvolve(BASE, psf, config=CONFIG)).all()


@pytest.mark.parametrize("sigma", [0, -1, np.nan, np.inf, 1e9, {"q": 1}, "a", (1, 2), {}], ids=str)
def test_rejects_invalid_blur_width(sigma):
    with pytest.raises(InputError) as caught:
        napari_dip.deconvolve(BASE, sigma=sigma, config=CONFIG)
    assert is_a_sentence(caught.value)


@pytest.mark.parametrize("guide", each(GUIDES, none=None))
def test_rejects_invalid_guide(guide):
    with pytest.raises(InputError) as caught:
        napari_dip.restore_guided(BASE, guide, config=CONFIG)
    assert is_a_sentence(caught.value)


@pytest.mark.parametrize(
    "factor", [1, 0, -2, 2.5, 17, "2", None, True, np.nan, {"z": 2}, {"q": 2}, {}], ids=str
)
def test_rejects_invalid_factor(factor):
    with pytest.raises(NapariDipError) as caught:
        napari_dip.super_resolve(BASE, factor, config=CONFIG)
    assert is_a_sentence(caught.value)


@pytest.mark.parametrize(
    "choice",
    [
        {"gain": np.inf}, {"sigma_noise": np.inf}, {"sigma_noise": np.nan},
        {"voxel_size": {"y": 0}}, {"voxel_size": {"y": np.inf}}, {"threads": 10**6},
        {"max_iterations": 0}, {"seed": -1},
        {"time_limit": np.nan}, {"device": "tpu"}, {"colour": 1},
    ],
    ids=str,
)  # fmt: skip
def test_rejects_invalid_configuration_value(choice):
    with pytest.raises(ValueError, match=next(iter(choice))):
        napari_dip.DipConfig.model_validate(choice)


def test_failing_chunk_raises_its_own_error():
    def fail(block):
        raise OSError("the chunk is lost")

    lazy = dask.array.from_array(BASE, chunks=8).map_blocks(fail, dtype=float)
    with pytest.raises(OSError, match="the chunk is lost"):
        denoise(lazy)


def test_accepts_pillow_image():
    assert denoise(Picture.fromarray(BASE.astype(np.uint8))).shape == SHAPE
