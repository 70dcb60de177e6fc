"""Scenes: images made by code, grey and in colour, of every kind."""

from __future__ import annotations

import numpy as np
import pytest
from training.colours import COLOUR_SCENES, make_colour_scene
from training.scenes import SCENES, make_scene, to_unit_range

SIZE = 64


@pytest.mark.parametrize("kind", SCENES, ids=lambda kind: kind.__name__)
def test_every_kind_is_finite_and_in_range(kind):
    for seed in range(5):
        scene = to_unit_range(kind(np.random.default_rng(seed), SIZE))
        assert scene.shape == (SIZE, SIZE)
        assert np.isfinite(scene).all()
        assert -0.1 <= scene.min() < scene.max() <= 1.3


@pytest.mark.parametrize("kind", COLOUR_SCENES, ids=lambda kind: kind.__name__)
def test_every_colour_kind_is_finite_in_range_and_coloured(kind):
    for seed in range(5):
        scene = to_unit_range(kind(np.random.default_rng(seed), SIZE))
        assert scene.shape == (3, SIZE, SIZE)
        assert np.isfinite(scene).all()
        assert -0.1 <= scene.min() < scene.max() <= 1.3
        red, green, blue = scene
        assert all(np.abs(a - b).max() > 0.01 for a, b in ((red, green), (green, blue)))


@pytest.mark.parametrize(
    ("make", "shape"),
    [(make_scene, (SIZE, SIZE)), (make_colour_scene, (3, SIZE, SIZE))],
    ids=["grey", "colour"],
)
def test_mixtures_are_finite_and_in_range(make, shape):
    for seed in range(30):
        scene = make(np.random.default_rng(seed), SIZE)
        assert scene.shape == shape
        assert np.isfinite(scene).all()
        assert 0 <= scene.min() < scene.max() <= 1.5


@pytest.mark.parametrize("make", [make_scene, make_colour_scene], ids=["grey", "colour"])
def test_same_seed_gives_the_same_scene(make):
    first, again, other = (make(np.random.default_rng(seed), SIZE) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1
