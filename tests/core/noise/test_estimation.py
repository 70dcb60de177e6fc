"""Noise estimation: level, gain and correlation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_dip.core.image.scaling import find_scaling
from napari_dip.core.noise.correlation import noise_correlation
from napari_dip.core.noise.estimation import estimate_mean_variance, find_noise
from napari_dip.core.noise.impulses import without_impulses
from napari_dip.core.noise.model import noise_model
from tests.tiny import tiny_config, waves

RNG = np.random.default_rng(0)
PICTURE = waves((256, 256)) - 45  # 5 to 105


def camera(gain: float, read_noise: float, offset: float = 0.0) -> np.ndarray:
    photons = RNG.poisson(PICTURE / gain)
    return gain * photons + RNG.normal(0, read_noise, PICTURE.shape) + offset


@pytest.mark.parametrize("sigma", [1.0, 5.0, 25.0])
def test_measures_the_level_of_gaussian_noise(sigma):
    noisy = PICTURE + RNG.normal(0, sigma, PICTURE.shape)
    _, record = find_noise(noisy[None], tiny_config())
    assert record.model == "gaussian"
    assert record.sigma == pytest.approx(sigma, rel=0.1)


@pytest.mark.parametrize(("gain", "read_noise"), [(1.0, 0.0), (3.0, 2.0), (5.0, 0.0)])
def test_measures_gain_and_level_of_camera_noise(gain, read_noise):
    _, record = find_noise(camera(gain, read_noise)[None], tiny_config())
    assert record.model == "poisson-gaussian"
    assert record.gain == pytest.approx(gain, rel=0.25)
    true_sigma = np.sqrt(gain * PICTURE.mean() + read_noise**2)
    assert record.sigma == pytest.approx(true_sigma, rel=0.15)


def test_camera_offset_does_not_change_the_gain():
    _, record = find_noise(camera(2.0, 1.0, offset=500.0)[None], tiny_config())
    assert record.gain == pytest.approx(2.0, rel=0.25)


def test_missing_pixels_do_not_change_the_noise_level():
    noisy = PICTURE + RNG.normal(0, 5.0, PICTURE.shape)
    noisy[::7, ::5] = np.nan
    assert np.sqrt(estimate_mean_variance(noisy[None]).mean_variance) == pytest.approx(5, rel=0.1)


PHOTONS = camera(gain=2.0, read_noise=3.0)[None]
MEASURED = estimate_mean_variance(PHOTONS)
MEAN = float(PHOTONS.mean())


@pytest.mark.parametrize(
    "known",
    [{}, {"gain": 1.5}, {"read_noise": 4.0}, {"gain": 1.5, "read_noise": 4.0}],
    ids=["nothing", "gain", "read noise", "both"],
)
def test_given_gain_and_read_noise_replace_the_measured_ones(known):
    found, record = find_noise(PHOTONS, tiny_config(noise="poisson-gaussian", **known))
    gain = known.get("gain", MEASURED.slope)
    read_noise = known.get("read_noise", MEASURED.intercept**0.5)
    assert (found.slope, found.intercept) == pytest.approx((gain, read_noise**2))
    assert found.mean_variance == pytest.approx(gain * MEAN + read_noise**2)
    assert (found.rise, found.grain) == (MEASURED.rise, MEASURED.grain)
    assert (record.model, record.weighted) == ("poisson-gaussian", True)
    assert record.sigma == pytest.approx(found.mean_variance**0.5)
    assert (record.gain, record.read_noise) == pytest.approx((gain, read_noise))


def test_poisson_variance_is_proportional_to_the_intensity():
    found, record = find_noise(PHOTONS, tiny_config(noise="poisson"))
    assert found.slope == pytest.approx(MEASURED.mean_variance / MEAN)
    assert found.intercept == 0
    assert found.mean_variance == pytest.approx(MEASURED.mean_variance)
    assert (record.model, record.read_noise, record.weighted) == ("poisson", 0, True)
    known, _ = find_noise(PHOTONS, tiny_config(noise="poisson", gain=2.0))
    assert (known.slope, known.intercept) == (2.0, 0.0)
    # Below zero the variance cannot be proportional to the intensity.
    dark, _ = find_noise(PHOTONS - 2 * MEAN, tiny_config(noise="poisson"))
    assert dark.slope == pytest.approx(MEASURED.slope, rel=1e-3)
    assert dark.mean_variance > 0


@pytest.mark.parametrize("name", ["gaussian", "laplace"])
@pytest.mark.parametrize("sigma", [None, 7.0])
def test_gaussian_and_laplace_noise_have_a_constant_variance(name, sigma):
    found, record = find_noise(PHOTONS, tiny_config(noise=name, sigma_noise=sigma))
    variance = sigma**2 if sigma else MEASURED.mean_variance
    assert (found.slope, found.intercept, found.mean_variance) == (0, variance, variance)
    assert (found.rise, found.grain) == (0, MEASURED.grain)
    assert (record.model, record.sigma) == (name, pytest.approx(variance**0.5))
    assert (record.gain, record.read_noise, record.weighted) == (None, None, False)


def test_auto_measures_and_reports_the_line():
    found, record = find_noise(PHOTONS, tiny_config(noise="auto"))
    assert found == MEASURED
    assert (record.model, record.weighted) == ("poisson-gaussian", False)
    assert record.gain == pytest.approx(MEASURED.slope)
    assert record.read_noise == pytest.approx(MEASURED.intercept**0.5)
    assert record.correlation == MEASURED.correlation
    _, flat = find_noise(PICTURE[None] + RNG.normal(0, 5, PICTURE.shape), tiny_config())
    assert (flat.model, flat.gain, flat.read_noise) == ("gaussian", None, None)
    assert flat.correlation is not None


def test_equal_weights_divide_by_the_mean_variance():
    scaling = find_scaling(PHOTONS)
    model = noise_model(MEASURED, scaling, equal=True)
    dark, bright = torch.tensor(0.2), torch.tensor(0.8)
    assert float(model.variance(bright)) > float(model.variance(dark))
    mean = MEASURED.mean_variance / scaling.gain**2
    for estimate in (dark, bright):
        assert float(model.nll(estimate, estimate + 1)) == pytest.approx(1 / mean, rel=1e-5)


def test_reports_the_standard_error_of_a_measured_level():
    noise = np.random.default_rng(0).normal(0, 5, (12, 256, 256))
    records = [find_noise((PICTURE + layer)[None], tiny_config())[1] for layer in noise]
    spread = np.std([record.sigma for record in records])
    typical = np.median([record.sigma_error for record in records])
    assert 0.2 * spread < typical < 10 * spread
    assert typical < 0.5


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (1, 40)])
@pytest.mark.parametrize("noise", ["auto", "gaussian", "poisson", "poisson-gaussian"])
def test_tiny_and_flat_images_have_a_positive_variance(shape, noise):
    for values in (np.zeros(shape), np.arange(np.prod(shape)).reshape(shape)):
        line, record = find_noise(values[None], tiny_config(noise=noise))
        assert line.mean_variance > 0
        assert np.isfinite(record.sigma)
        assert noise_model(line, find_scaling(values)).floor > 0


def test_noise_model_keeps_the_line_in_network_units():
    values = camera(2.0, 1.0, offset=100.0)
    line = estimate_mean_variance(values[None])
    scaling = find_scaling(values)
    model = noise_model(line, scaling)
    intensity = 150.0
    scaled = torch.tensor((intensity - scaling.offset) / scaling.gain)
    assert float(model.variance(scaled)) * scaling.gain**2 == pytest.approx(
        line.slope * intensity + line.intercept, rel=1e-3
    )


@pytest.mark.parametrize("noise", ["gaussian", "poisson"])
def test_white_noise_is_not_correlated(noise):
    noisy = camera(3.0, 0.0) if noise == "poisson" else PICTURE + RNG.normal(0, 9, PICTURE.shape)
    assert noise_correlation(noisy[None]) == pytest.approx(0, abs=0.15)


@pytest.mark.parametrize("width", [1.0, 2.0])
def test_blurred_noise_is_correlated(width):
    grain = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=PICTURE.shape), width)
    _, record = find_noise((PICTURE + 20 * grain / grain.std())[None], tiny_config())
    assert record.correlation > 0.3


@pytest.mark.parametrize("width", [0.7, 1.0, 1.5])
def test_measures_the_level_of_correlated_noise(width):
    grain = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=PICTURE.shape), width)
    line = estimate_mean_variance((PICTURE + 20 * grain / grain.std())[None])
    assert np.sqrt(line.mean_variance) == pytest.approx(20, rel=0.15)


def test_texture_in_half_of_an_image_does_not_count_as_correlated_noise():
    noise = np.random.default_rng(0).normal(size=(256, 256))
    grain, texture = (
        values / values.std()
        for values in (ndimage.gaussian_filter(noise, 1), ndimage.gaussian_filter(noise.T, 1.5))
    )
    texture[128:] = 0
    line = estimate_mean_variance((120 + 20 * texture + 10 * grain)[None])
    assert np.sqrt(line.mean_variance) == pytest.approx(10, rel=0.12)


def test_measures_correlated_noise_that_grows_with_intensity():
    grain = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(256, 256)), 0.8)
    light = np.tile(np.linspace(20.0, 200.0, 256), (256, 1))
    line = estimate_mean_variance((light + np.sqrt(3 * light) * grain / grain.std())[None])
    assert line.slope == pytest.approx(3, rel=0.3)


def test_noise_has_at_most_the_power_of_the_image():
    stripes = 40 * np.sign(np.sin(np.add.outer(np.arange(128), np.arange(128)) / 4))
    stripes[:, 64:] = 0
    grain = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(128, 128)), 1)
    line = estimate_mean_variance((stripes + 10 * grain / grain.std())[None])
    assert np.sqrt(line.mean_variance) == pytest.approx(10, rel=0.2)


@pytest.mark.parametrize("shape", [(9, 200), (16, 40)])
def test_narrow_strips_of_correlated_noise_have_a_level(shape):
    grain = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=shape), 1)
    assert estimate_mean_variance(grain[None]).mean_variance > 0


@pytest.mark.parametrize("values", [np.zeros((1, 64, 64)), PICTURE[None], PICTURE[None, :9, :9]])
def test_correlation_is_none_without_noise(values):
    assert noise_correlation(values) is None


def test_impulses_are_left_out_of_the_noise_level():
    noisy = PICTURE + RNG.normal(0, 5, PICTURE.shape)
    hit = RNG.random(PICTURE.shape) < 0.05
    ordinary, share = without_impulses(np.where(hit, 250.0, noisy)[None])
    assert share == pytest.approx(0.05, rel=0.1)
    assert np.sqrt(estimate_mean_variance(ordinary).mean_variance) == pytest.approx(5, rel=0.15)
