"""The network that is trained, and the file of its weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from napari_dip.core.latents.level_input import input_channels
from napari_dip.core.networks.build import PriorNetwork, build_network
from napari_dip.core.networks.packed_weights import pack, unpack
from napari_dip.io.atomic import atomic_write

if TYPE_CHECKING:
    from napari_dip.config import NetworkConfig

NoiseKind = Literal["fine", "coarse", "any"]
# The untrained network hardly changes an image.
_FIRST_SCALE = 0.5


def new_network(
    config: NetworkConfig, channels: int, seed: int, neighbours: int = 0
) -> PriorNetwork:
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
    neighbours : int
        Number of neighbouring planes, which the latent holds, too. Default 0.
    """
    torch.manual_seed(seed)
    shown = input_channels(channels + neighbours, config.pixel_shuffle)
    network = build_network(config, shown, channels)
    network.head.weight.data.mul_(_FIRST_SCALE)
    # Without a bias, the change of the image scales with what the network sees.
    nn.init.zeros_(network.head.bias)
    network.head.bias.requires_grad_(False)
    return network


@torch.no_grad()
def start_from(network: PriorNetwork, file: Path) -> None:
    """Load the weights of a network without neighbours, which are ignored at first.

    Parameters
    ----------
    network : PriorNetwork
        Network of the same architecture, whose latent holds neighbours as well.
    file : Path
        File from `write_weights`.
    """
    weights = unpack(load_file(file))
    first, known = network.get_parameter("body.first.weight"), weights.pop("body.first.weight")
    missing, _ = network.load_state_dict(weights, strict=False)
    if missing != ["body.first.weight"]:
        raise ValueError(f"Got weights without {missing}; expected those of the same network.")
    images = network.head.out_features
    behind = known.shape[1] - images  # mask and noise level come last
    first.zero_()
    first[:, :images] = known[:, :images]
    first[:, -behind:] = known[:, images:]


def write_weights(
    file: Path,
    network: PriorNetwork,
    config: NetworkConfig,
    *,
    channels: int,
    neighbours: int,
    noise: NoiseKind,
    steps: int,
    seed: int,
) -> None:
    """Write packed weights, and the network that they belong to.

    Parameters
    ----------
    file : Path
        File of safetensors.
    network : PriorNetwork
        Network with the weights.
    config : NetworkConfig
        Architecture of the network.
    channels, neighbours : int
        Number of channels of the images, and of neighbouring planes.
    noise : {"fine", "coarse", "any"}
        Noise that the weights are for: of independent pixels, correlated, or both.
    steps, seed : int
        Number of steps of the training, and its seed.
    """
    described = {
        "network": config.model_dump_json(),
        "channels": str(channels),
        "neighbours": str(neighbours),
        "noise": noise,
        "steps": str(steps),
        "seed": str(seed),
        "license": "BSD-3-Clause",
    }
    with atomic_write(file) as unfinished:
        save_file(pack(network.state_dict()), unfinished, described)
