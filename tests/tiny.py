"""Small configurations and images, with which a test takes seconds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from napari_dip.config import DipConfig, FitConfig, LatentName, NetworkConfig, StoppingConfig
from napari_dip.core.image.image import Image
from napari_dip.core.operators.pretrained import Pretrained

NETWORK = NetworkConfig(channels=(8, 8), skip_channels=2)
SIZES = {"T": 2, "Z": 3, "C": 2, "Y": 12, "X": 10, "S": 3}


def tiny_config(
    iterations: int = 4, latent: LatentName = "observation", **choices: object
) -> DipConfig:
    """Return a configuration with a network of a few hundred parameters and no warm start."""
    fit = FitConfig(
        network=NETWORK,
        latent=latent,
        latent_channels=4,
        max_iterations=iterations,
        stopping=StoppingConfig(guard=2),
    )
    return DipConfig.model_validate(
        {"fit": fit, "device": "cpu", "precision": "float32", "warm_start": "off", **choices}
    )


def latent_of(task: str) -> LatentName:
    """Return a latent that the task supports; features are no image to use as latent."""
    return "noise" if task == "invert-features" else "observation"


def tiny_features() -> Pretrained:
    """Return a network with a few hundred random weights, equal at every call."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = nn.Sequential(
            nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 4, 3, stride=2, padding=1)
        )
    return Pretrained(network, "2", (0.5,) * 3, (0.25,) * 3)


def waves(shape: tuple[int, int] = (64, 64)) -> NDArray[np.float64]:
    """Return a smooth image (Y, X) with values from 50 to 150."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    return 100 + 50 * np.sin(y / 8) * np.cos(x / 9)


def noisy_waves(shape: tuple[int, int] = (64, 64), sigma: float = 20.0) -> NDArray[np.float64]:
    """Return `waves` with white Gaussian noise of standard deviation `sigma`."""
    return waves(shape) + np.random.default_rng(0).normal(0, sigma, shape)


def small_image(axes: str = "YX", dtype: str = "float32", **spacing: float) -> Image:
    """Return random values from 0 to 200, with a voxel size in micrometres or seconds."""
    shape = tuple(SIZES[axis] for axis in axes)
    values = np.random.default_rng(0).uniform(0, 200, shape).astype(dtype)
    units = {axis: "second" if axis == "T" else "micrometer" for axis in spacing}
    return Image(values, axes, spacing, units)


def printed_by(code: str) -> str:
    """Return the output of code that runs in a new Python process."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
    )
    return done.stdout.strip()


def spied_sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list to which each access to a Zarr array adds its number of pixels."""
    import zarr

    sizes: list[int] = []
    for name in ("__getitem__", "__setitem__"):
        original = getattr(zarr.Array, name)

        def spy(array, part, *values, original=original):
            parts = zip(array.shape, part, strict=True)
            lengths = [len(range(n)[at]) for n, at in parts if isinstance(at, slice)]
            sizes.append(int(np.prod(lengths)))
            return original(array, part, *values)

        monkeypatch.setattr(zarr.Array, name, spy)
    monkeypatch.setattr(zarr.Array, "__array__", None)
    return sizes
