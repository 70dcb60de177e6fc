"""Weights that come with the package: which networks have them, their scale and their effect."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch
from safetensors import safe_open
from scipy import ndimage

from napari_dip.config import LEARNED, LEARNED_NETWORK, NEIGHBOURS, PRESETS, NetworkConfig
from napari_dip.core.latents.level_input import input_channels, network_input
from napari_dip.core.networks.build import build_network
from napari_dip.core.networks.learned_weights import find_weights, load_learned_weights

# Largest size of all weights in the wheel [bytes].
MOST = 4e6
CHANNELS = (1, 3)
PLANES = 2 * NEIGHBOURS


def network_of(channels=1, deviation=1.0, neighbours=0, *, coarse_noise=False):
    network = build_network(LEARNED_NETWORK, input_channels(channels + neighbours, 2), channels)
    file = find_weights(LEARNED_NETWORK, channels, neighbours, coarse_noise=coarse_noise)
    digest = load_learned_weights(network, file, torch.tensor(deviation))
    return network, file, digest


@torch.no_grad()
def change(network, standard, level):
    visible = torch.ones_like(standard[:, :1])
    return network(network_input(standard, visible, torch.full((1, 1, 1, 1), level), 2))


@pytest.mark.parametrize("preset", LEARNED)
@pytest.mark.parametrize("channels", CHANNELS)
def test_presets_with_a_learned_start_have_weights(preset, channels):
    assert find_weights(LEARNED[preset].network, channels) is not None


def test_grey_and_colour_have_weights_of_their_own():
    assert find_weights(LEARNED_NETWORK, 1) != find_weights(LEARNED_NETWORK, 3)
    assert find_weights(LEARNED_NETWORK, 2) is None


@pytest.mark.parametrize(
    "change", [{"channels": (64, 80, 80)}, {"blocks": 1}, {"padding": "reflect"}]
)
def test_another_architecture_has_no_weights(change):
    assert find_weights(LEARNED_NETWORK.model_copy(update=change), 1) is None


def test_networks_of_the_presets_have_no_weights():
    assert [find_weights(preset.network, 1) for preset in PRESETS.values()] == [None] * len(PRESETS)


@pytest.mark.parametrize("channels", CHANNELS)
def test_change_of_the_image_scales_with_its_deviation(channels):
    standard = torch.randn(1, channels, 32, 32, generator=torch.Generator().manual_seed(0))
    expected = change(network_of(channels)[0], standard, 0.5)
    assert float(expected.std()) > 0.05
    scaled = change(network_of(channels, 7.0)[0], standard, 0.5)
    torch.testing.assert_close(scaled, 7 * expected, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("channels", CHANNELS)
def test_network_removes_noise_of_the_level_that_it_is_given(channels):
    noise = torch.randn(1, channels, 64, 64, generator=torch.Generator().manual_seed(0))
    network, _, _ = network_of(channels)
    assert float((noise + change(network, noise, 1.0)).std()) < 0.2
    # The same picture with a low noise level is structure, and stays.
    assert float(change(network, noise, 0.05).std()) < 0.2


@pytest.mark.parametrize("similar", [True, False])
def test_neighbours_help_where_they_show_the_same_and_do_no_harm_elsewhere(similar):
    random = torch.Generator().manual_seed(0)

    def structure():
        coarse = torch.randn(1, 1, 32, 32, generator=random)
        return torch.nn.functional.interpolate(coarse, scale_factor=4.0, mode="bicubic")

    clean = structure()
    planes = torch.cat([clean] + [clean if similar else structure() for _ in range(PLANES)], 1)
    noisy = planes + 0.8 * torch.randn(planes.shape, generator=random)
    alone = noisy[:, :1] + change(network_of()[0], noisy[:, :1], 0.8)
    together = noisy[:, :1] + change(network_of(neighbours=PLANES)[0], noisy, 0.8)
    error, with_neighbours = (float((one - clean).square().mean()) for one in (alone, together))
    assert with_neighbours < (0.6 if similar else 1.3) * error


@pytest.mark.parametrize("neighbours", [0, PLANES])
def test_weights_for_coarse_noise_remove_it(neighbours):
    random = np.random.default_rng(0)
    network, _, _ = network_of(neighbours=neighbours, coarse_noise=True)
    for grain in (0.0, 0.7, 1.5):
        white = random.standard_normal((1 + neighbours, 128, 128))
        noise = ndimage.gaussian_filter(white, (0, grain, grain))
        noise = torch.from_numpy((noise / noise.std()).astype(np.float32))[None]
        left = noise[:, :1] + change(network, noise, 1.0)
        assert float(left.std()) < 0.25 + 0.2 * grain


def test_tile_agrees_with_the_whole_beyond_its_overlap():
    random = torch.Generator().manual_seed(0)
    clean = torch.nn.functional.interpolate(
        torch.randn(1, 1, 48, 16, generator=random), scale_factor=8.0
    )
    noisy = clean + 0.3 * torch.randn(clean.shape, generator=random)
    network, _, _ = network_of()
    whole, tile = (
        change(network, noisy, 0.3)[..., 128:, :],
        change(network, noisy[..., 128:, :], 0.3),
    )
    difference = (whole - tile).abs()[..., 32:, :]
    assert float(difference.square().mean().sqrt()) < 0.001 * 0.3
    assert float(difference.max()) < 0.05 * 0.3


@pytest.mark.parametrize("channels", CHANNELS)
def test_checksum_is_that_of_the_file(channels):
    _, file, digest = network_of(channels)
    assert digest == hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.mark.parametrize("channels", CHANNELS)
def test_file_describes_its_network_and_licence(channels):
    _, file, _ = network_of(channels)
    with safe_open(file, "pt") as opened:
        metadata = opened.metadata()
    assert NetworkConfig.model_validate_json(metadata["network"]) == LEARNED_NETWORK
    assert metadata["license"] == "BSD-3-Clause"
    assert int(metadata["steps"]) > 0


def test_all_weights_together_are_small():
    folder = find_weights(LEARNED_NETWORK, 1).parent
    assert 0 < sum(file.stat().st_size for file in folder.iterdir()) < MOST
