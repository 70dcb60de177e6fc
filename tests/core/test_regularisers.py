from __future__ import annotations

import numpy as np
import pytest
import torch

import napari_dip
from napari_dip import DipConfig
from napari_dip.core.noise import NoiseModel
from napari_dip.core.problem import make_problem
from napari_dip.core.regularisers import penalty, total_variation
from tests.tiny import noisy_waves, tiny_config


def ramp(dims, slopes):
    """Return (1, 1, [Z,] Y, X) that rises by a slope along each axis."""
    grids = torch.meshgrid(*[torch.arange(6.0)] * dims, indexing="ij")
    return sum(slope * grid for slope, grid in zip(slopes, grids, strict=True))[None, None]


def problem_of(values, gain=1.0, anisotropy=1.0):
    noise = NoiseModel(0.0, 0.25 * gain**2, 1e-8)
    observation = (gain * values[0]).numpy()
    device, bounds = torch.device("cpu"), (0.0, 1.0)
    return make_problem(
        observation, np.ones(observation.shape, bool), [noise] * len(observation), bounds, device,
        anisotropy=anisotropy,
    )  # fmt: skip


@pytest.mark.parametrize(("dims", "slopes"), [(2, (3.0, 4.0)), (3, (2.0, 3.0, 6.0))])
def test_it_is_the_length_of_the_gradient(dims, slopes):
    inside = ramp(dims, slopes)
    # The outermost pixels have no neighbour beyond.
    whole = total_variation(inside) * 6**dims
    lengths = torch.zeros((6,) * dims)
    for axis, slope in enumerate(slopes):
        lengths.narrow(axis, 0, 5).add_(slope**2)
    torch.testing.assert_close(whole, lengths.sqrt().sum())


@pytest.mark.parametrize("dims", [2, 3])
def test_its_gradient_is_finite_where_the_estimate_is_flat(dims):
    flat = torch.ones((1, 2) + (4,) * dims, requires_grad=True)
    total_variation(flat).backward()
    assert flat.grad is not None
    assert torch.equal(flat.grad, torch.zeros_like(flat))


def test_equal_channels_count_as_one():
    one = torch.rand(1, 1, 5, 7)
    torch.testing.assert_close(total_variation(one.expand(1, 3, 5, 7)), total_variation(one))


def test_distant_planes_may_differ_more():
    along_z = ramp(3, (1.0, 0.0, 0.0))
    torch.testing.assert_close(total_variation(along_z, 4.0), total_variation(along_z) / 4)


@pytest.mark.parametrize("dims", [2, 3])
def test_the_penalty_does_not_depend_on_the_intensity_scale(dims):
    values = torch.rand((1, 2) + (5,) * dims)
    settings = tiny_config().fit.model_copy(update={"tv_weight": 2.0})
    once, scaled = (penalty(problem_of(values, g), g * values, settings) for g in (1.0, 1000.0))
    torch.testing.assert_close(once, scaled)
    torch.testing.assert_close(once, 2 * total_variation(values / 0.5))


@pytest.mark.parametrize("dims", [2, 3])
def test_a_heavy_weight_flattens_the_result(dims):
    noisy = noisy_waves((24, 24)) if dims == 2 else noisy_waves((8, 16 * 8)).reshape(8, 16, 8)
    fit = tiny_config(30).fit
    flatness = {}
    for weight in (0.0, 100.0):
        settings = fit.model_copy(update={"tv_weight": weight})
        config = DipConfig(fit=settings, dims=dims, device="cpu", precision="float32")
        result = napari_dip.denoise(noisy, config=config)
        flatness[weight] = float(total_variation(torch.from_numpy(result)[None, None]))
    assert flatness[100.0] < 0.5 * flatness[0.0]
