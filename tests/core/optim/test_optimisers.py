"""Optimisers: kernels are moved in all directions alike, and everything else by Adam."""

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
def test_singular_values_become_about_one_and_vectors_stay(shape):
    matrix = seeded(*shape)
    (result,) = orthogonalise([matrix])
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    among_them = left.T @ result @ right.T
    assert torch.allclose(among_them, torch.diag(among_them.diagonal()), atol=1e-3)
    assert 0.4 < among_them.diagonal().min()
    assert among_them.diagonal().max() < 1.3
    assert values.max() > 1.3  # it was another matrix before


def test_matrices_are_made_orthogonal_together_as_one_by_one():
    matrices = [seeded(4, 12), 100 * seeded(9, 4), seeded(4, 4)]
    alone = [orthogonalise([matrix])[0] for matrix in matrices]
    for one, other in zip(orthogonalise(matrices), alone, strict=True):
        assert torch.allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_a_step_is_as_long_for_small_gradients_as_for_large(shape, scale):
    def moved(scale):
        kernel = nn.Parameter(torch.zeros(shape))
        kernel.grad = scale * seeded(*shape)
        Muon([kernel], lr=0.1).step()
        return kernel.detach()

    assert moved(scale).abs().max() > 0
    assert torch.allclose(moved(scale), moved(1.0), atol=1e-4)


def test_memory_formats_make_no_difference():
    gradient = seeded(4, 3, 3, 3)
    first, last = nn.Parameter(torch.zeros(4, 3, 3, 3)), torch.zeros(4, 3, 3, 3)
    second = nn.Parameter(last.contiguous(memory_format=torch.channels_last))
    for kernel in (first, second):
        kernel.grad = gradient.clone()
        Muon([kernel], lr=0.1).step()
    assert torch.allclose(first, second, atol=1e-6)


def test_a_kernel_without_a_gradient_stays_and_one_of_zeros_stays_finite():
    still, flat = nn.Parameter(seeded(4, 3, 3, 3)), nn.Parameter(seeded(4, 3, 3, 3))
    before = still.detach().clone()
    flat.grad = torch.zeros_like(flat)
    Muon([still, flat], lr=0.1).step()
    assert torch.equal(still, before)
    assert torch.equal(flat, before)


def test_adam_moves_weights_as_that_of_torch_does():
    ours, theirs = nn.Parameter(seeded(4, 3)), nn.Parameter(seeded(4, 3))
    still = nn.Parameter(seeded(2))  # has no gradient
    mine = Adam([ours, still], lr=0.03, betas=(0.9, 0.95))
    reference = torch.optim.Adam([theirs], lr=0.03, betas=(0.9, 0.95))
    for step in range(5):
        ours.grad = theirs.grad = seeded(4, 3) * step
        mine.step()
        reference.step()
    assert torch.allclose(ours, theirs, rtol=1e-6)
    assert torch.equal(still, seeded(2))


def test_a_fit_does_not_import_a_compiler():
    """Beside a window that is drawn by software it would end the process."""
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
def test_each_weight_is_moved_by_exactly_one_optimiser(name, optimiser):
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
def test_what_is_taken_over_goes_on_as_if_nothing_had_happened(optimiser):
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
    whole = run(network, optimisers, 4)
    again = build_optimiser(copy, settings)
    again.load_state(state)
    assert again.rates == optimisers.rates
    assert run(copy, again, 4) == pytest.approx(whole, rel=1e-4)


def test_directions_that_gradients_hardly_have_are_learnt_too():
    """The loss is a thousand times steeper along one direction than along the others."""
    scales = torch.tensor([1.0, 0.03, 0.03, 0.03])
    target = seeded(4, 4)

    def left(make):
        kernel = nn.Parameter(torch.zeros(4, 4, 1, 1))
        optimiser = make([kernel])
        for _ in range(60):
            optimiser.zero_grad()
            ((kernel[:, :, 0, 0] - target).T * scales).square().sum().backward()
            optimiser.step()
        return float((kernel.detach()[:, :, 0, 0] - target).square().mean())

    assert left(lambda weights: Optimisers(Muon(weights, lr=0.1))) < 0.1
    assert left(lambda weights: torch.optim.SGD(weights, lr=0.1, momentum=0.9)) > 0.1


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_a_typical_step_is_what_a_weight_is_moved_by(optimiser):
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
