"""Prior networks f_theta: the registry `NETWORKS` maps a name to a builder."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_dip.core.bodies import Decoder, EncoderDecoder, Hourglass, ResNet, UNet

if TYPE_CHECKING:
    from napari_dip.config import NetworkConfig, NetworkName

# A linear head starts at mid-window and moves as gently as a sigmoid would,
# whose slope there is 1/4: without it each step of Adam shakes the estimate.
_MIDDLE, _GAIN = 0.5, 0.25


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


def _build_hourglass(latent_channels: int, config: NetworkConfig) -> Hourglass:
    return Hourglass(
        latent_channels,
        config.channels,
        config.skips,
        config.upsampling,
        config.downsampling,
        bias=config.bias,
    )


NETWORKS: dict[NetworkName, Callable[[int, NetworkConfig], nn.Module]] = {
    "hourglass": _build_hourglass,
    "unet": UNet,
    "resnet": ResNet,
    "encoder-decoder": EncoderDecoder,
    "deep-decoder": partial(Decoder, size=1),
    "conv-decoder": partial(Decoder, size=3),
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
    body = NETWORKS[config.name](latent_channels, config)
    network = PriorNetwork(
        body,
        config.channels[0],
        out_channels,
        pixel_shuffle=config.pixel_shuffle,
        stride=config.pixel_shuffle * int(body.stride),  # type: ignore[arg-type]
        bounds=bounds if config.output == "sigmoid" else None,
    )
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]
