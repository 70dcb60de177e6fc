"""SliceNetwork: what interpolation misses between the rows of a slice, from its coarse rows."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class SliceNetwork(nn.Module):
    """Small residual network that works on the coarse rows and returns the fine ones.

    The output is zero at first, so that a slice starts as its interpolation.

    Parameters
    ----------
    factor : int
        Number of fine rows for each coarse row.
    width : int
        Number of channels of each layer.
    layers : int
        Number of residual layers.

    References
    ----------
    W. Shi et al., "Real-time single image and video super-resolution using an efficient
    sub-pixel convolutional neural network", CVPR 2016.

    Examples
    --------
    >>> SliceNetwork(4, width=8, layers=2)(torch.zeros(1, 5, 16)).shape
    torch.Size([1, 20, 16])
    """

    def __init__(self, factor: int, width: int, layers: int) -> None:
        super().__init__()
        self._factor = factor
        self.first = _convolution(1, width)
        self.layers = nn.ModuleList(_convolution(width, width) for _ in range(layers))
        self.last = _convolution(width, factor)
        nn.init.zeros_(self.last.weight)
        if self.last.bias is not None:
            nn.init.zeros_(self.last.bias)

    def forward(self, coarse: Tensor) -> Tensor:
        """Map coarse rows (N, H, X) to a correction (N, factor * H, X)."""
        features = functional.relu(self.first(coarse[:, None]))  # (N, width, H, X)
        for layer in self.layers:
            features = features + functional.relu(layer(features))
        phases = self.last(features).movedim(1, 2)  # (N, H, factor, X)
        return torch.flatten(phases, 1, 2)


def _convolution(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode="replicate")
