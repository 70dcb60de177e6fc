"""Packed weights: eight bits for each number, with one scale for each output channel."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

_SCALE = ".scale"
_LARGEST = 127


def pack(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return weights as integers of eight bits and a scale for each output channel.

    Parameters
    ----------
    weights : mapping of str to Tensor
        Weights, whose first axis is the output channel. Vectors keep 16 bits.

    Examples
    --------
    >>> kernel = torch.randn(4, 3, 3, 3)
    >>> packed = pack({"kernel": kernel})
    >>> packed["kernel"].dtype
    torch.int8
    >>> bool((unpack(packed)["kernel"] - kernel).abs().max() < kernel.abs().max() / 127)
    True
    """
    packed = {}
    for name, values in weights.items():
        if values.ndim < 2:
            packed[name] = values.half().cpu().contiguous()
            continue
        largest = values.float().abs().amax(tuple(range(1, values.ndim)), keepdim=True)
        scale = (largest / _LARGEST).clamp(min=torch.finfo(torch.float16).tiny).half()
        steps = (values / scale.float()).round().clamp(-_LARGEST, _LARGEST)
        packed[name] = steps.to(torch.int8).cpu().contiguous()
        packed[name + _SCALE] = scale.cpu()
    return packed


def unpack(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return weights that `pack` has made as float32; others stay as they are."""
    return {
        name: values.float() * weights[name + _SCALE].float()
        if name + _SCALE in weights
        else values
        for name, values in weights.items()
        if not name.endswith(_SCALE)
    }
