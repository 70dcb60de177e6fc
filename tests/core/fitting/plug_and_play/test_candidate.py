"""The estimate of a learned denoiser beside that of a deconvolving fit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_dip import DipConfig, Image, restore
from napari_dip.api import finish
from napari_dip.core.fitting.plug_and_play.candidate import DenoisedCandidate
from napari_dip.core.noise.model import NoiseModel
from napari_dip.core.operators.blur import Blur
from napari_dip.core.operators.psf.kernel import gaussian_psf
from napari_dip.core.problem import make_problem
from napari_dip.core.tasks import Deconvolve


def discs(size=64):
    y, x = np.mgrid[:size, :size]
    return 10.0 + 90.0 * (np.hypot(y - 24, x - 40) < 12) + 60.0 * (np.hypot(y - 44, x - 20) < 9)


@pytest.fixture(scope="module")
def candidate():
    """A candidate for blurred discs, and their truth with the margin of the blur."""
    blur = Blur(torch.from_numpy(gaussian_psf((1.5, 1.5))))
    margin = (blur.estimate_shape((64, 64))[0] - 64) // 2
    truth = torch.from_numpy(np.pad(discs(), margin, mode="edge").astype(np.float32))[None, None]
    counts = torch.poisson(blur(truth), generator=torch.Generator().manual_seed(0))[0]
    problem = make_problem(
        counts.numpy(),
        np.ones(counts.shape, bool),
        [NoiseModel(1.0, 0.0, 1.0)],
        (0.0, 200.0),
        torch.device("cpu"),
        blur,
    )
    fitted, heldout = problem.thinned((0.9, 0.1), torch.Generator().manual_seed(1))
    return DenoisedCandidate(problem, fitted, heldout.equally_weighted()), truth, problem


def rms(values):
    return float(values.square().mean().sqrt())


def test_candidate_is_sharper_than_the_observation(candidate):
    found, truth, problem = candidate
    blurred = problem.operator.lift(problem.observation)
    assert rms(found.complete - truth) < 0.8 * rms(blurred - truth)
    assert float(found.complete.min()) >= problem.dark


def test_candidate_has_a_half_unless_held_out_photons_show_that_it_is_worse(candidate):
    found, truth, _ = candidate
    assert found.share(torch.full_like(truth, float(truth.mean()))) == 0.5
    assert found.share(truth) == 0.0


@pytest.mark.parametrize(
    ("changes", "asked"),
    [
        ({}, True),
        ({"start": "random"}, False),
        ({"stop": "variance"}, False),
        ({"runs": 2}, False),
    ],
)
def test_preset_asks_for_the_candidate(changes, asked):
    blurred = np.random.default_rng(0).poisson(ndimage.gaussian_filter(discs(32), 1.5))
    config = DipConfig(device="cpu", max_iterations=1, **changes)
    result = finish(restore(Image(blurred.astype(np.float32), "YX"), Deconvolve(sigma=1.5), config))
    assert result.report.config.fit.denoised_candidate is asked
    assert ("denoised_share" in result.report.diagnostics) is asked
    assert (result.report.weights_sha256 is not None) is asked
