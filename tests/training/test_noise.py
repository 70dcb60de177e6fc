"""Noise of training pairs, stabilised to a standard deviation of about 1."""

from __future__ import annotations

import numpy as np
import pytest
from training.noise import NoiseMix, stabilise, with_contrast, with_noise
from training.scenes import make_scene

SIZE = 64
# A wedge: the noise must have the same deviation at each brightness.
WEDGE = np.linspace(0.1, 1.5, 256, dtype=np.float32) * np.ones((256, 1), np.float32)


@pytest.mark.parametrize(
    ("gain", "variance"),
    [
        pytest.param(0.0, 0.04, id="gaussian"),
        pytest.param(0.01, 0.0, id="photons"),
        pytest.param(0.01, 0.002, id="both"),
    ],
)
def test_stabilised_noise_has_deviation_1_at_each_brightness(gain, variance):
    random = np.random.default_rng(0)
    noisy = random.poisson(WEDGE / gain) * gain if gain else WEDGE
    noisy = noisy + np.sqrt(variance) * random.standard_normal(WEDGE.shape)
    noise = stabilise(noisy, gain, variance) - stabilise(WEDGE, gain, variance)
    for part in np.split(noise, 4, axis=1):
        assert part.std() == pytest.approx(1, abs=0.05)
        assert part.mean() == pytest.approx(0, abs=0.1)


def test_drawn_noise_has_a_deviation_near_1_and_its_level_is_not_known_exactly():
    deviations = []
    for seed in range(60):
        random = np.random.default_rng(seed)
        noisy, clean = with_noise(random, WEDGE)
        assert noisy.dtype == clean.dtype == np.float32
        assert np.isfinite(noisy).all()
        deviations.append((noisy - clean).std())
    low, middle, high = np.percentile(deviations, (20, 50, 80))
    assert middle == pytest.approx(1, abs=0.1)
    assert 0.8 < low < 0.98 < 1.02 < high < 1.2


def test_noise_levels_span_from_nearly_clean_to_hardly_visible():
    contrasts = []
    for seed in range(100):
        clean = with_noise(np.random.default_rng(seed), WEDGE).clean
        contrasts.append(clean.std())
    assert min(contrasts) < 0.3
    assert max(contrasts) > 10


def test_contrast_keeps_scenes_finite_and_above_zero():
    for seed in range(20):
        random = np.random.default_rng(seed)
        changed = with_contrast(random, make_scene(random, SIZE))
        assert np.isfinite(changed).all()
        assert 0 <= changed.min() < changed.max() < 2.5


def test_coarse_noise_has_a_deviation_near_1_and_correlated_neighbours():
    flat = np.full((128, 128), 0.5, np.float32)
    correlations, deviations = [], []
    for seed in range(30):
        noisy, clean = with_noise(np.random.default_rng(seed), flat, NoiseMix("none", coarse=1.0))
        noise = noisy - clean
        deviations.append(noise.std())
        noise = noise - noise.mean()
        correlations.append((noise[:, 1:] * noise[:, :-1]).mean() / noise.var())
    assert np.median(deviations) == pytest.approx(1, abs=0.15)
    assert min(correlations) < 0.3
    assert np.median(correlations) > 0.4
