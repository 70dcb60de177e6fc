"""Constant regions: canvas and padding are found, sparse photons are kept."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_dip.core.image.constant_regions import (
    find_constant_regions,
    is_constant,
    without_constant_regions,
)


def noise(shape=(96, 96), seed=0):
    return np.random.default_rng(seed).normal(100, 10, shape)


def band(n=96):
    """Return a mosaic canvas with a diagonal band of data, and the mask of that band."""
    y, x = np.mgrid[:n, :n]
    visited = np.abs(y - x) < 20
    return np.where(visited, noise((n, n)), 0), visited


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float32", "float64"])
def test_finds_every_pixel_of_a_mosaic_canvas(dtype):
    accumulator, visited = band()
    np.testing.assert_array_equal(find_constant_regions(accumulator.astype(dtype)), ~visited)


@pytest.mark.parametrize("value", [0, 65535, -1000, 100.25])
def test_finds_regions_of_any_value(value):
    padded = noise()
    padded[:, :20] = value
    expected = np.zeros(padded.shape, bool)
    expected[:, :20] = True
    np.testing.assert_array_equal(find_constant_regions(padded), expected)


@pytest.mark.parametrize(("width", "found"), [(3, False), (4, True)])
def test_finds_border_padding_of_at_least_four_pixels(width, found):
    padded = noise((96, 96))
    padded[:, -width:] = 0
    assert find_constant_regions(padded).any() == found


@pytest.mark.parametrize(("side", "found"), [(15, False), (16, True)])
def test_finds_regions_of_at_least_256_pixels(side, found):
    padded = noise()
    padded[40 : 40 + side, 30 : 30 + side] = 0
    assert find_constant_regions(padded).sum() == found * side**2


def test_region_includes_its_thin_parts():
    padded = noise()
    padded[:, :20] = 0
    padded[50:54, 20:60] = 0
    assert find_constant_regions(padded)[50:54, :60].all()


def test_finds_background_with_a_rough_outline():
    brain = ndimage.gaussian_filter(noise(), 6) > 100.2
    values = np.where(brain, noise(seed=1), 0)
    region = find_constant_regions(values)
    assert not (region & brain).any()
    assert region.sum() > 0.9 * (~brain).sum()


@pytest.mark.parametrize("mean", [0.001, 0.003, 0.01, 0.03, 0.05, 0.08, 0.1, 0.15, 0.3])
@pytest.mark.parametrize("side", [64, 128, 512])
def test_zeros_of_sparse_photon_images_are_data(mean, side):
    for seed in range(2):
        photons = np.random.default_rng(seed).poisson(mean, (side, side))
        assert not find_constant_regions(photons).any()


def test_dark_areas_of_photon_images_are_data():
    y, x = np.mgrid[:256, :256]
    mean = 0.002 + 3 * np.exp(-((y - 128) ** 2 + (x - 128) ** 2) / 2 / 30**2)
    assert not find_constant_regions(np.random.default_rng(0).poisson(mean)).any()


def test_separates_canvas_from_noise_clipped_at_zero():
    clipped = np.maximum(np.random.default_rng(0).normal(-1, 5, (128, 128)), 0)
    assert not find_constant_regions(clipped).any()
    clipped[:, :50] = 0
    region = find_constant_regions(clipped)
    assert region[:, :50].all()
    assert region[:, 55:].mean() < 0.02


def test_finds_canvas_with_a_few_hot_pixels():
    accumulator, visited = band()
    accumulator[5, 90] = 500
    region = find_constant_regions(accumulator)
    assert region.sum() == (~visited).sum() - 1
    assert not region[5, 90]


@pytest.mark.parametrize("step", [8, 20, 40])
def test_drawing_of_many_grey_values_has_no_region(step):
    assert not find_constant_regions(np.add.outer(np.zeros(128), np.arange(128) // step)).any()


def test_finds_canvas_and_saturated_area_together():
    values = noise()
    values[:, :20], values[60:, 60:] = 0, 255
    assert find_constant_regions(values).sum() == 96 * 20 + 36**2


def test_missing_pixels_belong_to_no_region():
    accumulator, visited = band()
    accumulator[:10, 60:] = np.nan
    region = find_constant_regions(accumulator)
    assert not region[:10, 60:].any()
    assert region[12:20, 60:].all()
    assert not (region & visited).any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (3, 3), (15, 17), (300, 1)])
@pytest.mark.parametrize("value", [0, np.nan])
def test_planes_below_256_pixels_have_no_region(shape, value):
    region = find_constant_regions(np.full(shape, value))
    assert region.shape == shape
    assert region.all() == (value == 0 and region.size >= 256)


@pytest.mark.parametrize(
    ("values", "gain", "constant"),
    [
        ([7.0, 7.0], 0.0, True),
        ([7.0, np.nan], 0.0, True),
        ([7.0, 7.0 + 1e-9], 0.0, True),
        ([7.0, 7.001], 0.0, False),
        ([0.0, 1e-30], 0.0, False),
        ([0.0, 1e-30], 1.0, True),
        ([0.0, 1e-3], 1.0, False),
        ([-1.0, 1.0], 0.0, False),
        ([False, True], 1.0, False),
    ],
)
def test_is_constant_compares_within_float32_precision(values, gain, constant):
    assert is_constant(np.array(values), gain) == constant


def test_constant_regions_become_nan_before_noise_is_measured():
    accumulator, visited = band()
    (measured,) = without_constant_regions(accumulator[None])
    np.testing.assert_array_equal(measured, np.where(visited, accumulator, np.nan))


def test_planes_without_regions_are_unchanged():
    planes = np.stack([noise(), noise()])
    assert without_constant_regions(planes) is planes


def test_black_and_white_drawing_keeps_its_flat_areas():
    drawing = np.zeros((96, 96))
    drawing[20:70, 30:60] = 255
    blurred = np.rint(ndimage.gaussian_filter(drawing, 0.7))
    planes = np.stack([drawing, blurred])
    assert without_constant_regions(planes) is planes
