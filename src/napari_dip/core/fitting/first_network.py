"""First network: the network of a fit, with random weights or those of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from napari_dip.core.latents.build import latent_channels
from napari_dip.core.networks.build import PriorNetwork, build_network
from napari_dip.core.networks.load_weights import load_weights

if TYPE_CHECKING:
    from napari_dip.config import FitConfig
    from napari_dip.core.problem import Problem


def build_first_network(
    problem: Problem, settings: FitConfig, seed: int
) -> tuple[PriorNetwork, str | None]:
    """Return the network, and the checksum of the file of its weights, if there is one.

    It is made on the CPU, where a seed gives the same random weights on any machine.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build_network(
            settings.network,
            latent_channels(settings, problem),
            problem.channels,
            problem.bounds,
            depth=problem.depth,
            anisotropy=problem.anisotropy,
        )
    file = settings.network_weights
    return network, None if file is None else load_weights(network, file)
