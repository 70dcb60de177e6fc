"""Noise levels: white noise at each intensity, without texture."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_dip.core.noise import levels
from napari_dip.core.noise.levels import NoiseLevels, fit_line, measure_levels


def texture(size: int, seed: int = 0) -> np.ndarray:
    """Return band-limited texture without noise, whose strength varies."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(2, size, size))
    band = ndimage.gaussian_filter(noise[0], 1.0) - ndimage.gaussian_filter(noise[0], 2.5)
    strength = np.exp(20 * ndimage.gaussian_filter(noise[1], 10))
    return 120 + 150 * strength * band


@pytest.mark.parametrize("sigma", [0.5, 5.0, 50.0])
@pytest.mark.parametrize("size", [64, 128, 300])
def test_measures_white_noise_at_any_size(sigma, size):
    noise = np.random.default_rng(1).normal(0, sigma, (1, size, size))
    assert measure_levels(noise).variance.mean() ** 0.5 == pytest.approx(sigma, rel=0.06)


@pytest.mark.parametrize("sigma", [5.0, 25.0])
def test_texture_does_not_count_as_noise(sigma):
    noise = np.random.default_rng(1).normal(0, sigma, (256, 256))
    line = fit_line(measure_levels((texture(256) + noise)[None]))
    assert line.slope * 120 + line.intercept == pytest.approx(sigma**2, rel=0.2)


@pytest.mark.parametrize("sigma", [1.0, 2.0])
@pytest.mark.parametrize("side", ["left", "top"])
def test_little_noise_is_measured_in_the_flat_part_of_a_picture(sigma, side):
    rng = np.random.default_rng(5)
    flat = np.mgrid[:256, :256][int(side == "left")] < 90
    fine = 120 + ndimage.gaussian_filter(rng.normal(0, 40, (256, 256)), 0.6)
    noisy = np.where(flat, 120.0, fine) + rng.normal(0, sigma, (256, 256))
    line = fit_line(measure_levels(noisy[None]))
    assert (line.slope * 120 + line.intercept) ** 0.5 == pytest.approx(sigma, rel=0.1)


def test_flat_part_of_another_intensity_keeps_its_level():
    rng = np.random.default_rng(5)
    fine = 120 + ndimage.gaussian_filter(rng.normal(0, 40, (256, 256)), 0.6)
    fine[:90] = 250
    levels = measure_levels((fine + rng.normal(0, 2, (256, 256)))[None])
    assert levels.variance[levels.intensity > 245].mean() ** 0.5 == pytest.approx(2, rel=0.1)


def test_flat_dark_part_does_not_change_the_gain_of_photon_noise():
    rng = np.random.default_rng(0)
    light = np.tile(np.linspace(4, 60, 256), (256, 1))
    light[:, 128:] += 12 * np.sin(np.arange(256) / 2)[:, None]
    line = fit_line(measure_levels(3.0 * rng.poisson(light.clip(1))[None]))
    assert line.slope == pytest.approx(3.0, rel=0.2)


@pytest.mark.parametrize("photons", [True, False])
def test_only_gaussian_noise_is_measured_again_in_flat_patches(monkeypatch, photons):
    rng, clean = np.random.default_rng(2), np.clip(texture(128), 5, None) * np.linspace(0.1, 2, 128)
    noisy = (rng.poisson(clean) if photons else clean + rng.normal(0, 5, clean.shape))[None]
    found = measure_levels(noisy)
    monkeypatch.setattr(levels, "_CHOICES", 0)
    assert np.array_equal(found.variance, measure_levels(noisy).variance) is photons


def test_texture_without_noise_has_a_low_level():
    picture = texture(256)
    assert measure_levels(picture[None]).variance.mean() < 0.01 * picture.var()


def test_levels_follow_the_gain_of_photon_noise():
    light = np.tile(np.linspace(2, 60, 256), (256, 1))
    line = fit_line(measure_levels(3.0 * np.random.default_rng(0).poisson(light)[None]))
    assert line.slope == pytest.approx(3.0, rel=0.15)


@pytest.mark.parametrize("photons", [0.05, 0.2, 1.0])
def test_few_photons_keep_their_variance(photons):
    counts = np.random.default_rng(0).poisson(photons, (1, 256, 256)).astype(float)
    assert measure_levels(counts).variance.mean() == pytest.approx(photons, rel=0.15)


def test_constant_and_missing_regions_are_left_out():
    noisy = np.random.default_rng(0).normal(100, 4, (1, 256, 256))
    noisy[0, :100] = 0
    noisy[0, 200:, ::9] = np.nan
    levels = measure_levels(noisy)
    assert levels.variance[1:].mean() ** 0.5 == pytest.approx(4, rel=0.1)


def test_saturated_patches_are_left_out():
    noisy = np.random.default_rng(0).normal(250, 5, (1, 256, 256))
    noisy[0, :, :128] -= 100
    noisy = noisy.clip(max=255)
    line = fit_line(measure_levels(noisy))
    assert line.slope * 150 + line.intercept == pytest.approx(25, rel=0.15)


@pytest.mark.parametrize("shape", [(1, 2, 40), (1, 5, 5), (1, 64, 64)])
def test_too_few_patches_yield_no_levels(shape):
    assert measure_levels(np.zeros(shape)) is None


def test_levels_with_texture_do_not_move_the_line():
    intensity = np.linspace(0, 100, 24)
    variance = 2 * intensity + 10
    variance[[5, 12, 20]] *= 10
    line = fit_line(NoiseLevels(intensity, variance, 3000))
    assert (line.slope, line.intercept) == pytest.approx((2, 10), rel=0.01)


def test_falling_line_counts_as_flat():
    intensity = np.linspace(0, 100, 24)
    line = fit_line(NoiseLevels(intensity, 200 - intensity, 3000))
    assert line.slope == 0
    assert 100 < line.intercept < 200


def test_levels_of_one_intensity_yield_no_slope():
    intensity = np.array([20.0, 60, 100, 140, 180, 220, 254, 255, 255, 255, 255, 255, 255, 255])
    variance = np.array([3.6, 4.0, 6.5, 7.8, 6.0, 5.0, 2.6, 2.3, 2.6, 2.9, 2.6, 2.6, 2.9, 2.6])
    line = fit_line(NoiseLevels(intensity, variance, 4000))
    assert line.slope == 0
    assert 2 < line.intercept < 4
