"""Regularisers: total variation and its weight in the loss."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import napari_dip
from napari_dip import DipConfig
from napari_dip.core.noise.model import NoiseModel
from napari_dip.core.optim.regularisers import Regularisers, total_variation
from napari_dip.core.problem import make_problem
from tests.tiny import noisy_waves, tiny_config


def ramp(dims, slopes):
    """Return a ramp (1, 1, [Z,] Y, X) with the given slope along each axis."""
    grids = torch.meshgrid(*[torch.arange(6.0)] * dims, indexing="ij")
    return sum(slope * grid for slope, grid in zip(slopes, grids, strict=True))[None, None]


def problem_of(values, gain=1.0):
    noise = NoiseModel(0.0, 0.25 * gain**2, 1e-8)
    observation = (gain * values[0]).numpy()
    valid = np.ones(observation.shape, bool)
    noises, bounds = [noise] * len(observation), (0.0, 1.0)
    return make_problem(observation, valid, noises, bounds, torch.device("cpu"))


@pytest.mark.parametrize(("dims", "slopes"), [(2, (3.0, 4.0)), (3, (2.0, 3.0, 6.0))])
def test_total_variation_is_the_mean_gradient_length(dims, slopes):
    inside = ramp(dims, slopes)
    # The outermost pixels have no neighbour beyond the border.
    total = total_variation(inside) * 6**dims
    lengths = torch.zeros((6,) * dims)
    for axis, slope in enumerate(slopes):
        lengths.narrow(axis, 0, 5).add_(slope**2)
    torch.testing.assert_close(total, lengths.sqrt().sum())


@pytest.mark.parametrize("dims", [2, 3])
def test_total_variation_has_zero_gradient_on_a_flat_image(dims):
    flat = torch.ones((1, 2) + (4,) * dims, requires_grad=True)
    total_variation(flat).backward()
    assert flat.grad is not None
    assert torch.equal(flat.grad, torch.zeros_like(flat))


def test_equal_channels_count_as_one_channel():
    channel = torch.rand(1, 1, 5, 7)
    equal = channel.expand(1, 3, 5, 7)
    torch.testing.assert_close(total_variation(equal), total_variation(channel))


def test_total_variation_divides_z_slopes_by_the_anisotropy():
    along_z = ramp(3, (1.0, 0.0, 0.0))
    torch.testing.assert_close(total_variation(along_z, 4.0), total_variation(along_z) / 4)


@pytest.mark.parametrize("dims", [2, 3])
def test_penalty_is_independent_of_the_intensity_scale(dims):
    values = torch.rand((1, 2) + (5,) * dims)
    settings = tiny_config().fit.model_copy(update={"tv_weight": 2.0})
    original, scaled = (
        Regularisers(problem_of(values, g), settings)(g * values) for g in (1.0, 1000.0)
    )
    torch.testing.assert_close(original, scaled)
    torch.testing.assert_close(original, 2 * total_variation(values / 0.5))


@pytest.mark.parametrize("dims", [2, 3])
def test_large_tv_weight_flattens_the_result(dims):
    noisy = noisy_waves((24, 24)) if dims == 2 else noisy_waves((8, 16 * 8)).reshape(8, 16, 8)
    fit = tiny_config(30).fit
    flatness = {}
    for weight in (0.0, 100.0):
        settings = fit.model_copy(update={"tv_weight": weight})
        config = DipConfig(fit=settings, dims=dims, device="cpu", precision="float32")
        result = napari_dip.denoise(noisy, config=config)
        flatness[weight] = float(total_variation(torch.from_numpy(result)[None, None]))
    assert flatness[100.0] < 0.5 * flatness[0.0]
