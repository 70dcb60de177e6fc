"""Initial weights of a network from a safetensors file, which holds tensors only."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from napari_dip.core.networks.packed_weights import unpack
from napari_dip.errors import InputError

if TYPE_CHECKING:
    from torch import nn


def load_weights(network: nn.Module, file: str) -> str:
    """Load the weights of a network from a file.

    Parameters
    ----------
    network : torch.nn.Module
        Network that receives all its weights from the file.
    file : str
        Path of a safetensors file with the keys and shapes of `network.state_dict()`; weights
        may be packed (`packed_weights.pack`).

    Returns
    -------
    str
        SHA-256 of the file, for the report.

    Raises
    ------
    InputError
        The file cannot be read, or its weights belong to another network.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        data = Path(file).read_bytes()
        weights = unpack(load(data))
    except (OSError, SafetensorError) as error:
        raise InputError(
            f"Got network weights {file}, which cannot be read ({error}); expected a safetensors "
            "file with a state dict."
        ) from error
    expected = network.state_dict()
    given_shapes = {key: tuple(tensor.shape) for key, tensor in weights.items()}
    for key, tensor in expected.items():
        if given_shapes.get(key) != tuple(tensor.shape):
            found = (
                f"with {key} of shape {given_shapes[key]}" if key in weights else f"without {key}"
            )
            raise InputError(
                f"Got network weights {file} {found}; expected the shape {tuple(tensor.shape)}. "
                "Choose the network, latent and channels that the file was made with."
            )
    unknown = sorted(weights.keys() - expected.keys())
    if unknown:
        raise InputError(
            f"Got network weights {file} with the unknown tensor {unknown[0]}; expected only the "
            f"{len(expected)} tensors of the network. Choose the network and latent that the file "
            "was made with."
        )
    network.load_state_dict(weights)
    return hashlib.sha256(data).hexdigest()
