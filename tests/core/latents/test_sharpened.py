"""The latent of sharpened photons: its first estimate, its noise and its splits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_dip.config import FitConfig, NetworkConfig
from napari_dip.core.latents.build import build_latent, latent_channels, sharpens
from napari_dip.core.latents.sharpening import find_sharpening
from napari_dip.core.networks.build import build_network
from napari_dip.core.noise.model import NoiseModel
from napari_dip.core.operators.blur import Blur, GaussianBlur
from napari_dip.core.operators.psf.kernel import gaussian_psf
from napari_dip.core.problem import make_problem

SETTINGS = FitConfig(
    network=NetworkConfig(channels=(4, 4), pixel_shuffle=2), latent="sharpened", hidden_fraction=0.3
)


def problem_of(shape, photons=100):
    blur = Blur(torch.from_numpy(gaussian_psf((1.0,) * len(shape))))
    truth = torch.full((1, 1, *blur.estimate_shape(shape)), 0.05 * photons)
    truth[(..., *(slice(n // 3, 2 * n // 3) for n in truth.shape[2:]))] = photons
    counts = torch.poisson(blur(truth), generator=torch.Generator().manual_seed(0))[0]
    noise = NoiseModel(1 / photons, 0.0, 1e-6)
    return make_problem(
        (counts / photons).numpy(),
        np.ones(counts.shape, bool),
        [noise],
        (0.0, 1.0),
        torch.device("cpu"),
        blur,
    )


def make(shape=(20, 24)):
    problem = problem_of(shape)
    random = torch.Generator().manual_seed(0)
    network = build_network(
        SETTINGS.network, latent_channels(SETTINGS, problem), 1, depth=problem.depth
    )
    photons = tuple(problem.thinned((0.9, 0.1), random))
    fitted = torch.ones_like(problem.observation)
    latent = build_latent(problem, network, SETTINGS, fitted, random, photons=photons)
    return latent, network, problem, photons


@pytest.mark.parametrize("shape", [(20, 24), (6, 14, 12)])
def test_first_result_is_the_richardson_lucy_image_of_all_photons(shape):
    latent, network, problem, _ = make(shape)
    found = latent.finish(latent.first())
    # The gradient consensus splits the photons by chance.
    expected = latent.sharpening(problem, torch.Generator().manual_seed(0))
    assert float((found - expected).abs().mean()) < 0.02 * float(expected.std())
    if len(shape) == 3:  # a volume starts from a correction of 0
        draw = latent.draw()
        inside = (..., *map(slice, problem.shape))
        output = draw.view.undo(network(draw.latent))[inside]
        torch.testing.assert_close(latent.finish(draw.shifted(draw.estimate(output))), found)
    assert float(found.min()) >= problem.dark


def test_loss_is_about_one_at_the_truth_and_larger_elsewhere():
    latent, _, problem, _ = make((48, 48))
    truth = torch.full((1, 1, *problem.shape), 0.05)
    truth[(..., *(slice(n // 3, 2 * n // 3) for n in truth.shape[2:]))] = 1.0
    draw = latent.draw()
    assert float(draw.loss(truth)) == pytest.approx(1, abs=0.15)
    assert float(draw.loss(0 * truth + truth.mean())) > 2


def test_splits_repeat_after_skipped_draws():
    first, *_ = make()
    second, *_ = make()
    for _ in range(11):
        first.draw()
    second.skip(11, 0)
    torch.testing.assert_close(first.draw().latent, second.draw().latent)


def test_sharpening_predicts_held_out_photons_better_than_one_iteration():
    _, _, _, (fitted, heldout) = make((48, 48))
    random = torch.Generator().manual_seed(0)
    heldout = heldout.equally_weighted()
    found = find_sharpening(fitted, heldout, random)
    one = found._replace(iterations=1)
    errors = [float(heldout.nll(method(fitted, random)).mean()) for method in (found, one)]
    assert found.iterations > 1
    assert errors[0] < errors[1]


def test_hides_pixels_where_photons_cannot_be_split():
    problem = problem_of((20, 24))
    assert sharpens(SETTINGS, problem)
    correlated = replace(problem, noise=replace(problem.noise, grain=1.0))
    assert not sharpens(SETTINGS, correlated)
    assert not sharpens(SETTINGS, replace(problem, operator=GaussianBlur((1.0, 1.0), "YX")))
    assert not sharpens(SETTINGS.model_copy(update={"latent": "observation"}), problem)
