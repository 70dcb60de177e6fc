"""Learned start: which fits may start from the weights that come with the package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_dip.core.latents.masked_pixels import ObservationLatent
from napari_dip.core.networks.learned_weights import find_weights, load_learned_weights
from napari_dip.core.operators.base import Identity

if TYPE_CHECKING:
    from napari_dip.config import CompleteConfig
    from napari_dip.core.latents.base import Latent
    from napari_dip.core.networks.build import PriorNetwork
    from napari_dip.core.problem import Problem


def load_learned_start(
    problem: Problem, config: CompleteConfig, network: PriorNetwork, latent: Latent
) -> str | None:
    """Load the weights that come with the package, if they suit the fit.

    They suit the denoising of a plane by a network of the same architecture, with the same
    filling of hidden pixels. Weights of the user, and posterior samples, need the random start.

    Parameters
    ----------
    problem : Problem
        Problem of the block.
    config : CompleteConfig
        Configuration of the fit.
    network : PriorNetwork
        Network, which keeps its weights if none suit.
    latent : Latent
        Latent, by which the observation is standardised.

    Returns
    -------
    str or None
        SHA-256 of the file of the weights; None if none suit.
    """
    if not isinstance(latent, ObservationLatent) or not _suits(problem, config):
        return None
    file = find_weights(config.fit.network, problem.channels)
    if file is None:
        return None
    return load_learned_weights(network, file, latent.mean, latent.deviation)


def _suits(problem: Problem, config: CompleteConfig) -> bool:
    return (
        config.start == "learned"
        and config.posterior_samples is None
        and config.fit.network_weights is None
        and config.fit.filling == "neighbours"
        and problem.depth is None
        and problem.guide is None
        and isinstance(problem.operator, Identity)
    )
