"""Stabiliser: noise of deviation 1, its inverse, and its moments at few photons."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_dip.compare import stabilise as comparison
from napari_dip.core.noise.model import NoiseModel
from napari_dip.core.noise.stabilise import Stabiliser, anscombe


def noise_of(slope, intercept, floor=0.0):
    """Return the noise model of as many channels as there are numbers."""

    def column(numbers):
        return torch.tensor(np.atleast_1d(numbers), dtype=torch.float32).reshape(-1, 1, 1)

    return NoiseModel(column(slope), column(intercept), column(floor + 0 * np.asarray(slope)))


def observed(level, slope, intercept, shape=(1, 1, 256, 256), seed=0):
    """Return an intensity with photon noise, an offset if the intercept is negative, read noise."""
    random = np.random.default_rng(seed)
    dark = max(-intercept, 0) / slope if slope else 0.0
    values = np.full(shape, level, float)
    if slope:
        values = dark + slope * random.poisson(max(level - dark, 0) / slope, shape)
    values = values + random.normal(0, max(intercept, 0) ** 0.5, shape)
    return torch.from_numpy(values.astype(np.float32))


@pytest.mark.parametrize(
    ("slope", "intercept"),
    [(0.0, 0.04), (0.01, 0.0), (0.01, 0.001), (0.01, -0.002), (1e-7, 0.04)],
    ids=["Gaussian", "photons", "photons and read noise", "offset", "hardly any photon noise"],
)
@pytest.mark.parametrize("level", [0.4, 0.9])
def test_noise_gets_deviation_1(slope, intercept, level):
    stabiliser = Stabiliser(noise_of(slope, intercept), mean=0.5)
    stable = stabiliser(observed(level, slope, intercept))
    assert float(stable.std()) == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize(("slope", "intercept"), [(0.01, 0.0), (3.0, 40.0), (2.0, -15.0)])
def test_arrays_tensors_and_compared_methods_have_the_same_transform(slope, intercept):
    values = np.random.default_rng(0).normal(20 * slope, 10 * slope, (3, 40))
    expected = anscombe(values, slope, intercept)
    compared = comparison.stabilise(values, slope, intercept)
    np.testing.assert_allclose(compared, expected, atol=1e-6)
    tensor = anscombe(torch.from_numpy(values), slope, intercept)
    np.testing.assert_allclose(tensor, expected, atol=1e-12)


def test_photon_noise_without_transform_depends_on_the_brightness():
    dark, bright = (float(observed(level, 0.01, 0.0).std()) for level in (0.2, 0.9))
    assert bright > 2 * dark  # what the transform removes


@pytest.mark.parametrize("slope", [0.0, 0.02])
@pytest.mark.parametrize("intercept", [0.03, 0.0005, -0.001])
def test_inverse_is_exact(slope, intercept):
    if slope == 0 and intercept < 0:
        intercept = 0.01
    stabiliser = Stabiliser(noise_of(slope, intercept), mean=0.5)
    values = torch.linspace(0.06, 2, 1000).reshape(1, 1, 20, 50)
    torch.testing.assert_close(stabiliser.inverse(stabiliser(values)), values, atol=1e-5, rtol=1e-4)


def test_values_below_black_do_not_become_nan():
    stabiliser = Stabiliser(noise_of(0.02, 0.0), mean=0.5)
    values = torch.full((1, 1, 2, 2), -1.0)
    assert float(stabiliser(values).abs().max()) == 0
    assert bool(torch.isfinite(stabiliser.inverse(stabiliser(values))).all())


@pytest.mark.parametrize("photons", [0.0, 0.1, 0.5, 1.0, 3.0, 10.0, 40.0, 200.0])
@pytest.mark.parametrize(("slope", "intercept"), [(0.02, 0.0), (0.02, 0.0004), (0.02, -0.002)])
def test_moments_equal_those_of_simulated_photons(slope, intercept, photons):
    dark = max(-intercept, 0) / slope
    level = dark + slope * photons
    stabiliser = Stabiliser(noise_of(slope, intercept), mean=0.5)
    bias, deviation = stabiliser.moments(torch.full((1, 1, 1, 1), level))
    stable = stabiliser(observed(level, slope, intercept))
    mean = float(stable.mean() - stabiliser(torch.full((1, 1, 1, 1), level)))
    # With many photons the bias, -1 / (4 sqrt(photons)), counts as 0.
    assert float(bias) == pytest.approx(mean, abs=0.015 if photons < 60 else 0.03)
    # The deviation has a lower limit, without which a loss could not be divided by it.
    assert float(deviation) == pytest.approx(max(float(stable.std()), 0.03), abs=0.015)


def test_moments_of_gaussian_noise_are_0_and_1():
    bias, deviation = Stabiliser(noise_of(0.0, 0.04), mean=0.5).moments(torch.rand(1, 1, 4, 4))
    assert torch.equal(bias, torch.zeros(1, 1, 4, 4))
    assert torch.equal(deviation, torch.ones(1, 1, 4, 4))


def test_each_channel_has_its_own_noise():
    slopes, intercepts = (0.0, 0.01, 0.03), (0.09, 0.0, -0.003)
    channels = [observed(0.6, *line)[:, 0] for line in zip(slopes, intercepts, strict=True)]
    values = torch.stack(channels, 1)
    stabiliser = Stabiliser(noise_of(slopes, intercepts), mean=0.5)
    stable = stabiliser(values)
    for channel, line in enumerate(zip(slopes, intercepts, strict=True)):
        alone = Stabiliser(noise_of(*line), mean=0.5)
        part = slice(channel, channel + 1)
        torch.testing.assert_close(stable[:, part], alone(values[:, part]))
        for moment, expected in zip(
            stabiliser.moments(values), alone.moments(values[:, part]), strict=True
        ):
            torch.testing.assert_close(moment[:, part], expected)
    torch.testing.assert_close(stabiliser.inverse(stable), values, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("spread", "flat"), [(0.0, True), (0.01, True), (0.2, False)])
def test_photon_noise_is_stabilised_only_where_the_intensity_varies(spread, flat):
    stabiliser = Stabiliser(noise_of(0.02, -0.001), mean=0.5, spread=spread)
    values = torch.linspace(0.1, 1, 100).reshape(1, 1, 10, 10)
    steps = stabiliser(values).flatten().diff()
    assert bool((steps.std() < 1e-3 * steps.mean()) == flat)
    torch.testing.assert_close(stabiliser.inverse(stabiliser(values)), values, atol=1e-5, rtol=1e-4)


def test_noise_has_at_least_the_variance_of_the_floor():
    stabiliser = Stabiliser(noise_of(0.0, 0.0, floor=0.25), mean=0.5)
    assert float(stabiliser(torch.ones(1, 1, 1, 1))) == pytest.approx(2)


def test_plain_numbers_are_accepted():
    values = torch.rand(1, 1, 4, 4)
    plain = Stabiliser(NoiseModel(0.0, 0.04, 0.0), mean=0.5)
    torch.testing.assert_close(plain(values), Stabiliser(noise_of(0.0, 0.04), mean=0.5)(values))
