"""The noise of a blurred observation, measured on what a deconvolution leaves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_dip.core.latents.residual_noise import with_residual_noise
from napari_dip.core.noise.model import NoiseModel
from napari_dip.core.operators.blur import Blur
from napari_dip.core.operators.psf.kernel import gaussian_psf
from napari_dip.core.problem import make_problem

WRONG = NoiseModel(0.0, 7.0, 0.7, equal=7.0)


def lines(shape, photons, *, gain=1.0, offset=0.0, read_noise=0.0, noise=WRONG):
    """Return the problem of a few bright, blurred lines on a dark background."""
    blur = Blur(torch.from_numpy(gaussian_psf((1.2,) * len(shape))))
    truth = torch.zeros(1, 1, *blur.estimate_shape(shape))
    truth[..., 10:12, :] = 4.0 * photons
    truth[..., 14:40, 20:23] = 2.0 * photons
    random = torch.Generator().manual_seed(0)
    counts = torch.poisson(blur(truth).clamp(min=0), generator=random)[0]
    adu = offset + gain * counts + read_noise * torch.randn(counts.shape, generator=random)
    bounds, device = (0.0, 10.0 * photons), torch.device("cpu")
    return make_problem(adu.numpy(), np.ones(adu.shape, bool), [noise], bounds, device, blur)


@pytest.mark.parametrize("shape", [(48, 48), (6, 48, 48)], ids=["plane", "volume"])
@pytest.mark.parametrize("photons", [20, 500])
@pytest.mark.parametrize("gain", [1.0, 3.0])
def test_finds_the_gain_of_photons_where_no_region_is_smooth(shape, photons, gain):
    noise = with_residual_noise(lines(shape, photons, gain=gain)).noise
    assert float(noise.slope) == pytest.approx(gain, rel=0.25)
    assert float(noise.equal) > 0


def test_finds_read_noise_in_the_dark():
    problem = lines((64, 64), 200, read_noise=5.0, offset=100.0)
    noise = with_residual_noise(problem).noise
    in_the_dark = float(noise.variance(torch.full((1, 1, 1, 1), 100.0)))
    assert in_the_dark == pytest.approx(25, rel=0.3)


def test_keeps_noise_that_was_given():
    problem = lines((32, 40), 20, noise=NoiseModel(0.0, 7.0, 0.7))
    assert with_residual_noise(problem) is problem


def test_keeps_noise_that_the_residual_cannot_show():
    problem = lines((32, 40), 20)
    dark = replace(problem, observation=torch.zeros_like(problem.observation))
    assert with_residual_noise(dark) is dark


def test_measures_the_same_noise_each_time():
    problem = lines((32, 40), 20)
    first, second = (with_residual_noise(problem).noise for _ in range(2))
    assert float(first.slope) == float(second.slope)
