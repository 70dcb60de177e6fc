"""Residual U-Net: output in proportion to its input, and independent of distant pixels."""

from __future__ import annotations

import pytest
import torch

from napari_dip.config import LEARNED_NETWORK, NetworkConfig
from napari_dip.core.networks.layers import plan_scales
from napari_dip.core.networks.residual_unet import ResidualUNet


def network_of(config, channels=3, depth=None):
    torch.manual_seed(0)
    network = ResidualUNet(channels, config, plan_scales(len(config.channels), depth))
    with torch.no_grad():
        for weight in network.parameters():  # blocks have an effect, as after a training
            weight.normal_(0, (2 / weight[0].numel()) ** 0.5)
    return network


SMALL = NetworkConfig(
    name="residual-unet", channels=(4, 6, 8), blocks=(2, 1, 1), skip_channels=0, padding="zeros"
)


@pytest.mark.parametrize("size", [(16, 24), (4, 16, 24)])
@pytest.mark.parametrize("padding", ["zeros", "reflect"])
def test_output_scales_with_the_input(size, padding):
    config = SMALL.model_copy(update={"padding": padding})
    network = network_of(config, depth=size[0] if len(size) == 3 else None)
    latent = torch.randn(1, 3, *size)
    with torch.no_grad():
        output = network(latent)
        # A power of 2 is exact in floating point.
        torch.testing.assert_close(network(8 * latent), 8 * output)
        torch.testing.assert_close(network(0 * latent), 0 * output)
    assert float(output.std()) > 0.01


def test_output_depends_only_on_the_surroundings():
    network = network_of(LEARNED_NETWORK)
    latent = torch.randn(1, 3, 8, 224)
    changed = latent.clone()
    changed[..., :8] += 100
    with torch.no_grad():
        change = (network(changed) - network(latent)).abs().amax((0, 1, 2))
    reach = int(change.nonzero().max()) - 7
    # Of the latent, which has half the resolution of the image.
    assert 16 < reach < 64


def test_crop_at_a_multiple_of_the_stride_has_the_same_output_inside():
    network = network_of(SMALL)
    latent = torch.randn(1, 3, 16, 256)
    with torch.no_grad():
        whole, crop = network(latent), network(latent[..., 64:])
    inside = 64
    rounding = 1e-4 * float(whole.std())
    torch.testing.assert_close(
        crop[..., inside:], whole[..., 64 + inside :], atol=rounding, rtol=1e-4
    )
    assert not torch.allclose(crop[..., :2], whole[..., 64:66])


def test_blocks_of_each_scale_add_parameters():
    def count(blocks):
        network = network_of(SMALL.model_copy(update={"blocks": blocks}))
        return sum(parameter.numel() for parameter in network.parameters())

    # The decoder has as many blocks as the encoder, except at the coarsest scale.
    assert count((2, 1, 1)) - count(1) == 2 * 2 * 9 * 4**2
    assert count((1, 1, 2)) - count(1) == 2 * 9 * 8**2


def test_untrained_blocks_hardly_change_their_input():
    torch.manual_seed(0)
    network = ResidualUNet(3, SMALL, plan_scales(3))
    with torch.no_grad():
        features = network.first(torch.randn(1, 3, 16, 16))
        changed = network.encoder[0](features) - features
    assert float(changed.std()) < 0.1 * float(features.std())
