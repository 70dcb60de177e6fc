"""Prior networks f_theta: the registry `NETWORKS` maps a name to a builder."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from napari_dip.config import NetworkConfig, NetworkName

_SLOPE = 0.2
# A linear head starts at mid-window and moves as gently as a sigmoid would,
# whose slope there is 1/4: without it each step of Adam shakes the estimate.
_MIDDLE, _GAIN = 0.5, 0.25


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
        *,
        bias: bool,
    ) -> None:
        super().__init__()
        width, coarser = channels[0], channels[1:]
        skip = skip_channels[0]
        below = coarser[0] if coarser else width
        self._upsampling = upsampling
        self.down = nn.Sequential(
            _convolution(in_channels, width, 3, stride=2, bias=bias),
            _convolution(width, width, 3, bias=bias),
        )
        self.coarser = (
            Hourglass(width, coarser, skip_channels[1:], upsampling, bias=bias)
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
        corners = None if self._upsampling == "nearest" else False
        deep = functional.interpolate(
            deep, scale_factor=2, mode=self._upsampling, align_corners=corners
        )
        if self.skip is not None:
            deep = torch.cat([self.skip(latent), deep], dim=1)  # (N, skip + below, Y, X)
        return self.up(deep)  # type: ignore[no-any-return]


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


class PriorNetwork(nn.Module):
    """A body at 1/n of the resolution, and a head that emits the estimate.

    The head stays in float32 whatever the precision of the body: bfloat16 has
    eight bits of mantissa, too few for a 16-bit image.

    Parameters
    ----------
    body : torch.nn.Module
        Maps the latent (1, latent channels, Y/n, X/n) to features of `width` channels.
    width : int
        Channels of the features.
    out_channels : int
        Channels of the estimate.
    pixel_shuffle : int
        n: the head emits n x n pixels for each feature.
    stride : int
        Y and X of the estimate must be multiples of it, and two of them at least.
    bounds : (low, high) or None
        Limits of a sigmoid output; None for a linear one.
    """

    def __init__(
        self,
        body: nn.Module,
        width: int,
        out_channels: int,
        *,
        pixel_shuffle: int,
        stride: int,
        bounds: tuple[float, float] | None,
    ) -> None:
        super().__init__()
        self.body = body
        self.head = nn.Conv2d(width, out_channels * pixel_shuffle**2, 1)
        self.pixel_shuffle = pixel_shuffle
        self.stride = stride
        self._bounds = bounds

    def canvas(self, shape: tuple[int, int]) -> tuple[int, int]:
        """Return the (Y, X) to generate so that an image of `shape` can be cropped from it."""
        # Reflection padding needs two pixels at the coarsest scale.
        height, width = (max(2, -(-size // self.stride)) * self.stride for size in shape)
        return height, width

    def forward(self, latent: Tensor) -> Tensor:
        """Map the latent (1, C, Y/n, X/n) to the estimate (1, out_channels, Y, X), float32."""
        features = self.body(latent)
        with torch.autocast(latent.device.type, enabled=False):
            estimate: Tensor = self.head(features.float())
            if self.pixel_shuffle > 1:
                estimate = functional.pixel_shuffle(estimate, self.pixel_shuffle)
            if self._bounds is None:
                return _MIDDLE + _GAIN * estimate
            low, high = self._bounds
            return low + (high - low) * torch.sigmoid(estimate)


def _build_hourglass(config: NetworkConfig, latent_channels: int) -> nn.Module:
    return Hourglass(
        latent_channels,
        config.channels,
        config.skips,
        config.upsampling,
        bias=config.bias,
    )


NETWORKS: dict[NetworkName, Callable[[NetworkConfig, int], nn.Module]] = {
    "hourglass": _build_hourglass,
}


def build_network(
    config: NetworkConfig,
    latent_channels: int,
    out_channels: int,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> PriorNetwork:
    """Build the prior network of a configuration.

    Parameters
    ----------
    config : NetworkConfig
        Architecture.
    latent_channels, out_channels : int
        Channels of z and of the estimate.
    bounds : (low, high)
        Range of the estimate, used by the sigmoid output only.

    Examples
    --------
    >>> from napari_dip.config import PRESETS
    >>> network = build_network(PRESETS["paper"].network, 32, 3)
    >>> sum(p.numel() for p in network.parameters())
    2217831
    """
    network = PriorNetwork(
        NETWORKS[config.name](config, latent_channels),
        config.channels[0],
        out_channels,
        pixel_shuffle=config.pixel_shuffle,
        stride=config.pixel_shuffle * 2 ** len(config.channels),
        bounds=bounds if config.output == "sigmoid" else None,
    )
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]
