"""Flat regions: noise and texture are distinguished."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_dip.core.noise.correlation import CORRELATED, noise_correlation
from napari_dip.core.noise.flat_regions import flat_power, hold_noise, power_of_blurred
from tests.tiny import waves


def blurred_noise(width: float, size: int = 256) -> np.ndarray:
    noise = ndimage.gaussian_filter(np.random.default_rng(2).normal(size=(size, size)), width)
    return 20 * noise / noise.std()


def fibres(size: int = 256) -> np.ndarray:
    """Return stripes: every region has a direction, and their strength varies."""
    y, x = np.mgrid[:size, :size]
    angle = np.arctan2(y - size / 3, x - size / 2)
    strength = 10 + 30 * np.sin(x / 40) ** 2
    return 120 + strength * np.sin(40 * angle + np.hypot(y, x) / 3)


@pytest.mark.parametrize("width", [0.7, 1.0, 1.5])
@pytest.mark.parametrize("size", [128, 256])
def test_finds_correlated_noise_over_a_smooth_image(width, size):
    noisy = waves((size, size)) + blurred_noise(width, size)
    assert hold_noise(noisy[None])
    assert noise_correlation(noisy[None]) >= CORRELATED


def test_coarse_noise_over_weak_fibres_counts_as_noise():
    weak = ndimage.gaussian_filter(np.random.default_rng(7).normal(size=(256, 256)), (0.5, 3))
    noisy = waves((256, 256)) + 16 * weak / weak.std() + 1.25 * blurred_noise(1.5)
    assert noise_correlation(noisy[None]) >= CORRELATED


def test_fibres_do_not_count_as_noise():
    picture = fibres()
    assert not hold_noise(picture[None])
    assert noise_correlation(picture[None]) is None


def test_fibres_with_white_noise_have_no_correlated_noise():
    noisy = fibres() + np.random.default_rng(0).normal(0, 10, (256, 256))
    correlation = noise_correlation(noisy[None])
    assert correlation is None or correlation < CORRELATED


def test_noise_that_grows_with_intensity_counts_as_noise():
    light = np.tile(np.linspace(20, 200, 256), (256, 1))
    assert hold_noise((light + np.sqrt(light) * blurred_noise(1.0) / 10)[None])


@pytest.mark.parametrize(
    "planes",
    [np.zeros((1, 256, 256)), np.full((1, 256, 256), np.nan), np.ones((2, 7, 300))],
    ids=["constant", "missing", "narrow"],
)
def test_too_few_tiles_do_not_count_as_noise(planes):
    assert not hold_noise(planes)


def test_tiles_with_missing_pixels_are_left_out():
    noisy = blurred_noise(1.0)
    noisy[:, :64] = np.nan
    assert hold_noise(noisy[None])


@pytest.mark.parametrize("width", [0.7, 1.0, 1.5])
def test_power_of_blurred_noise_is_that_of_flat_tiles(width):
    found = flat_power(blurred_noise(width, 512)[None])
    coarse, fine = power_of_blurred(width)
    assert found.coarse.mean() == pytest.approx(400 * coarse, rel=0.1)
    assert found.fine.mean() == pytest.approx(400 * fine, rel=0.15)
