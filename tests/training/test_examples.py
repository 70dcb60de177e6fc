"""Training pairs: reproducible, and seen by the network as images with hidden pixels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from training.examples import draw_batch, estimate
from training.network import new_network
from training.scenes import make_scene
from training.stacks import PLANES

from napari_dip.config import NetworkConfig

TINY = NetworkConfig(name="residual-unet", channels=(4, 6), pixel_shuffle=2, skip_channels=0)


@pytest.fixture(scope="module")
def bank():
    return np.stack(
        [make_scene(np.random.default_rng(seed), 64)[None] for seed in range(6)]
    ).astype(np.float16)


def draw(bank, seed, size=32, count=4, scenes=range(6), neighbours=0):
    random = np.random.default_rng(seed)
    return draw_batch(random, bank, size, count, scenes, neighbours=neighbours)


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
    batch = draw(np.repeat(bank, channels, axis=1), 1, count=20)
    observation, _, visible, _ = batch
    network = new_network(TINY, channels, 0)
    torch.nn.init.zeros_(network.head.weight)
    with torch.no_grad():
        estimated = estimate(network, batch)
    shown = visible.expand_as(observation) > 0
    assert 0 < float((~shown).sum())
    torch.testing.assert_close(estimated[shown], observation[shown], rtol=1e-4, atol=1e-3)
    assert not torch.allclose(estimated[~shown], observation[~shown], atol=1e-2)


def test_network_does_not_see_hidden_pixels(bank):
    batch = draw(bank, 1, count=20)
    observation, _, visible, _ = batch
    # Values that leave mean and deviation of each image unchanged: hidden pixels change places.
    moved = observation.clone()
    for image, mask in zip(moved, visible, strict=True):
        image[mask == 0] = image[mask == 0].flip(0)
    assert not torch.equal(moved, observation)
    network = new_network(TINY, 1, 0)
    with torch.no_grad():
        before, after = (
            estimate(network, batch._replace(observation=images)) for images in (observation, moved)
        )
    torch.testing.assert_close(before, after, rtol=1e-4, atol=1e-3)


def test_estimate_depends_on_the_noise_level(bank):
    batch = draw(bank, 1, count=1)
    network = new_network(TINY, 1, 0)
    with torch.no_grad():
        once, twice = (
            estimate(network, batch._replace(observation=k * batch.observation)) for k in (1, 2)
        )
    assert not torch.allclose(2 * once, twice, atol=1e-3)


def test_stacks_have_neighbours_with_independent_noise(bank):
    still = np.repeat(bank[:, :1], PLANES, axis=1)  # all planes show the same
    batch = draw(still, 0, count=60, neighbours=PLANES - 1)
    assert batch.observation.shape == batch.clean.shape == (60, 1, 32, 32)
    assert batch.neighbours.shape == (60, PLANES - 1, 32, 32)
    noise = (batch.observation - batch.clean).flatten(1)
    differences = (batch.neighbours - batch.clean).flatten(2)
    correlations = [
        float(np.corrcoef(one.numpy(), other.numpy())[0, 1])
        for one, others in zip(noise, differences, strict=True)
        for other in others
    ]
    assert np.median(correlations) == pytest.approx(0, abs=0.05)


def test_estimate_depends_on_the_neighbours(bank):
    batch = draw(np.repeat(bank, PLANES, axis=1), 0, neighbours=PLANES - 1)
    network = new_network(TINY, 1, 0, PLANES - 1)
    with torch.no_grad():
        seen = estimate(network, batch)
        other = estimate(network, batch._replace(neighbours=batch.neighbours.flip(-1)))
    assert not torch.allclose(seen, other, atol=1e-3)
