"""Masked k-space: hidden frequencies, and the first estimate."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
import torch

from napari_dip.core.fitting.fit import fit
from napari_dip.core.latents.build import build_latent, latent_channels
from napari_dip.core.networks.build import build_network
from napari_dip.core.operators.kspace import KSpace, least_variation
from napari_dip.core.restoration.progress import finish
from tests.core.operators.test_kspace import blocks, kspace_problem, scattered
from tests.tiny import tiny_config


@pytest.mark.parametrize("paired", [False, True])
def test_fitted_frequencies_are_hidden_from_the_latent(paired):
    fourier = KSpace(scattered(), paired=paired)
    noise = torch.rand((1, 2, 48, 40), generator=torch.Generator().manual_seed(0))
    problem, settings = kspace_problem(fourier, noise), tiny_config().fit
    network = build_network(settings.network, latent_channels(settings, problem), problem.channels)
    random = torch.Generator().manual_seed(0)
    latent = build_latent(problem, network, settings, problem.valid.float(), random)
    fitted = torch.zeros_like(problem.valid)
    for _ in range(20):
        draw = latent.draw()
        estimate = draw.start + draw.gain * draw.view.undo(network(draw.latent))[..., :48, :40]
        recorded = problem.valid & (draw.weights == 0)
        off = (fourier(estimate) - problem.observation).abs()
        assert off[recorded].max() < 1e-3  # the output of the network is still 0
        assert off[draw.weights > 0].max() > 1e-2
        fitted |= draw.weights > 0
    assert fitted.any(dim=1).sum() > 0.1 * fourier.sampled.sum()


def test_first_estimate_has_the_least_variation():
    fourier, truth = KSpace(scattered(), paired=False), blocks()
    problem = kspace_problem(fourier, truth)
    first = next(islice(fit(problem, tiny_config(5), interval=0), 1)).estimate
    plain = least_variation(fourier, problem.observation, problem.valid.float())
    np.testing.assert_allclose(first, plain[0].numpy(), atol=1e-4)


@pytest.mark.parametrize(
    ("why", "end"),
    [("stop_requested", {"stop_requested": lambda: True}), ("time_limit", {"time_limit": 1e-9})],
)
def test_stopped_fit_returns_the_zero_filled_image(why, end):
    fourier, truth = KSpace(scattered(), paired=False), blocks()
    problem = kspace_problem(fourier, truth)
    outcome = finish(fit(problem, tiny_config(5), **end))
    zero_filled = fourier.zero_filled(problem.observation, problem.valid.float())
    assert (outcome.stop_reason, outcome.iterations) == (why, 1)
    np.testing.assert_allclose(outcome.estimate, zero_filled[0].numpy(), atol=1e-4)
