"""Prior networks: shapes, parameters and output of every architecture."""

from __future__ import annotations

from typing import get_args

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from napari_dip.config import PRESETS, NetworkConfig, NetworkName
from napari_dip.core.networks import architectures, layers
from napari_dip.core.networks.architectures import Hourglass
from napari_dip.core.networks.build import NETWORKS, build_network

VARIANTS = [
    pytest.param(
        {"pixel_shuffle": shuffle, "skip_channels": skip, "upsampling": mode, "output": output},
        id=f"{shuffle}-{skip}-{mode}-{output}",
    )
    for shuffle in (1, 2, 4)
    for skip in (0, 2)
    for mode, output in (("bilinear", "linear"), ("nearest", "sigmoid"))
]


def test_registry_and_configuration_have_the_same_networks():
    assert set(NETWORKS) == set(get_args(NetworkName))


def test_paper_network_has_the_published_number_of_parameters():
    network = build_network(PRESETS["paper"].network, 32, 3)
    assert sum(parameter.numel() for parameter in network.parameters()) == 2_217_831


@pytest.mark.parametrize("name", get_args(NetworkName))
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (13, 31), (1, 2, 3), (9, 13, 20), (17, 9, 9)])
@pytest.mark.parametrize("anisotropy", [1.0, 5.0])
def test_canvas_covers_any_image(name, variant, shape, anisotropy):
    config = NetworkConfig(name=name, channels=(4, 4), **variant)
    depth = shape[0] if len(shape) == 3 else None
    network = build_network(config, 3, 2, depth=depth, anisotropy=anisotropy)
    canvas = network.canvas(shape)
    assert all(full >= size for full, size in zip(canvas, shape, strict=True))
    estimate = network(torch.rand(1, 3, *network.grid(shape)))
    assert estimate.shape == (1, 2, *canvas)
    assert estimate.dtype == torch.float32


def test_distant_planes_are_neither_halved_nor_combined(monkeypatch):
    config = NetworkConfig(channels=(4, 4))
    assert build_network(config, 3, 1, depth=5).canvas((5, 8, 8)) == (5, 8, 8)
    # Batch norm combines all planes.
    for module in (layers, architectures):
        monkeypatch.setattr(module, "batch_norm", lambda channels, dims: nn.Identity())
    network = build_network(config, 1, 1, depth=5, anisotropy=8.0)
    latent = torch.rand(1, 1, 5, 8, 8)
    moved = latent.clone()
    moved[:, :, 4] += 1
    torch.testing.assert_close(network(latent)[:, :, :4], network(moved)[:, :, :4])
    assert not torch.equal(network(latent)[:, :, 4], network(moved)[:, :, 4])


@pytest.mark.parametrize("name", get_args(NetworkName))
@pytest.mark.parametrize("mode", ["stride", "average", "max"])
@pytest.mark.parametrize("size", [(32, 32), (4, 16, 16)])
def test_every_network_fits_and_updates_all_weights(name, mode, size):
    torch.manual_seed(0)
    network = build_network(
        NetworkConfig(name=name, channels=(8, 8), downsampling=mode),
        latent_channels=4,
        out_channels=1,
        depth=size[0] if len(size) == 3 else None,
    )
    latent, wave = torch.rand(1, 4, *size), torch.linspace(0, 6, size[-1]).sin().expand(1, 1, *size)
    rate, steps = (0.002, 120) if name == "residual-unet" else (0.02, 60)  # has no batch norm
    optimiser = torch.optim.Adam(network.parameters(), lr=rate)
    losses = []
    for _ in range(steps):
        optimiser.zero_grad()
        loss = ((network(latent) - wave) ** 2).mean()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]
    assert all(bool(p.grad.abs().sum() > 0) for p in network.parameters())


def test_deep_decoder_has_fewer_weights_than_pixels():
    config = NetworkConfig(name="deep-decoder", channels=(64,) * 5, skip_channels=0)
    network = build_network(config, 64, 1)
    assert sum(p.numel() for p in network.parameters()) < 256 * 256 / 2


@pytest.mark.parametrize("size", [(32, 32), (8, 16, 16)])
def test_tapered_hourglass_passes_on_the_width_of_the_finer_scale(size):
    config = NetworkConfig(channels=(4, 6, 8), skip_channels=2, tapered=True)
    network = build_network(config, 3, 1, depth=size[0] if len(size) == 3 else None)
    body, joined = network.body, []
    while isinstance(body, Hourglass):
        joined.append(body.up[0].num_features)
        body = body.coarser
    assert joined == [2 + 4, 2 + 6, 2 + 8]
    assert network(torch.rand(1, 3, *network.grid(size))).shape == (1, 1, *size)


def test_rejects_another_number_of_skip_widths_than_scales():
    assert NetworkConfig(channels=(8, 16), skip_channels=(0, 4)).skips == (0, 4)
    with pytest.raises(ValidationError, match="one skip width for each of 2 scales"):
        NetworkConfig(channels=(8, 16), skip_channels=(4,))


def test_sigmoid_output_spans_its_bounds():
    network = build_network(NetworkConfig(channels=(4, 4), output="sigmoid"), 3, 1, (-2.0, 5.0))
    with torch.no_grad():
        network.head.bias.fill_(100.0)
        assert float(network(torch.rand(1, 3, 16, 16)).max()) == pytest.approx(5.0)
        network.head.bias.fill_(-100.0)
        assert float(network(torch.rand(1, 3, 16, 16)).min()) == pytest.approx(-2.0)


@pytest.mark.parametrize("preset", ["fast", "balanced"])
def test_convolutions_before_batch_norm_have_no_bias(preset):
    network = build_network(PRESETS[preset].network, 32, 1)
    convolutions = [m for m in network.body.modules() if isinstance(m, nn.Conv2d)]
    assert convolutions
    assert all(convolution.bias is None for convolution in convolutions)


def test_head_is_float32_under_bfloat16():
    network = build_network(NetworkConfig(channels=(8, 8)), 4, 1)
    with torch.autocast("cpu", torch.bfloat16):
        estimate = network(torch.rand(1, 4, 64, 64))
    assert estimate.dtype == torch.float32
    # bfloat16 has at most 128 numbers per octave.
    assert estimate.unique().numel() > 2000
