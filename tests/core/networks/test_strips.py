"""Strips: the same output as of the whole, for networks whose pixels influence near ones only."""

from __future__ import annotations

import pytest
import torch

from napari_dip.config import LEARNED_NETWORK, NetworkConfig
from napari_dip.core.networks.build import build_network
from napari_dip.core.networks.strips import in_strips

TINY = NetworkConfig(
    name="residual-unet", channels=(8, 8, 8), blocks=(3, 1, 1), skip_channels=0, pixel_shuffle=2
)


def latent_of(network, rows, columns=32):
    shape = network.grid((rows, columns))
    return torch.randn(1, 3, *shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("rows", [136, 200, 512])
@pytest.mark.parametrize("padding", ["zeros", "reflect"])
@torch.no_grad()
def test_strips_agree_with_the_whole(rows, padding):
    torch.manual_seed(0)
    network = build_network(TINY.model_copy(update={"padding": padding}), 3, 1)
    latent = latent_of(network, rows)
    whole, strips = network(latent), in_strips(network, latent, most=64 * 32)
    assert strips.shape == whole.shape
    assert float((strips - whole).abs().max()) < 0.01 * float(whole.std())


@torch.no_grad()
def test_a_strip_needs_the_memory_of_its_rows_only():
    network = build_network(TINY, 3, 1)
    seen = []
    network.body.register_forward_pre_hook(lambda _, given: seen.append(given[0].shape[-2]))
    in_strips(network, latent_of(network, 512), most=64 * 32)
    assert len(seen) == 8
    assert max(seen) <= 32 + 2 * network.reach


@torch.no_grad()
def test_small_images_are_not_cut():
    network, seen = build_network(TINY, 3, 1), []
    network.register_forward_pre_hook(lambda _, given: seen.append(given[0].shape))
    in_strips(network, latent_of(network, 128))
    assert len(seen) == 1


@torch.no_grad()
def test_networks_with_batch_norm_are_not_cut():
    network = build_network(NetworkConfig(channels=(4, 4), skip_channels=0), 3, 1)
    latent = latent_of(network, 128)
    torch.testing.assert_close(in_strips(network, latent, most=64), network(latent))


def test_reach_of_the_learned_network_is_short():
    network = build_network(LEARNED_NETWORK, 9, 1)
    assert 8 <= network.reach <= 32
