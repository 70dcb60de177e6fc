"""Latents: shapes, randomness and fixed latents."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import torch

from napari_dip.config import FitConfig, LatentName, NetworkConfig
from napari_dip.core.latents.augment import View
from napari_dip.core.latents.build import LATENTS, build_latent, latent_channels
from napari_dip.core.networks.build import build_network
from napari_dip.core.noise.model import NoiseModel
from napari_dip.core.problem import make_problem


def make(name, shape=(13, 21), channels=1, shuffle=2, fitted=None, **choices):
    settings = FitConfig(
        network=NetworkConfig(channels=(4, 4), pixel_shuffle=shuffle), latent=name, **choices
    )
    values = np.random.default_rng(0).normal(5, 2, (channels, *shape)).astype(np.float32)
    problem = make_problem(
        values,
        np.ones_like(values, bool),
        [NoiseModel(0.0, 1.0, 0.1)] * channels,
        (0.0, 1.0),
        torch.device("cpu"),
        guide=values[:1] if name == "guide" else None,
    )
    inputs = latent_channels(settings, problem)
    network = build_network(settings.network, inputs, channels, depth=problem.depth)
    fitted = torch.ones(1, channels, *shape) if fitted is None else fitted
    random = torch.Generator().manual_seed(0)
    return build_latent(problem, network, settings, fitted, random), network, problem


def test_registry_and_configuration_have_the_same_latents():
    of_pixels = {"observation", "recorrupted", "sharpened"}
    assert set(LATENTS) | of_pixels == set(get_args(LatentName))


# A recorrupted latent fits windows of planes: see recorrupted/test_latent.py.
@pytest.mark.parametrize("name", [*LATENTS, "observation"])
@pytest.mark.parametrize("shape", [(1, 1), (2, 7), (13, 21), (64, 64), (1, 3, 3), (9, 13, 21)])
@pytest.mark.parametrize("shuffle", [1, 2])
@pytest.mark.parametrize("channels", [1, 3])
def test_draw_matches_the_network_and_the_observation(name, shape, shuffle, channels):
    latent, network, _ = make(name, shape, channels, shuffle)
    z, weights, view = latent.draw()[:3]
    assert view == View()
    assert network(z).shape[2:] == network.canvas(shape)
    assert weights.shape == (1, channels, *shape)
    assert bool(torch.isfinite(z).all())


@pytest.mark.parametrize("name", get_args(LatentName))
def test_draws_differ_and_repeat_with_the_seed(name):
    first, _, _ = make(name)
    second, _, _ = make(name)
    draw, next_draw = (first.draw().latent.clone() for _ in range(2))
    assert not torch.equal(draw, next_draw)
    assert torch.equal(draw, second.draw().latent)


def test_noise_latent_without_perturbation_is_constant():
    latent, _, _ = make("noise", latent_noise=0.0)
    draw, next_draw = (latent.draw().latent.clone() for _ in range(2))
    assert torch.equal(draw, next_draw)
    assert 0 <= float(draw.min()) < float(draw.max()) <= 0.1


@pytest.mark.parametrize("shape", [(32, 48), (12, 32, 48)])
def test_latent_blur_removes_fine_details_and_keeps_the_deviation(shape):
    draws = {
        blur: make("noise", shape, shuffle=1, latent_noise=0.0, latent_blur=blur)[0].draw().latent
        for blur in (0.0, 1.5)
    }
    for axis in range(2, 2 + len(shape)):
        steps = {blur: float(z.diff(dim=axis).std() / z.std()) for blur, z in draws.items()}
        assert steps[0.0] == pytest.approx(2**0.5, abs=0.05)  # independent pixels
        # The correlation of neighbours is exp(-1 / (4 sigma^2)).
        assert steps[1.5] == pytest.approx((2 - 2 * np.exp(-1 / 9)) ** 0.5, abs=0.06)
    torch.testing.assert_close(draws[0.0].std(), draws[1.5].std())
    torch.testing.assert_close(draws[0.0].mean(), draws[1.5].mean())


@pytest.mark.parametrize("name", LATENTS)
def test_fixed_latent_is_a_parameter_if_optimised(name):
    assert make(name)[0].parameters() == []
    latent, network, _ = make(name, optimise_latent=True)
    (parameter,) = latent.parameters()
    for _ in range(2):  # the second backward pass needs its own graph
        network(latent.draw().latent).sum().backward()
    assert parameter.grad is not None
    assert bool((parameter.grad != 0).any())


@pytest.mark.parametrize("name", ["observation", "recorrupted"])
def test_rejects_the_observation_as_optimised_latent(name):
    with pytest.raises(ValueError, match="another latent than the observation"):
        FitConfig(latent=name, optimise_latent=True)
