"""The network that is trained, and the file of its weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import save_file
from torch import nn

from napari_dip.core.latents.recorrupted import input_channels
from napari_dip.core.networks.build import PriorNetwork, build_network
from napari_dip.io.atomic import atomic_write

if TYPE_CHECKING:
    from napari_dip.config import NetworkConfig

# The untrained network hardly changes an image.
_FIRST_SCALE = 0.5


def new_network(config: NetworkConfig, channels: int, seed: int) -> PriorNetwork:
    """Return an untrained denoising network.

    Parameters
    ----------
    config : NetworkConfig
        Architecture of the network.
    channels : int
        C, the number of channels of the images. The latent holds C channels and the mask of the
        hidden pixels, each n x n times for a pixel shuffle of n, and the noise level.
    seed : int
        Seed of the weights.
    """
    torch.manual_seed(seed)
    network = build_network(config, input_channels(channels, config.pixel_shuffle), channels)
    network.head.weight.data.mul_(_FIRST_SCALE)
    # Without a bias, the change of the image scales with what the network sees.
    nn.init.zeros_(network.head.bias)
    network.head.bias.requires_grad_(False)
    return network


def write_weights(
    file: Path,
    network: PriorNetwork,
    config: NetworkConfig,
    *,
    channels: int,
    steps: int,
    seed: int,
) -> None:
    """Write weights in half precision, and the network that they belong to.

    Parameters
    ----------
    file : Path
        File of safetensors.
    network : PriorNetwork
        Network with the weights.
    config : NetworkConfig
        Architecture of the network.
    channels : int
        Number of channels of the images.
    steps, seed : int
        Number of steps of the training, and its seed.
    """
    weights = {
        name: values.half().cpu().contiguous() for name, values in network.state_dict().items()
    }
    described = {
        "network": config.model_dump_json(),
        "channels": str(channels),
        "steps": str(steps),
        "seed": str(seed),
        "license": "BSD-3-Clause",
    }
    with atomic_write(file) as unfinished:
        save_file(weights, unfinished, described)
