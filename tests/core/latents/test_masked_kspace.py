"""Masked k-space: hidden frequencies, and the first estimate."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
import torch

from napari_dip.core.fitting.fit import fit
from napari_dip.core.latents.build import build_latent, latent_channels
from napari_dip.core.latents.kspace_completion import KSpaceCompletion
from napari_dip.core.networks.build import build_network
from napari_dip.core.operators.kspace import KSpace, least_variation
from napari_dip.core.restoration.progress import finish
from tests.core.latents.test_kspace_completion import rings
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


def learned_config(iterations=3, **choices):
    config = tiny_config(iterations, stop="heldout", **choices)
    stopping = config.fit.stopping.model_copy(update={"heldout_fraction": 0.1})
    fit = config.fit.model_copy(update={"kspace_start": "learned", "stopping": stopping})
    return config.model_copy(update={"fit": fit})


def test_learned_start_that_predicts_held_out_frequencies_is_the_result():
    fourier, truth = KSpace(scattered(), paired=False), rings()
    problem = kspace_problem(fourier, truth)
    outcome = finish(fit(problem, learned_config(), keep_checkpoint=True))
    plain = least_variation(fourier, problem.observation, problem.valid.float())
    assert (outcome.iterations, outcome.stop_reason) == (0, "good_start")
    assert outcome.learned
    assert len(outcome.weights_sha256) == 64
    assert outcome.findings["variation_ratio"] < 0.85
    estimates = outcome.estimate, plain[0].numpy()
    errors = [np.square(estimate - truth[0].numpy()).mean() for estimate in estimates]
    assert errors[0] < 0.7 * errors[1]
    resumed = finish(fit(problem, learned_config(), start_from=outcome.checkpoint))
    assert resumed.iterations == 3  # more iterations on request


@pytest.mark.parametrize(
    ("ratio", "learned", "iterations"), [(0.5, True, 0), (0.9, True, 3), (1.2, False, 3)]
)
def test_held_out_frequencies_decide_between_denoiser_and_variation(
    monkeypatch, ratio, learned, iterations
):
    fourier, truth = KSpace(scattered(), paired=False), rings()
    problem = kspace_problem(fourier, truth)

    def denoise(self, fourier, spectrum, known, image, *_):
        return truth + ratio**0.5 * (image - truth)

    monkeypatch.setattr(KSpaceCompletion, "__call__", denoise)
    outcome = finish(fit(problem, learned_config()))
    assert (outcome.learned, outcome.iterations) == (learned, iterations)
    assert outcome.findings["variation_ratio"] == pytest.approx(ratio, rel=0.01)


def test_total_variation_remains_without_held_out_frequencies():
    problem = kspace_problem(KSpace(scattered(), paired=False), rings())
    settings = learned_config().model_copy(update={"stop": "none"})
    outcome = finish(fit(problem, settings))
    assert (outcome.learned, outcome.iterations) == (False, 3)
