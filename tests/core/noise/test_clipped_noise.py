"""Clipped noise: the level before clipping at black."""

from __future__ import annotations

import numpy as np
import pytest

from napari_dip.core.noise.clipped_noise import unclipped_variance
from napari_dip.core.noise.estimation import estimate_mean_variance
from napari_dip.core.noise.levels import measure_levels


def dark_image(sigma: float, brightest: float = 80.0, seed: int = 0) -> np.ndarray:
    """Return 8-bit ramps from black with Gaussian noise, clipped at 0, (4, 256, 256)."""
    light = np.tile(np.linspace(0, brightest, 256), (4, 256, 1))
    noisy = light + np.random.default_rng(seed).normal(0, sigma, light.shape)
    return np.clip(np.rint(noisy), 0, 255)


def unclipped_of(values: np.ndarray, step: float) -> float:
    level = (np.array([found]) for found in (values.mean(), values.var(), np.mean(values == 0)))
    return float(unclipped_variance(*level, step)[0])


@pytest.mark.parametrize("sigma", [12.0, 25.0, 40.0])
@pytest.mark.parametrize("seed", [0, 1])
def test_noise_clipped_at_black_has_its_level_within_5_percent(sigma, seed):
    line = estimate_mean_variance(dark_image(sigma, seed=seed))
    assert line.mean_variance**0.5 == pytest.approx(sigma, rel=0.05)


def test_clipping_does_not_look_like_a_gain():
    assert estimate_mean_variance(dark_image(25.0)).rise < 0.2


@pytest.mark.parametrize("mean", [0.0, 10.0, 30.0, 100.0])
def test_clipped_level_gets_the_variance_before_clipping(mean):
    values = np.random.default_rng(0).normal(mean, 20, 100_000).clip(min=0)
    assert unclipped_of(values, step=1.0) == pytest.approx(400, rel=0.03)


@pytest.mark.parametrize("photons", [0.3, 1.0, 4.0])
def test_photon_counts_keep_their_variance(photons):
    counts = 5.0 * np.random.default_rng(0).poisson(photons, 100_000)
    assert unclipped_of(counts, step=5.0) == counts.var()


def test_dark_noise_without_black_pixels_keeps_its_variance():
    values = np.random.default_rng(0).gamma(1, 20, 100_000)
    assert unclipped_of(values, step=1e-3) == values.var()


def test_black_offset_does_not_change_the_variance():
    dark = dark_image(25.0)
    shifted = measure_levels(dark + 100)
    assert shifted.variance == pytest.approx(measure_levels(dark).variance)
