"""Training pairs: reproducible, and seen by the network as images with hidden pixels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from training.examples import draw_batch, estimate
from training.network import new_network
from training.scenes import make_scene

from napari_dip.config import NetworkConfig

TINY = NetworkConfig(name="residual-unet", channels=(4, 6), pixel_shuffle=2, skip_channels=0)


@pytest.fixture(scope="module")
def bank():
    return np.stack(
        [make_scene(np.random.default_rng(seed), 64)[None] for seed in range(6)]
    ).astype(np.float16)


def draw(bank, seed, size=32, count=4, scenes=range(6)):
    return draw_batch(np.random.default_rng(seed), bank, size, count, scenes)


def test_same_seed_gives_the_same_batch(bank):
    first, again, other = (draw(bank, seed) for seed in (3, 3, 4))
    for one, two in zip(first, again, strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=0)
    assert not torch.equal(first.clean, other.clean)


@pytest.mark.parametrize("channels", [1, 3])
def test_batch_has_the_channels_of_the_bank_and_one_mask(bank, channels):
    batch = draw(np.repeat(bank, channels, axis=1), 0)
    assert batch.observation.shape == batch.clean.shape == (4, channels, 32, 32)
    assert batch.visible.shape == (4, 1, 32, 32)
    assert batch.observation.dtype == batch.clean.dtype == batch.visible.dtype == torch.float32


def test_only_the_given_scenes_are_drawn(bank):
    marked = bank.copy()
    marked[3:] = np.nan
    assert all(draw(marked, seed, scenes=range(3)).clean.isfinite().all() for seed in range(5))


def test_most_examples_hide_no_pixel_and_others_up_to_three_tenths(bank):
    hidden = 1 - draw(bank, 0, count=100).visible.mean((1, 2, 3))
    assert 0.4 < float((hidden == 0).float().mean()) < 0.8
    assert 0.2 < float(hidden.max()) < 0.35


@pytest.mark.parametrize("channels", [1, 3])
def test_network_without_a_change_returns_the_observation_with_filled_pixels(bank, channels):
    observation, _, visible = draw(np.repeat(bank, channels, axis=1), 1, count=20)
    network = new_network(TINY, channels, 0)
    torch.nn.init.zeros_(network.head.weight)
    with torch.no_grad():
        estimated = estimate(network, observation, visible)
    shown = visible.expand_as(observation) > 0
    assert 0 < float((~shown).sum())
    torch.testing.assert_close(estimated[shown], observation[shown], rtol=1e-4, atol=1e-3)
    assert not torch.allclose(estimated[~shown], observation[~shown], atol=1e-2)


def test_network_does_not_see_hidden_pixels(bank):
    observation, _, visible = draw(bank, 1, count=20)
    # Values that leave mean and deviation of each image unchanged: hidden pixels change places.
    moved = observation.clone()
    for image, mask in zip(moved, visible, strict=True):
        image[mask == 0] = image[mask == 0].flip(0)
    assert not torch.equal(moved, observation)
    network = new_network(TINY, 1, 0)
    with torch.no_grad():
        before, after = (estimate(network, images, visible) for images in (observation, moved))
    torch.testing.assert_close(before, after, rtol=1e-4, atol=1e-3)


def test_estimate_depends_on_the_noise_level(bank):
    observation, _, visible = draw(bank, 1, count=1)
    network = new_network(TINY, 1, 0)
    with torch.no_grad():
        once, twice = (estimate(network, k * observation, visible) for k in (1, 2))
    assert not torch.allclose(2 * once, twice, atol=1e-3)
