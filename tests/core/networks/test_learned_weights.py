"""Weights that come with the package: which networks have them, and their scale."""

from __future__ import annotations

import hashlib

import pytest
import torch

from napari_dip.config import PRESETS
from napari_dip.config.presets import preset_of
from napari_dip.core.networks.build import build_network
from napari_dip.core.networks.learned_weights import find_weights, load_learned_weights

BALANCED = PRESETS["balanced"].network
# Largest size of all weights in the wheel [bytes].
MOST = 4e6


def estimate(mean, deviation, latent):
    network = build_network(BALANCED, 4, 1)
    load_learned_weights(
        network, find_weights(BALANCED, 1), torch.tensor(mean), torch.tensor(deviation)
    )
    with torch.no_grad():
        return network(latent)


def test_balanced_has_weights_for_one_channel_alone():
    assert find_weights(BALANCED, 1) == find_weights(preset_of("balanced", "denoise").network, 1)
    assert find_weights(BALANCED, 1) is not None
    assert find_weights(BALANCED, 3) is None


@pytest.mark.parametrize("change", [{"tapered": False}, {"channels": (32, 64, 64, 32)}])
def test_another_architecture_has_no_weights(change):
    assert find_weights(BALANCED.model_copy(update=change), 1) is None
    assert find_weights(PRESETS["paper"].network, 1) is None


def test_estimate_has_mean_and_contrast_of_the_observation():
    latent = torch.randn(1, 4, 32, 32, generator=torch.Generator().manual_seed(0))
    standardised = estimate(0.0, 1.0, latent)
    expected = 0.3 + 0.07 * standardised
    torch.testing.assert_close(estimate(0.3, 0.07, latent), expected, atol=1e-5, rtol=1e-4)
    assert float(standardised.std()) > 0.05


def test_checksum_is_that_of_the_file():
    file = find_weights(BALANCED, 1)
    network = build_network(BALANCED, 4, 1)
    digest = load_learned_weights(network, file, torch.tensor(0.5), torch.tensor(0.1))
    assert digest == hashlib.sha256(file.read_bytes()).hexdigest()


def test_all_weights_together_are_small():
    folder = find_weights(BALANCED, 1).parent
    assert 0 < sum(file.stat().st_size for file in folder.iterdir()) < MOST
