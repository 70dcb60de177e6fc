"""Optimisers: Muon for kernels, Adam for all other weights."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import nn

from napari_dip.config import FitConfig, NetworkConfig
from napari_dip.core.networks.build import NETWORKS, build_network
from napari_dip.core.optim.optimisers import (
    Adam,
    Muon,
    Optimisers,
    build_optimiser,
    orthogonalise,
    typical_steps,
)
from tests.tiny import printed_by

OPTIMISERS = ("adam", "muon")
SHAPES = {
    "wide": (4, 3, 3, 3),
    "tall": (24, 2, 3, 3),
    "of 1": (6, 4, 1, 1),
    "one row": (1, 8, 3, 3),
    "volume": (4, 3, 1, 3, 3),
}


def seeded(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("shape", [(8, 72), (72, 8), (8, 8), (1, 9)])
def test_orthogonalise_keeps_singular_vectors_with_values_near_one(shape):
    matrix = seeded(*shape)
    (result,) = orthogonalise([matrix])
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    in_basis = left.T @ result @ right.T
    assert torch.allclose(in_basis, torch.diag(in_basis.diagonal()), atol=1e-3)
    assert 0.4 < in_basis.diagonal().min()
    assert in_basis.diagonal().max() < 1.3
    assert values.max() > 1.3  # the given matrix was not orthogonal


def test_orthogonalise_treats_matrices_independently():
    matrices = [seeded(4, 12), 100 * seeded(9, 4), seeded(4, 4)]
    alone = [orthogonalise([matrix])[0] for matrix in matrices]
    for together, single in zip(orthogonalise(matrices), alone, strict=True):
        assert torch.allclose(together, single, atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_muon_step_does_not_depend_on_the_gradient_scale(shape, scale):
    def step_for(scale):
        kernel = nn.Parameter(torch.zeros(shape))
        kernel.grad = scale * seeded(*shape)
        Muon([kernel], lr=0.1).step()
        return kernel.detach()

    assert step_for(scale).abs().max() > 0
    assert torch.allclose(step_for(scale), step_for(1.0), atol=1e-4)


def test_muon_step_does_not_depend_on_the_memory_format():
    gradient = seeded(4, 3, 3, 3)
    first, last = nn.Parameter(torch.zeros(4, 3, 3, 3)), torch.zeros(4, 3, 3, 3)
    second = nn.Parameter(last.contiguous(memory_format=torch.channels_last))
    for kernel in (first, second):
        kernel.grad = gradient.clone()
        Muon([kernel], lr=0.1).step()
    assert torch.allclose(first, second, atol=1e-6)


def test_kernels_without_or_with_zero_gradient_are_unchanged():
    still, flat = nn.Parameter(seeded(4, 3, 3, 3)), nn.Parameter(seeded(4, 3, 3, 3))
    before = still.detach().clone()
    flat.grad = torch.zeros_like(flat)
    Muon([still, flat], lr=0.1).step()
    assert torch.equal(still, before)
    assert torch.equal(flat, before)


def test_adam_equals_adam_of_torch():
    weight, expected = nn.Parameter(seeded(4, 3)), nn.Parameter(seeded(4, 3))
    still = nn.Parameter(seeded(2))  # has no gradient
    adam = Adam([weight, still], lr=0.03, betas=(0.9, 0.95))
    reference = torch.optim.Adam([expected], lr=0.03, betas=(0.9, 0.95))
    for step in range(5):
        weight.grad = expected.grad = seeded(4, 3) * step
        adam.step()
        reference.step()
    assert torch.allclose(weight, expected, rtol=1e-6)
    assert torch.equal(still, seeded(2))


def test_fit_does_not_import_the_compiler():
    """The compiler would crash the process where software draws the window."""
    code = (
        "import sys; from tests.tiny import noisy_waves, tiny_config; from napari_dip import *;"
        "from napari_dip.api import finish; tiny = tiny_config(2);"
        "finish(restore(Image(noisy_waves((32, 32)), 'YX'), config=tiny));"
        "muon = tiny.fit.model_copy(update={'optimiser': 'muon'});"
        "tiny = tiny.model_copy(update={'fit': muon});"
        "finish(restore(Image(noisy_waves((32, 32)), 'YX'), config=tiny));"
        "print({'torch._dynamo', 'triton'} & {*sys.modules})"
    )
    assert printed_by(code) == "set()"


@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize("name", NETWORKS)
def test_each_weight_has_exactly_one_optimiser(name, optimiser):
    settings = FitConfig(
        network=NetworkConfig(name=name, channels=(4, 4), skip_channels=2), optimiser=optimiser
    )
    network = build_network(settings.network, 3, 1)
    latent, width = torch.zeros(2, requires_grad=True), torch.zeros(1, requires_grad=True)
    parts = build_optimiser(network, settings, [latent], [width]).parts
    moved = [weight for part in parts for weight in part.weights]
    expected = [*network.parameters(), latent, width]
    assert sorted(map(id, moved)) == sorted(map(id, expected))
    assert any(isinstance(part, Muon) for part in parts) == (optimiser == "muon")


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_loaded_state_repeats_the_next_steps(optimiser):
    settings = FitConfig(
        network=NetworkConfig(channels=(4, 4)), optimiser=optimiser, learning_rate=0.01
    )
    torch.manual_seed(0)
    network = build_network(settings.network, 3, 1)
    latent, target = seeded(1, 3, 16, 16), seeded(1, 1, 16, 16)

    def run(network, optimisers, steps):
        for _ in range(steps):
            optimisers.zero_grad()
            loss = nn.functional.mse_loss(network(latent), target)
            loss.backward()
            optimisers.step()
        return float(loss.detach())

    optimisers = build_optimiser(network, settings)
    run(network, optimisers, 3)
    optimisers.rates = [rate / 2 for rate in optimisers.rates]
    copy, state = deepcopy(network), deepcopy(optimisers.state())
    expected = run(network, optimisers, 4)
    again = build_optimiser(copy, settings)
    again.load_state(state)
    assert again.rates == optimisers.rates
    assert run(copy, again, 4) == pytest.approx(expected, rel=1e-4)


def test_muon_learns_directions_with_small_gradients():
    """The loss is a thousand times steeper along one direction than along all others."""
    scales = torch.tensor([1.0, 0.03, 0.03, 0.03])
    target = seeded(4, 4)

    def remaining_error(make):
        kernel = nn.Parameter(torch.zeros(4, 4, 1, 1))
        optimiser = make([kernel])
        for _ in range(60):
            optimiser.zero_grad()
            ((kernel[:, :, 0, 0] - target).T * scales).square().sum().backward()
            optimiser.step()
        return float((kernel.detach()[:, :, 0, 0] - target).square().mean())

    assert remaining_error(lambda weights: Optimisers(Muon(weights, lr=0.1))) < 0.1
    assert remaining_error(lambda weights: torch.optim.SGD(weights, lr=0.1, momentum=0.9)) > 0.1


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_typical_step_matches_the_change_of_a_weight(optimiser):
    settings = FitConfig(optimiser=optimiser, learning_rate=0.1)
    network = nn.Sequential(nn.Conv2d(8, 16, 3), nn.Conv2d(16, 64, 1), nn.BatchNorm2d(64))
    before = {weight: weight.detach().clone() for weight in network.parameters()}
    for index, weight in enumerate(network.parameters()):
        weight.grad = torch.randn(weight.shape, generator=torch.Generator().manual_seed(index))
    build_optimiser(network, settings).step()
    steps = dict(typical_steps(network, settings))
    assert [weight.ndim for weight in steps] == [4, 4]
    for weight, step in steps.items():
        moved = (weight.detach() - before[weight]).square().mean().sqrt()
        assert step / 1.5 < float(moved) < 1.5 * step
