from __future__ import annotations

from types import SimpleNamespace

import torch
from torch import nn

from napari_dip.config import FitConfig
from napari_dip.core.fitting.trainer import Trainer


def test_noise_moves_convolutions_only_by_its_scale_in_typical_steps():
    network = nn.Sequential(nn.Conv2d(8, 64, 3), nn.BatchNorm2d(64))
    before = [weight.detach().clone() for weight in network.parameters()]
    unused = SimpleNamespace()
    trainer = Trainer(
        problem=unused,
        settings=FitConfig(learning_rate=0.1),
        runtime=unused,
        network=network,
        latent=unused,
        regularisers=unused,
        optimiser=unused,
        random=torch.Generator().manual_seed(0),
    )
    trainer.add_noise(5.0)
    moved = [
        float((now.detach() - then).std())
        for now, then in zip(network.parameters(), before, strict=True)
    ]
    assert abs(moved[0] - 0.5) < 0.05
    assert moved[1:] == [0.0, 0.0, 0.0]
