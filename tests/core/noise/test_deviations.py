from __future__ import annotations

import numpy as np
import pytest

from napari_dip.core.noise.deviations import deviations
from napari_dip.core.records import NoiseRecord

RAMP = np.tile(np.linspace(20, 400, 300), (200, 1))


def spread(values):
    """Return the standard deviation of the dark and of the bright half."""
    middle = values.shape[-1] // 2
    return values[..., :middle].std(), values[..., middle:].std()


def test_photon_noise_has_the_same_deviation_in_dark_and_bright_pixels():
    noisy = np.random.default_rng(0).poisson(RAMP)
    noise = NoiseRecord(model="poisson", sigma=float(np.sqrt(RAMP.mean())), gain=1.0)
    assert spread(deviations(noisy, RAMP, "YX", [noise])) == pytest.approx((1, 1), abs=0.02)
    dark, bright = spread(noisy - RAMP)
    assert bright > 1.5 * dark


def test_offset_of_a_camera_does_not_count_as_light():
    noisy = 1000.0 + np.random.default_rng(0).poisson(RAMP)
    noise = NoiseRecord(
        model="poisson-gaussian", sigma=float(np.sqrt(RAMP.mean())), gain=1.0, read_noise=0.0
    )
    values = deviations(noisy, 1000 + RAMP, "YX", [noise])
    assert spread(values) == pytest.approx((1, 1), abs=0.02)


def test_each_channel_has_its_own_noise():
    rng = np.random.default_rng(0)
    noisy = np.stack([rng.normal(0, sigma, (64, 64)) for sigma in (2, 50)])
    noises = [NoiseRecord(model="gaussian", sigma=sigma) for sigma in (2.0, 50.0)]
    values = deviations(noisy, np.zeros_like(noisy), "CYX", noises)
    np.testing.assert_allclose(values.std(axis=(1, 2)), 1, atol=0.05)
    assert values.dtype == np.float32


def test_colours_become_one_grey_residual_and_opacity_is_left_out():
    noisy = np.random.default_rng(0).normal(100, 5, (64, 64, 4))
    noisy[..., 3] = 255
    restored = np.full_like(noisy, 100)
    values = deviations(noisy, restored, "YXS", [NoiseRecord(model="gaussian", sigma=5.0)])
    assert values.shape == (64, 64)
    assert values.std() == pytest.approx(1, abs=0.05)


def test_missing_pixels_have_no_deviation():
    noisy = np.array([[np.nan, 3.0]])
    noise = NoiseRecord(model="gaussian", sigma=2.0)
    assert deviations(noisy, np.ones((1, 2)), "YX", [noise]).tolist() == [[0, 1]]
