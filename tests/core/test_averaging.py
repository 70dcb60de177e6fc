from __future__ import annotations

import torch
from torch import nn

from napari_dip.core.averaging import Posterior


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
