from __future__ import annotations

import pytest
import torch
from torch import nn

from napari_dip.core.averaging import MovingAverage, Posterior


@pytest.mark.parametrize(("iterations", "behind"), [(80, 9), (2000, 99)])
def test_the_average_is_behind_by_an_eighth_and_then_by_its_memory(iterations, behind):
    average = MovingAverage(0.99)
    for iteration in range(iterations):
        average.update(torch.tensor([float(iteration)]))
    assert iterations - 1 - float(average.value) == pytest.approx(behind, abs=1.5)


def test_a_shake_moves_convolutions_alone_and_by_its_noise():
    network = nn.Sequential(nn.Conv2d(8, 64, 3), nn.BatchNorm2d(64))
    before = [weight.detach().clone() for weight in network.parameters()]
    Posterior(2, 0.5).shake(network, torch.Generator().manual_seed(0))
    moved = [
        float((now.detach() - then).std())
        for now, then in zip(network.parameters(), before, strict=True)
    ]
    assert abs(moved[0] - 0.5) < 0.05
    assert moved[1:] == [0.0, 0.0, 0.0]
