"""Training pairs: reproducible, standardised, and hidden as in a fit."""

from __future__ import annotations

import pytest
import torch
from training.examples import make_example


def test_same_seed_gives_the_same_example():
    first, again, other = (make_example((0, step, 1), 32, 2, None) for step in (3, 3, 4))
    for one, two in zip(first, again, strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=0)
    assert not torch.equal(first.clean, other.clean)


def test_observation_is_standardised_and_differs_from_the_clean_image():
    example = make_example((0, 0), 64, 2, 0.0)
    assert float(example.observation.mean()) == pytest.approx(0, abs=1e-4)
    assert float(example.observation.std(correction=0)) == pytest.approx(1, abs=1e-3)
    assert float((example.observation - example.clean).abs().mean()) > 0.01


def test_latent_shows_the_share_of_pixels_that_is_not_hidden():
    for hidden in (0.0, 0.2):
        example = make_example((0, 1), 64, 1, hidden)
        shown = (example.latent == example.observation).float().mean()
        assert float(shown) == pytest.approx(1 - hidden, abs=0.03)


def test_pixel_shuffle_gives_the_latent_of_the_preset():
    assert make_example((0, 2), 32, 2, 0.2).latent.shape == (1, 4, 16, 16)
