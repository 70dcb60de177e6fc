"""Latents: shapes, randomness, hidden pixels and fixed latents."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import torch
from torch.nn import functional

from napari_dip.config import FitConfig, LatentName, NetworkConfig
from napari_dip.core.latents.augment import View
from napari_dip.core.latents.build import LATENTS, build_latent, latent_channels
from napari_dip.core.latents.masked_pixels import ObservationLatent
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
    assert set(LATENTS) | {"observation"} == set(get_args(LatentName))


@pytest.mark.parametrize("name", get_args(LatentName))
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


def test_rejects_the_observation_as_optimised_latent():
    with pytest.raises(ValueError, match="another latent than the observation"):
        FitConfig(latent="observation", optimise_latent=True)


def test_only_hidden_pixels_count():
    latent, _, problem = make("observation", (64, 64), shuffle=1)
    z, weights, _ = latent.draw()[:3]
    observed = problem.observation
    standard = (observed - observed.mean()) / observed.std(correction=0)
    hidden = weights > 0
    assert float(hidden.float().mean()) == pytest.approx(0.2, abs=0.03)
    shown = torch.isclose(z, standard, atol=1e-4)
    assert bool(shown[~hidden].all())
    assert float(shown[hidden].float().mean()) < 0.01


def test_pixels_that_are_not_fitted_are_always_hidden():
    fitted = torch.ones(1, 1, 16, 16)
    fitted[..., 4:9, 4:9] = 0
    draws = []
    for value in (0.0, 1e6):
        latent, _, problem = make("observation", (16, 16), fitted=fitted)
        problem.observation[..., 4:9, 4:9] = value
        latent = ObservationLatent(
            problem,
            make("observation", (16, 16))[1],
            FitConfig(network=NetworkConfig(channels=(4, 4), pixel_shuffle=2)),
            fitted,
            torch.Generator().manual_seed(0),
        )
        draws.append(latent.draw())
    torch.testing.assert_close(draws[0].latent, draws[1].latent)
    assert not bool((draws[0].weights * (1 - fitted)).any())


def test_hidden_pixels_hold_the_mean_of_their_visible_neighbours():
    latent, _, problem = make("observation", (32, 32), shuffle=1)
    problem.observation[:] = 3.0
    ramp = torch.arange(32.0).expand(1, 1, 32, 32)
    problem.observation[:] = ramp
    latent = ObservationLatent(
        problem,
        make("observation", (32, 32), shuffle=1)[1],
        FitConfig(network=NetworkConfig(channels=(4, 4)), hidden_fraction=0.004),
        torch.ones(1, 1, 32, 32),
        torch.Generator().manual_seed(1),
    )
    z, weights, _ = latent.draw()[:3]
    inside = weights.clone()
    inside[..., 0] = inside[..., -1] = 0
    assert float(inside.sum()) >= 1
    standard = (ramp - ramp.mean()) / ramp.std(correction=0)
    torch.testing.assert_close(z[inside > 0], standard[inside > 0], atol=1e-4, rtol=0)


@pytest.mark.parametrize(("shuffle", "count"), [(1, 4), (2, 16)])
def test_observation_has_all_views_and_each_can_be_undone(shuffle, count):
    latent, _, _ = make("observation", (16, 16), shuffle=shuffle, hidden_fraction=1e-9)
    draws = [latent.draw() for _ in range(count)]
    assert len({draw.view for draw in draws}) == count
    first = functional.pixel_shuffle(draws[0].latent, shuffle)
    for draw in draws:
        canvas = draw.view.undo(functional.pixel_shuffle(draw.latent, shuffle))
        torch.testing.assert_close(draw.view.complete(canvas, (16, 16), first), first)


def test_shifts_average_out_the_grid_of_the_pixel_shuffle():
    # Each output of the head has its own error.
    errors = torch.tensor([[1.0, 2.0], [4.0, 8.0]]).repeat(8, 8)[None, None]
    latent, _, _ = make("observation", (16, 16), shuffle=2)
    average = sum(latent.draw().view.undo(errors) for _ in range(16)) / 16
    torch.testing.assert_close(average, torch.full_like(errors, 3.75))


@pytest.mark.parametrize("shuffle", [1, 2])
@pytest.mark.parametrize("shape", [(13, 21), (3, 9, 14)])
def test_network_corrects_the_filled_observation(shape, shuffle):
    fitted = torch.ones(1, 2, *shape)
    fitted[..., 4:6, 4:6] = 0
    latent, network, problem = make("observation", shape, 2, shuffle, fitted, filling="biharmonic")
    for draw, hidden in ((drawn := latent.draw(), drawn.weights), (latent.reveal(), 0 * fitted)):
        first = draw.start + network(draw.latent)[(..., *map(slice, shape))]
        visible = (fitted - hidden) > 0
        torch.testing.assert_close(first[visible], problem.observation[visible], atol=1e-4, rtol=0)
        assert bool(torch.isfinite(first).all())


def test_reveal_hides_no_fitted_pixel():
    fitted = torch.ones(1, 1, 16, 16)
    fitted[..., 4:9, 4:9] = 0
    latent, _, problem = make("observation", (16, 16), shuffle=1, fitted=fitted)
    observed = problem.observation
    mean, deviation = observed[fitted > 0].mean(), observed[fitted > 0].std(correction=0)
    revealed = latent.reveal()
    standard = (observed - mean) / deviation
    torch.testing.assert_close(revealed.latent[fitted > 0], standard[fitted > 0])
    assert torch.equal(revealed.weights, fitted)
