"""Bodies of the prior network: each maps a latent to as many features at every pixel.

All are convolutional and start from random weights; what they find easy to
draw is the prior. `stride` is what the latent's Y and X must be multiples of.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from napari_dip.config import NetworkConfig

_SLOPE = 0.2


class Hourglass(nn.Module):
    """Encoder-decoder with a narrow skip branch at each scale.

    Down: 3x3 convolution of stride 2, then 3x3. Up: interpolation by 2,
    concatenation with the 1x1 skip branch, batch norm, 3x3, 1x1. Every
    convolution is reflection padded and followed by batch norm and leaky ReLU.

    Parameters
    ----------
    in_channels : int
        Channels of the latent.
    channels : tuple of int
        Width of each scale, finest first.
    skip_channels : tuple of int
        Width of the skip branch of each scale; 0 leaves it out.
    upsampling : {"bilinear", "nearest"}
        Unlearnt upsampling.
    downsampling : {"stride", "average", "max"}
        Of the first convolution of a scale, or of a pooling after it.
    bias : bool
        Bias of the convolutions; the batch norm that follows cancels it.

    References
    ----------
    Ulyanov, Vedaldi, Lempitsky: Deep Image Prior, IJCV 2020, Fig. 21.
    """

    def __init__(
        self,
        in_channels: int,
        channels: tuple[int, ...],
        skip_channels: tuple[int, ...],
        upsampling: str,
        downsampling: str = "stride",
        *,
        bias: bool,
    ) -> None:
        super().__init__()
        self.stride = 2 ** len(channels)
        width, coarser = channels[0], channels[1:]
        skip = skip_channels[0]
        below = coarser[0] if coarser else width
        self._upsampling = upsampling
        self.down = nn.Sequential(
            *_halving(in_channels, width, downsampling, bias=bias),
            _convolution(width, width, 3, bias=bias),
        )
        self.coarser = (
            Hourglass(width, coarser, skip_channels[1:], upsampling, downsampling, bias=bias)
            if coarser
            else nn.Identity()
        )
        self.skip = _convolution(in_channels, skip, 1, bias=bias) if skip else None
        self.up = nn.Sequential(
            nn.BatchNorm2d(skip + below),
            _convolution(skip + below, width, 3, bias=bias),
            _convolution(width, width, 1, bias=bias),
        )

    def forward(self, latent: Tensor) -> Tensor:
        """Map (N, C, Y, X) to (N, channels[0], Y, X); Y and X are multiples of the stride."""
        deep = self.coarser(self.down(latent))  # (N, below, Y / 2, X / 2)
        deep = _upsample(deep, self._upsampling)
        if self.skip is not None:
            deep = torch.cat([self.skip(latent), deep], dim=1)  # (N, skip + below, Y, X)
        return self.up(deep)  # type: ignore[no-any-return]


class UNet(nn.Module):
    """Two 3x3 convolutions at each scale, and the whole of it carried over to the way up.

    Parameters
    ----------
    in_channels : int
        Channels of the latent.
    config : NetworkConfig
        `channels`: width of each scale, finest first.

    References
    ----------
    O. Ronneberger et al., "U-Net", MICCAI 2015; IJCV 2020, Fig. 8.
    """

    def __init__(self, in_channels: int, config: NetworkConfig) -> None:
        super().__init__()
        widths = config.channels
        self.stride = 2 ** (len(widths) - 1)
        self._upsampling = config.upsampling
        self.down = nn.ModuleList(
            _twice(before, width, config.bias) for before, width in pairwise((in_channels, *widths))
        )
        self.up = nn.ModuleList(
            _twice(deeper + width, width, config.bias) for width, deeper in pairwise(widths)
        )

    def forward(self, latent: Tensor) -> Tensor:
        """Map (N, C, Y, X) to (N, channels[0], Y, X)."""
        scales: list[Tensor] = []
        features = latent
        for block in self.down:
            features = block(functional.max_pool2d(features, 2) if scales else features)
            scales.append(features)
        for block, finer in zip(reversed(self.up), reversed(scales[:-1]), strict=True):
            features = block(torch.cat([_upsample(features, self._upsampling), finer], dim=1))
        return features


class ResNet(nn.Module):
    """As many residual blocks at full resolution as there are widths; the first width is used.

    Parameters
    ----------
    in_channels : int
        Channels of the latent.
    config : NetworkConfig
        One entry of `channels` for each block.

    References
    ----------
    K. He et al., "Deep residual learning", CVPR 2016; IJCV 2020, Fig. 8.
    """

    stride = 1

    def __init__(self, in_channels: int, config: NetworkConfig) -> None:
        super().__init__()
        width = config.channels[0]
        self.first = _convolution(in_channels, width, 3, bias=config.bias)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                _convolution(width, width, 3, bias=config.bias),
                nn.Conv2d(width, width, 3, padding=1, padding_mode="reflect", bias=config.bias),
                nn.BatchNorm2d(width),
            )
            for _ in config.channels
        )

    def forward(self, latent: Tensor) -> Tensor:
        """Map (N, C, Y, X) to (N, channels[0], Y, X)."""
        features = self.first(latent)
        for block in self.blocks:
            features = features + block(features)
        return features  # type: ignore[no-any-return]


class EncoderDecoder(nn.Module):
    """5x5 convolutions and max-pooling down, transposed convolutions up, no skips.

    Parameters
    ----------
    in_channels : int
        Channels of the latent.
    config : NetworkConfig
        `channels`: width of each scale, finest first.
    """

    def __init__(self, in_channels: int, config: NetworkConfig) -> None:
        super().__init__()
        widths, bias = config.channels, config.bias
        self.stride = 2 ** len(widths)
        down = [
            nn.Sequential(_convolution(before, width, 5, bias=bias), nn.MaxPool2d(2))
            for before, width in pairwise((in_channels, *widths))
        ]
        up = [
            nn.Sequential(
                nn.ConvTranspose2d(before, width, 4, stride=2, padding=1, bias=bias),
                nn.BatchNorm2d(width),
                nn.LeakyReLU(_SLOPE, inplace=True),
            )
            for before, width in pairwise((*reversed(widths), widths[0]))
        ]
        self.layers = nn.Sequential(*down, *up)

    def forward(self, latent: Tensor) -> Tensor:
        """Map (N, C, Y, X) to (N, channels[0], Y, X)."""
        return self.layers(latent)  # type: ignore[no-any-return]


class Decoder(nn.Module):
    """Only the way up: convolution, batch norm and upsampling, from a coarse latent.

    Parameters
    ----------
    in_channels : int
        Channels of the latent, of which every 2^n-th pixel is used.
    config : NetworkConfig
        `channels`: width after each upsampling, finest first.
    size : int
        Of the kernels: 1 for the deep decoder, 3 for ConvDecoder.

    References
    ----------
    R. Heckel, P. Hand, "Deep decoder", ICLR 2019; M. Z. Darestani, R. Heckel,
    "Accelerated MRI with un-trained neural networks", IEEE TCI 2021.
    """

    def __init__(self, in_channels: int, config: NetworkConfig, size: int) -> None:
        super().__init__()
        self.stride = 2 ** len(config.channels)
        self._upsampling = config.upsampling
        widths = (in_channels, *reversed(config.channels))
        self.layers = nn.ModuleList(
            _convolution(before, width, size, bias=config.bias)
            for before, width in pairwise(widths)
        )

    def forward(self, latent: Tensor) -> Tensor:
        """Map (N, C, Y, X) to (N, channels[0], Y, X)."""
        features = latent[..., :: self.stride, :: self.stride]
        for layer in self.layers:
            features = _upsample(layer(features), self._upsampling)
        return features


def _halving(in_channels: int, width: int, mode: str, *, bias: bool) -> list[nn.Module]:
    """Return what halves the resolution: one layer, so that names stay the same."""
    if mode == "stride":
        return [_convolution(in_channels, width, 3, stride=2, bias=bias)]
    pool = nn.AvgPool2d(2) if mode == "average" else nn.MaxPool2d(2)
    return [nn.Sequential(_convolution(in_channels, width, 3, bias=bias), pool)]


def _upsample(values: Tensor, mode: str) -> Tensor:
    corners = None if mode == "nearest" else False
    return functional.interpolate(values, scale_factor=2, mode=mode, align_corners=corners)


def _twice(in_channels: int, out_channels: int, bias: bool) -> nn.Sequential:
    return nn.Sequential(
        _convolution(in_channels, out_channels, 3, bias=bias),
        _convolution(out_channels, out_channels, 3, bias=bias),
    )


def _convolution(
    in_channels: int, out_channels: int, size: int, *, stride: int = 1, bias: bool
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(
            in_channels,
            out_channels,
            size,
            stride,
            padding=size // 2,
            padding_mode="reflect",
            bias=bias,
        ),
        nn.BatchNorm2d(out_channels),
        nn.LeakyReLU(_SLOPE, inplace=True),
    )
