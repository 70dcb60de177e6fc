"""Configurations and pictures small enough for a test to take seconds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_dip.config import DipConfig, FitConfig, LatentName, NetworkConfig, StoppingConfig

NETWORK = NetworkConfig(channels=(8, 8), skip_channels=2)


def tiny_config(
    iterations: int = 4, latent: LatentName = "observation", **choices: object
) -> DipConfig:
    """Return a configuration whose network has a few hundred parameters."""
    fit = FitConfig(
        network=NETWORK,
        latent=latent,
        latent_channels=4,
        max_iterations=iterations,
        stopping=StoppingConfig(guard=2),
    )
    return DipConfig.model_validate(
        {"fit": fit, "device": "cpu", "precision": "float32", **choices}
    )


def waves(shape: tuple[int, int] = (64, 64)) -> NDArray[np.float64]:
    """Return a smooth picture between 50 and 150."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    return 100 + 50 * np.sin(y / 8) * np.cos(x / 9)


def noisy_waves(shape: tuple[int, int] = (64, 64), sigma: float = 20.0) -> NDArray[np.float64]:
    """Return `waves` with white Gaussian noise."""
    return waves(shape) + np.random.default_rng(0).normal(0, sigma, shape)
