from __future__ import annotations

import numpy as np
import torch
from torch import nn

from napari_dip.core.averaging import Moments, Posterior


def test_mean_and_variance_are_those_of_the_samples():
    samples = 1000 + torch.randn(7, 1, 2, 3, generator=torch.Generator().manual_seed(0))
    moments = Moments()
    for sample in samples:
        moments.update(sample)
    assert moments.count == 7
    np.testing.assert_allclose(moments.mean, samples.mean(dim=0), rtol=1e-6)
    np.testing.assert_allclose(moments.variance, samples.var(dim=0), rtol=1e-3)


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
