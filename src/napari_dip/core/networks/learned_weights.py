"""Weights that come with the package: fitted in advance to images made by code."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch

from napari_dip.config import NetworkConfig
from napari_dip.core.networks.build import GAIN, MIDDLE
from napari_dip.core.networks.load_weights import load_weights

if TYPE_CHECKING:
    from torch import Tensor

    from napari_dip.core.networks.build import PriorNetwork

_FOLDER = Path(__file__).parent / "weights"


class _Purpose(NamedTuple):
    """What weights are for: architecture, channels and neighbours, and fine or coarse noise."""

    network: NetworkConfig
    channels: int
    neighbours: int
    noise: str


def find_weights(
    network: NetworkConfig, channels: int, neighbours: int = 0, *, coarse_noise: bool = False
) -> Path | None:
    """Return the file of the weights of a network; None if there are none.

    Parameters
    ----------
    network : NetworkConfig
        Architecture, which must equal that of the weights.
    channels : int
        Number of channels of the image.
    neighbours : int
        Number of neighbouring planes that the network sees. Default 0.
    coarse_noise : bool
        Whether the noise of neighbouring pixels is correlated. Weights for neighbours are for
        fine and coarse noise. Default False.

    Examples
    --------
    >>> from napari_dip.config import LEARNED_NETWORK, PRESETS
    >>> find_weights(LEARNED_NETWORK, 1).name
    'grey.safetensors'
    >>> find_weights(PRESETS["paper"].network, 1) is None
    True
    """
    noise = "any" if neighbours else "coarse" if coarse_noise else "fine"
    wanted = _Purpose(network, channels, neighbours, noise)
    return next((file for file, purpose in _described_files() if purpose == wanted), None)


@torch.no_grad()
def load_learned_weights(network: PriorNetwork, file: Path, deviation: Tensor) -> str:
    """Load weights that come with the package, and return the SHA-256 of their file.

    Parameters
    ----------
    network : PriorNetwork
        Network that receives the weights.
    file : Path
        File of the weights, from `find_weights`.
    deviation : () Tensor
        Standard deviation by which the input is standardised. The weights yield a change of the
        standardised image; the head is rescaled to the change of the image.
    """
    digest = load_weights(network, str(file))
    scale = deviation / GAIN
    network.head.weight *= scale
    network.head.bias.mul_(scale).sub_(MIDDLE / GAIN)
    return digest


@cache
def _described_files() -> list[tuple[Path, _Purpose]]:
    return [(file, _purpose(file)) for file in sorted(_FOLDER.glob("*.safetensors"))]


def _purpose(file: Path) -> _Purpose:
    from safetensors import safe_open

    with safe_open(file, "pt") as opened:
        metadata = opened.metadata()
    network = NetworkConfig.model_validate_json(metadata["network"])
    channels, neighbours = int(metadata["channels"]), int(metadata["neighbours"])
    return _Purpose(network, channels, neighbours, metadata["noise"])
