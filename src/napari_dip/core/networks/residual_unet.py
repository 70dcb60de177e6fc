"""Residual U-Net: a denoiser without batch norm, whose output scales with its input."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn import functional

from napari_dip.core.networks.layers import Scale, plain_convolution, stride_of, upsample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_dip.config import NetworkConfig

# Factor of the last kernel of a block at first, so that the block hardly changes its input.
_FIRST_GAIN = 0.02


class ResidualUNet(nn.Module):
    """Encoder and decoder of residual blocks, joined by sums.

    Without bias and batch norm, the output for a times the input is a times the output, so a
    network that knows a noise level can denoise at any contrast; and a pixel depends only on
    its surroundings, so an image may be cut into tiles.

    Parameters
    ----------
    in_channels : int
        Channels of the latent.
    config : NetworkConfig
        Architecture: `channels` (width of each scale, finest first) and `blocks` (residual blocks
        of each scale; the decoder has as many as the encoder).
    scales : sequence of Scale
        Scales, one per width; the last one is not halved.

    References
    ----------
    K. Zhang et al., "Plug-and-play image restoration with deep denoiser prior" (DRUNet), IEEE
    TPAMI 44 (2022); S. Mohan et al., "Robust and interpretable blind image denoising via
    bias-free convolutional neural networks", ICLR 2020.
    """

    def __init__(self, in_channels: int, config: NetworkConfig, scales: Sequence[Scale]) -> None:
        super().__init__()
        widths, counts = config.channels, config.of_each_scale(config.blocks)
        self._halvings = scales[:-1]
        self.stride = stride_of(self._halvings) or (1,) * scales[0].dims
        self._upsampling = config.upsampling

        def blocks(width: int, scale: Scale, count: int) -> nn.Sequential:
            return nn.Sequential(*(_Block(width, scale, config) for _ in range(count)))

        def layer(width: int, wider: int, size: int, scale: Scale, *, halve: bool) -> nn.Module:
            return plain_convolution(
                width, wider, size, scale, halve=halve, bias=config.bias, padding=config.padding
            )

        # Convolutions of 3 pixels in encoder and decoder. Pixels beyond half of the distance that
        # they span have hardly any influence.
        span = sum(2 * (2 * count + 1) * 2**at for at, count in enumerate(counts))
        coarsest = self.stride[-1]
        self.reach = -(-span // (2 * coarsest)) * coarsest

        steps = list(zip(pairwise(widths), self._halvings, strict=True))
        each = list(zip(widths, scales, counts, strict=True))
        self.first = layer(in_channels, widths[0], 3, scales[0], halve=False)
        self.encoder = nn.ModuleList(blocks(*one) for one in each)
        self.down = nn.ModuleList(layer(*pair, 3, scale, halve=True) for pair, scale in steps)
        self.up = nn.ModuleList(layer(*pair[::-1], 1, scale, halve=False) for pair, scale in steps)
        self.decoder = nn.ModuleList(blocks(*one) for one in each[:-1])

    def forward(self, latent: Tensor) -> Tensor:
        """Map (N, C, [Z,] Y, X) to (N, channels[0], [Z,] Y, X)."""
        features: Tensor = self.encoder[0](self.first(latent))
        passed = []
        for halve, block in zip(self.down, self.encoder[1:], strict=True):
            passed.append(features)
            features = block(halve(features))
        levels = zip(self.up, self.decoder, self._halvings, strict=True)
        for narrow, block, scale in reversed(list(levels)):
            coarse = upsample(narrow(features), self._upsampling, scale)
            features = block(coarse.add_(passed.pop()))  # in place: no further large tensor
        return features


class _Block(nn.Module):
    """Two convolutions, whose result is added to the input."""

    def __init__(self, width: int, scale: Scale, config: NetworkConfig) -> None:
        super().__init__()
        self.first, self.second = (
            plain_convolution(width, width, 3, scale, bias=config.bias, padding=config.padding)
            for _ in range(2)
        )
        nn.init.kaiming_normal_(self.first.weight)  # type: ignore[arg-type]
        nn.init.kaiming_normal_(self.second.weight)  # type: ignore[arg-type]
        self.second.weight.data.mul_(_FIRST_GAIN)  # type: ignore[operator]

    def forward(self, features: Tensor) -> Tensor:
        changed = self.second(functional.relu(self.first(features), inplace=True))
        return changed.add_(features)  # type: ignore[no-any-return]
