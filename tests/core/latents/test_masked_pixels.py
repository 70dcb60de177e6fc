"""Masked pixels: hidden pixels, their infill and the views of the observation."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from napari_dip.config import FitConfig, NetworkConfig
from napari_dip.core.latents.masked_pixels import ObservationLatent
from tests.core.latents.test_build import make


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
    drawn, (revealed,) = latent.draw(), latent.reveal()
    for draw, hidden in ((drawn, drawn.weights), (revealed, 0 * fitted)):
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
    (revealed,) = latent.reveal()
    standard = (observed - mean) / deviation
    torch.testing.assert_close(revealed.latent[fitted > 0], standard[fitted > 0])
    assert torch.equal(revealed.weights, fitted)


def test_network_sees_fitted_pixels_with_mean_0_and_deviation_1():
    latent, _, problem = make("observation", (32, 32), shuffle=1)
    assert float(latent.mean) == pytest.approx(float(problem.observation.mean()), abs=1e-5)
    expected = float(problem.observation.std(correction=0))
    assert float(latent.deviation) == pytest.approx(expected, rel=1e-4)
