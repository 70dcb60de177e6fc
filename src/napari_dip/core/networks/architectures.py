"""Architectures: bodies of the prior network, which map a latent to features at every pixel.

All are convolutional and start from random weights; the images that they fit fastest are the
prior. Each is built over the scales of planes or volumes. The size of the latent along each axis
must be a multiple of `stride`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from napari_dip.core.networks.layers import (
    Padding,
    Scale,
    batch_norm,
    convolution,
    join,
    plain_convolution,
    pool,
    stride_of,
    transposed_convolution,
    upsample,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_dip.config import NetworkConfig


class Hourglass(nn.Module):
    """Encoder-decoder with a narrow skip branch at each scale.

    Encoder: a convolution of stride 2, then another convolution. Decoder: interpolation by 2,
    concatenation with the 1x1 skip branch, batch norm, a convolution and a 1x1 convolution. By
    default kernels are 3x3 and padded by reflection. Batch norm and leaky ReLU follow every
    convolution.

    Parameters
    ----------
    in_channels : int
        Channels of the latent.
    config : NetworkConfig
        Architecture: `channels` and `skips` (width of each scale, finest first) and kernels.
    scales : sequence of Scale
        Scales, one per width.
    out_channels : int, optional
        Channels of the features. Default: the first width.

    References
    ----------
    Ulyanov, Vedaldi, Lempitsky: Deep Image Prior, IJCV 2020, Fig. 21.
    """

    def __init__(
        self,
        in_channels: int,
        config: NetworkConfig,
        scales: Sequence[Scale],
        out_channels: int | None = None,
    ) -> None:
        super().__init__()
        self.stride = stride_of(scales)
        (width, *coarser), skip = config.channels, config.skips[0]
        down, *coarser_down = config.of_each_scale(config.down_kernels)
        up, *coarser_up = config.of_each_scale(config.up_kernels)
        shared: Any = {"bias": config.bias, "padding": config.padding}
        self._scale, *coarser_scales = scales
        self._upsampling = config.upsampling
        self.down = nn.Sequential(
            *_halving(in_channels, width, down, self._scale, config.downsampling, **shared),
            convolution(width, width, down, self._scale, **shared),
        )
        below = coarser[0] if coarser and not config.tapered else width
        rest = {
            "channels": tuple(coarser),
            "skip_channels": config.skips[1:],
            "down_kernels": tuple(coarser_down),
            "up_kernels": tuple(coarser_up),
        }
        self.coarser = (
            Hourglass(width, config.model_copy(update=rest), coarser_scales, below)
            if coarser
            else nn.Identity()
        )
        # Smallest size at the coarsest scale: the second kernel must fit by reflection.
        self.least: int = getattr(self.coarser, "least", down // 2 + 1)
        self.skip = convolution(in_channels, skip, 1, self._scale, **shared) if skip else None
        self.up = nn.Sequential(
            batch_norm(skip + below, self._scale.dims),
            convolution(skip + below, width, up, self._scale, **shared),
            convolution(width, out_channels or width, 1, self._scale, **shared),
        )

    def forward(self, latent: Tensor) -> Tensor:
        """Map (N, C, [Z,] Y, X) to (N, channels[0], [Z,] Y, X); sizes are multiples of `stride`."""
        deep = self.coarser(self.down(latent))  # (N, below, [Z,] Y / 2, X / 2)
        deep = upsample(deep, self._upsampling, self._scale)
        if self.skip is not None:
            deep = join(self.skip(latent), deep)  # (N, skip + below, [Z,] Y, X)
        return self.up(deep)  # type: ignore[no-any-return]


class UNet(nn.Module):
    """Encoder-decoder with two 3x3 convolutions per scale and full skip connections.

    Parameters
    ----------
    in_channels : int
        Channels of the latent.
    config : NetworkConfig
        Architecture: `channels` (width of each scale, finest first).
    scales : sequence of Scale
        Scales, one per width; the last one is not halved.

    References
    ----------
    O. Ronneberger et al., "U-Net", MICCAI 2015; IJCV 2020, Fig. 8.
    """

    def __init__(self, in_channels: int, config: NetworkConfig, scales: Sequence[Scale]) -> None:
        super().__init__()
        widths, bias = config.channels, config.bias
        self._halvings = scales[:-1]
        self.stride = stride_of(self._halvings) or (1,) * scales[0].dims
        self._upsampling = config.upsampling
        down = zip(pairwise((in_channels, *widths)), scales, strict=True)
        self.down = nn.ModuleList(_double_conv(*pair, scale, bias=bias) for pair, scale in down)
        up = zip(pairwise(widths), self._halvings, strict=True)
        self.up = nn.ModuleList(
            _double_conv(deeper + width, width, scale, bias=bias) for (width, deeper), scale in up
        )
        self.pools = nn.ModuleList(pool("max", scale) for scale in self._halvings)

    def forward(self, latent: Tensor) -> Tensor:
        """Map (N, C, [Z,] Y, X) to (N, channels[0], [Z,] Y, X)."""
        scales: list[Tensor] = [self.down[0](latent)]
        for halve, block in zip(self.pools, self.down[1:], strict=True):
            scales.append(block(halve(scales[-1])))
        features = scales.pop()
        for block, scale in zip(reversed(self.up), reversed(self._halvings), strict=True):
            coarse = upsample(features, self._upsampling, scale)
            features = block(join(coarse, scales.pop()))
        return features


class ResNet(nn.Module):
    """Residual blocks at full resolution, one per entry of `channels`; all have the first width.

    Parameters
    ----------
    in_channels : int
        Channels of the latent.
    config : NetworkConfig
        Architecture: `channels` with one entry per block.
    scales : sequence of Scale
        Scales; the first one determines the extent of the kernels, and no scale is halved.

    References
    ----------
    K. He et al., "Deep residual learning", CVPR 2016; IJCV 2020, Fig. 8.
    """

    def __init__(self, in_channels: int, config: NetworkConfig, scales: Sequence[Scale]) -> None:
        super().__init__()
        width, bias, scale = config.channels[0], config.bias, scales[0]
        self.stride = (1,) * scale.dims
        self.first = convolution(in_channels, width, 3, scale, bias=bias)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                convolution(width, width, 3, scale, bias=bias),
                plain_convolution(width, width, 3, scale, bias=bias),
                batch_norm(width, scale.dims),
            )
            for _ in config.channels
        )

    def forward(self, latent: Tensor) -> Tensor:
        """Map (N, C, [Z,] Y, X) to (N, channels[0], [Z,] Y, X)."""
        features = self.first(latent)
        for block in self.blocks:
            features = features + block(features)
        return features  # type: ignore[no-any-return]


class EncoderDecoder(nn.Module):
    """Encoder of 5x5 convolutions and max pooling, decoder of transposed convolutions, no skips.

    Parameters
    ----------
    in_channels : int
        Channels of the latent.
    config : NetworkConfig
        Architecture: `channels` (width of each scale, finest first).
    scales : sequence of Scale
        Scales, one per width.
    """

    def __init__(self, in_channels: int, config: NetworkConfig, scales: Sequence[Scale]) -> None:
        super().__init__()
        widths, bias = config.channels, config.bias
        self.stride = stride_of(scales)
        down = [
            nn.Sequential(
                convolution(before, width, 5, scale, bias=bias),
                pool("max", scale),
            )
            for (before, width), scale in zip(pairwise((in_channels, *widths)), scales, strict=True)
        ]
        ups = zip(pairwise((*reversed(widths), widths[0])), reversed(scales), strict=True)
        up = [transposed_convolution(*pair, scale, bias=bias) for pair, scale in ups]
        self.layers = nn.Sequential(*down, *up)

    def forward(self, latent: Tensor) -> Tensor:
        """Map (N, C, [Z,] Y, X) to (N, channels[0], [Z,] Y, X)."""
        return self.layers(latent)  # type: ignore[no-any-return]


class Decoder(nn.Module):
    """Decoder without encoder: convolutions, batch norm and upsampling of a coarse latent.

    Parameters
    ----------
    in_channels : int
        Channels of the latent, of which every n-th pixel is used (n is `stride`).
    config : NetworkConfig
        Architecture: `channels` (width of each scale, finest first).
    scales : sequence of Scale
        Scales, one per width.
    size : int
        Kernel size: 1 for the deep decoder, 3 for ConvDecoder.

    References
    ----------
    R. Heckel, P. Hand, "Deep decoder", ICLR 2019; M. Z. Darestani, R. Heckel,
    "Accelerated MRI with un-trained neural networks", IEEE TCI 2021.
    """

    def __init__(
        self, in_channels: int, config: NetworkConfig, scales: Sequence[Scale], size: int
    ) -> None:
        super().__init__()
        self.stride = stride_of(scales)
        self._upsampling = config.upsampling
        self._scales = tuple(reversed(scales))
        widths = pairwise((in_channels, *reversed(config.channels)))
        self.layers = nn.ModuleList(
            convolution(*pair, size, scale, bias=config.bias)
            for pair, scale in zip(widths, self._scales, strict=True)
        )

    def forward(self, latent: Tensor) -> Tensor:
        """Map (N, C, [Z,] Y, X) to (N, channels[0], [Z,] Y, X)."""
        coarse: tuple[Any, ...] = (..., *(slice(None, None, step) for step in self.stride))
        features = latent[coarse]
        for layer, scale in zip(self.layers, self._scales, strict=True):
            features = upsample(layer(features), self._upsampling, scale)
        return features


def _halving(
    in_channels: int,
    width: int,
    size: int,
    scale: Scale,
    mode: str,
    *,
    bias: bool,
    padding: Padding,
) -> list[nn.Module]:
    """Return a single layer that halves the resolution, so that weights keep their names."""
    if mode == "stride":
        return [
            convolution(in_channels, width, size, scale, halve=True, bias=bias, padding=padding)
        ]
    full = convolution(in_channels, width, size, scale, bias=bias, padding=padding)
    return [nn.Sequential(full, pool(mode, scale))]


def _double_conv(in_channels: int, out_channels: int, scale: Scale, *, bias: bool) -> nn.Sequential:
    return nn.Sequential(
        convolution(in_channels, out_channels, 3, scale, bias=bias),
        convolution(out_channels, out_channels, 3, scale, bias=bias),
    )
