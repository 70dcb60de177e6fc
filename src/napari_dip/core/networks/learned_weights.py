"""Weights that come with the package: fitted in advance to images made by code."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from napari_dip.config import NetworkConfig
from napari_dip.core.networks.build import GAIN, MIDDLE
from napari_dip.core.networks.load_weights import load_weights

if TYPE_CHECKING:
    from torch import Tensor

    from napari_dip.core.networks.build import PriorNetwork

_FOLDER = Path(__file__).parent / "weights"


def find_weights(network: NetworkConfig, channels: int) -> Path | None:
    """Return the file of the weights of a network; None if there are none.

    Parameters
    ----------
    network : NetworkConfig
        Architecture, which must equal that of the weights.
    channels : int
        Number of channels of the image.

    Examples
    --------
    >>> from napari_dip.config import LEARNED_NETWORK, PRESETS
    >>> find_weights(LEARNED_NETWORK, 1).name
    'grey.safetensors'
    >>> find_weights(PRESETS["paper"].network, 1) is None
    True
    """
    return next(
        (file for file, described in _described_files() if described == (network, channels)), None
    )


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
def _described_files() -> list[tuple[Path, tuple[NetworkConfig, int]]]:
    return [(file, _description(file)) for file in sorted(_FOLDER.glob("*.safetensors"))]


def _description(file: Path) -> tuple[NetworkConfig, int]:
    """Return the architecture and the number of channels that a file is for."""
    from safetensors import safe_open

    with safe_open(file, "pt") as opened:
        metadata = opened.metadata()
    return NetworkConfig.model_validate_json(metadata["network"]), int(metadata["channels"])
