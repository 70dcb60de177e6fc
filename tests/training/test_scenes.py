"""Scenes: images made by code, of every kind."""

from __future__ import annotations

import numpy as np
import pytest
from training.noise import with_contrast, with_noise
from training.scenes import SCENES, make_scene, to_unit_range

SIZE = 64


@pytest.mark.parametrize("kind", SCENES, ids=lambda kind: kind.__name__)
def test_every_kind_is_finite_and_in_range(kind):
    for seed in range(5):
        scene = to_unit_range(kind(np.random.default_rng(seed), SIZE))
        assert scene.shape == (SIZE, SIZE)
        assert np.isfinite(scene).all()
        assert -0.1 <= scene.min() < scene.max() <= 1.3


def test_mixtures_are_finite_and_in_range():
    for seed in range(30):
        scene = make_scene(np.random.default_rng(seed), SIZE)
        assert scene.dtype == np.float32
        assert np.isfinite(scene).all()
        assert 0 <= scene.min() <= scene.max() <= 1.5


def test_noise_has_about_the_mean_of_the_clean_image():
    for seed in range(10):
        random = np.random.default_rng(seed)
        clean = with_contrast(random, make_scene(random, SIZE))
        noisy = with_noise(random, clean)
        assert np.isfinite(noisy).all()
        assert noisy.std() > clean.std() * 0.9
