"""Weights that a network starts from in place of random ones: a safetensors file, tensors alone."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from napari_dip.errors import InputError

if TYPE_CHECKING:
    from torch import nn


def load_weights(network: nn.Module, file: str) -> str:
    """Put a state dict into a network.

    Parameters
    ----------
    network : torch.nn.Module
        Gets all of its weights from the file.
    file : str
        Safetensors; keys and shapes are those of `network.state_dict()`.

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
        weights = load(data)
    except (OSError, SafetensorError) as error:
        raise InputError(
            f"Got network weights {file}, which cannot be read ({error}); expected a safetensors "
            "file of a state dict."
        ) from error
    expected = network.state_dict()
    given_shapes = {key: tuple(tensor.shape) for key, tensor in weights.items()}
    for key, tensor in expected.items():
        if given_shapes.get(key) != tuple(tensor.shape):
            found = f"of shape {given_shapes[key]}" if key in weights else "not"
            raise InputError(
                f"Got network weights {file} with {key} {found} in it; expected it to be of shape "
                f"{tuple(tensor.shape)}. Are network, latent and channels those it was made for?"
            )
    unknown = sorted(weights.keys() - expected.keys())
    if unknown:
        raise InputError(
            f"Got network weights {file} with {unknown[0]} in it; expected only what the network "
            f"has, {len(expected)} tensors. Are network and latent those it was made for?"
        )
    network.load_state_dict(weights)
    return hashlib.sha256(data).hexdigest()
