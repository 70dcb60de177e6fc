from __future__ import annotations

import numpy as np
import pytest
import torch

import napari_dip
from napari_dip import DipConfig
from napari_dip.core.noise.model import NoiseModel
from napari_dip.core.operators.base import Identity
from napari_dip.core.operators.downsample import Downsample
from napari_dip.core.optim.regularisers import (
    FeatureDistance,
    Regularisers,
    plain_picture,
    total_variation,
)
from napari_dip.core.problem import make_problem
from napari_dip.errors import InputError
from tests.tiny import noisy_waves, tiny_config, tiny_features


def ramp(dims, slopes):
    """Return (1, 1, [Z,] Y, X) that rises by a slope along each axis."""
    grids = torch.meshgrid(*[torch.arange(6.0)] * dims, indexing="ij")
    return sum(slope * grid for slope, grid in zip(slopes, grids, strict=True))[None, None]


def problem_of(values, gain=1.0, anisotropy=1.0, operator=None):
    noise = NoiseModel(0.0, 0.25 * gain**2, 1e-8)
    observation = (gain * values[0]).numpy()
    device, bounds = torch.device("cpu"), (0.0, 1.0)
    return make_problem(
        observation, np.ones(observation.shape, bool), [noise] * len(observation), bounds, device,
        anisotropy=anisotropy, operator=operator,
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
    once, scaled = (
        Regularisers(problem_of(values, g), settings)(g * values) for g in (1.0, 1000.0)
    )
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


def with_features(iterations=2, **changes):
    fit = tiny_config(iterations).fit
    settings = fit.model_copy(update={"features": "tiny:0", **changes})
    return DipConfig(fit=settings, device="cpu", precision="float32")


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dims", [2, 3])
def test_the_distance_of_features_is_0_at_the_picture_and_relative_to_it(dims, channels):
    picture = torch.rand((1, channels) + (7,) * dims, dtype=torch.float64)
    distance = FeatureDistance(tiny_features(), picture)
    assert float(distance(picture)) == 0
    other = torch.rand_like(picture).requires_grad_()
    assert torch.autograd.gradcheck(distance, other, fast_mode=True)
    features = distance._phi(other), distance._phi(picture)
    expected = (features[0] - features[1]).square().sum() / features[1].square().sum()
    torch.testing.assert_close(distance(other), expected)


@pytest.mark.parametrize(
    ("dims", "operator"), [(2, Identity()), (3, Identity()), (2, Downsample((2, 3)))]
)
def test_the_plain_picture_has_less_noise_and_the_shape_of_the_estimate(dims, operator):
    truth = torch.linspace(0, 1, 12).expand((1, 1, *(12,) * dims))
    noisy = truth + 0.5 * torch.randn(truth.shape, generator=torch.Generator().manual_seed(0))
    plain = plain_picture(problem_of(noisy, operator=operator))
    assert tuple(plain.shape[2:]) == operator.estimate_shape((12,) * dims)
    if isinstance(operator, Identity):
        assert float((plain - truth).std()) < 0.5 * float((noisy - truth).std())


@pytest.mark.parametrize("shape", [(24, 20), (2, 24, 20)])
def test_a_weight_of_features_draws_the_result_to_the_plain_picture(shape):
    noisy, distances = noisy_waves(shape[-2:]) + np.zeros(shape), {}
    for weight in (0.0, 100.0):
        result = napari_dip.denoise(noisy, config=with_features(30, feature_weight=weight))
        assert result.shape == shape
        distances[weight] = np.abs(np.diff(result)).mean()
    assert distances[100.0] < distances[0.0]


def test_features_of_what_is_no_picture_are_refused():
    config = with_features(feature_weight=1.0, latent="noise")
    with pytest.raises(InputError, match="feature_weight"):
        napari_dip.invert_features(noisy_waves((24, 20)), "tiny", config=config)
    config = with_features(feature_weight=1.0, features="nobody")
    with pytest.raises(InputError, match="'nobody'"):
        napari_dip.denoise(noisy_waves((24, 20)), config=config)
