"""Noise models: likelihood of Gaussian, photon, Laplace and rounding noise."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_dip.core.image.scaling import find_scaling
from napari_dip.core.noise.model import NoiseModel, rounding


@pytest.mark.parametrize(
    ("slope", "intercept"), [(0.0, 0.04), (0.1, 0.0), (0.1, 0.01)], ids=["gauss", "poisson", "both"]
)
def test_nll_gradient_has_mean_zero_at_the_truth(slope, intercept):
    generator = torch.Generator().manual_seed(0)
    model = NoiseModel(slope, intercept, 1e-4)
    truth = torch.full((200_000,), 0.5, requires_grad=True)
    deviation = (slope * 0.5 + intercept) ** 0.5
    observation = 0.5 + deviation * torch.randn(truth.shape, generator=generator)
    nll = model.nll(truth, observation)
    assert float(nll.detach().mean()) == pytest.approx(1, rel=0.02)
    nll.mean().backward()
    # Relative to the gradient one standard deviation away from the truth.
    assert abs(float(truth.grad.sum())) < 0.02 / deviation


def test_laplace_nll_is_proportional_to_the_distance():
    noise = NoiseModel(0.0, 4.0, 0.1, laplace=True)
    truth = torch.zeros(200_000)
    draw = np.random.default_rng(0).laplace(0, 2 / np.sqrt(2), truth.numel())  # deviation 2
    near = noise.nll(truth, torch.from_numpy(draw))
    assert float(near.mean()) == pytest.approx(1, rel=0.02)
    once, twice = noise.nll(torch.zeros(2), torch.tensor([50.0, 100.0]))
    assert float(twice / once) == pytest.approx(2)


def test_rounded_values_have_no_error_within_the_tolerance():
    scaling = find_scaling(np.linspace(0.0, 255.0, 100))
    noise, record = rounding(0.5, scaling)
    truth, recorded = torch.tensor([2.6, 3.4, 3.0, 5.0]), torch.tensor(3.0)
    errors = noise.nll(truth / scaling.gain, recorded / scaling.gain)
    torch.testing.assert_close(errors, torch.tensor([0.0, 0.0, 0.0, 1.5**2]), atol=1e-5, rtol=1e-4)
    assert record.sigma == pytest.approx(1 / np.sqrt(12))


@pytest.mark.parametrize("equal", [None, 0.04])
def test_excess_of_a_pixel_adds_to_its_variance_and_weakens_its_weight(equal):
    excess = torch.tensor([0.0, 0.12])
    noise = NoiseModel(0.0, 0.04, 1e-6, equal=equal, excess=excess)
    estimate, observation = torch.zeros(2), torch.full((2,), 0.4)
    torch.testing.assert_close(noise.variance(estimate), torch.tensor([0.04, 0.16]))
    torch.testing.assert_close(noise.nll(estimate, observation), torch.tensor([4.0, 1.0]))
