"""Prior networks f_theta: the registry `NETWORKS` of builders, and the head."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from napari_dip.core.networks.architectures import Decoder, EncoderDecoder, Hourglass, ResNet, UNet
from napari_dip.core.networks.layers import Scale, memory_format, pixel_shuffle, plan_scales
from napari_dip.core.networks.residual_unet import ResidualUNet

if TYPE_CHECKING:
    from napari_dip.config import NetworkConfig, NetworkName
    from napari_dip.core.image.shape import Shape

# A linear head starts in the middle of the window and has the slope of a sigmoid there, 1/4.
# Without this factor each step of Adam changes the estimate too much.
MIDDLE, GAIN = 0.5, 0.25


class PriorNetwork(nn.Module):
    """A body at 1/n of the resolution and a head that returns the estimate.

    The head is always float32: the mantissa of bfloat16 has eight bits, too few for a 16-bit
    image.

    Parameters
    ----------
    body : torch.nn.Module
        Network from the latent (1, latent channels, [Z,] Y/n, X/n) to `width` features.
    width : int
        Channels of the features.
    out_channels : int
        Channels of the estimate.
    pixel_shuffle : int
        Factor n: the head returns n x n pixels of a plane at each position.
    bounds : (low, high) or None
        Limits of a sigmoid output; None for a linear output.
    """

    def __init__(
        self,
        body: nn.Module,
        width: int,
        out_channels: int,
        *,
        pixel_shuffle: int,
        bounds: tuple[float, float] | None,
    ) -> None:
        super().__init__()
        self.body = body
        strides: tuple[int, ...] = body.stride  # type: ignore[assignment]
        # A matrix product per pixel takes half the time of a 1x1 convolution.
        self.head = nn.Linear(width, out_channels * pixel_shuffle**2)
        self.pixel_shuffle = pixel_shuffle
        self.coarsening = (1,) * (len(strides) - 2) + (pixel_shuffle, pixel_shuffle)
        self.strides = tuple(a * b for a, b in zip(strides, self.coarsening, strict=True))
        self._bounds = bounds
        # Distance [pixels of the latent] beyond which pixels do not influence one another; None if
        # all do, as through a batch norm.
        self.reach: int | None = getattr(body, "reach", None)
        # Smallest size at the coarsest scale: reflection padding needs more pixels than it adds.
        self._least: int = getattr(body, "least", 2)

    def canvas(self, shape: Shape) -> Shape:
        """Return the shape ([Z,] Y, X) of the output, from which `shape` is cropped."""
        # Without halving, 5x5 kernels need three pixels.
        sizes = zip(shape, self.strides, strict=True)
        return tuple(
            max(self._least if stride > 1 else 3, -(-size // stride)) * stride
            for size, stride in sizes
        )

    def grid(self, shape: Shape) -> Shape:
        """Return the shape ([Z,] Y, X) of the latent for an image of `shape`."""
        sizes = zip(self.canvas(shape), self.coarsening, strict=True)
        return tuple(size // coarser for size, coarser in sizes)

    def make_constant(self) -> float:
        """Set the weights of the head so that the output is constant; return its value."""
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        return MIDDLE if self._bounds is None else sum(self._bounds) / 2

    def forward(self, latent: Tensor) -> Tensor:
        """Map the latent to the estimate (1, out_channels, [Z,] Y, X), float32."""
        features = self.body(latent)
        with torch.autocast(latent.device.type, enabled=False):
            outputs = self.head(features.movedim(1, -1).float()).movedim(-1, 1)
            estimate = pixel_shuffle(outputs, self.pixel_shuffle)
            if self._bounds is None:
                return MIDDLE + GAIN * estimate
            low, high = self._bounds
            return low + (high - low) * torch.sigmoid(estimate)


NETWORKS: dict[NetworkName, Callable[[int, NetworkConfig, Sequence[Scale]], nn.Module]] = {
    "hourglass": Hourglass,
    "unet": UNet,
    "resnet": ResNet,
    "residual-unet": ResidualUNet,
    "encoder-decoder": EncoderDecoder,
    "deep-decoder": partial(Decoder, size=1),
    "conv-decoder": partial(Decoder, size=3),
}


def build_network(
    config: NetworkConfig,
    latent_channels: int,
    out_channels: int,
    bounds: tuple[float, float] = (0.0, 1.0),
    *,
    depth: int | None = None,
    anisotropy: float = 1.0,
) -> PriorNetwork:
    """Build the prior network of a configuration.

    Parameters
    ----------
    config : NetworkConfig
        Architecture of the network.
    latent_channels, out_channels : int
        Channels of z and of the estimate.
    bounds : (low, high)
        Range of the estimate; only a sigmoid output uses it.
    depth : int, optional
        Number of planes of a volume. By default the network is for planes.
    anisotropy : float
        Spacing of the planes divided by the spacing of the pixels. Default 1.0.

    Examples
    --------
    >>> from napari_dip.config import PRESETS
    >>> network = build_network(PRESETS["paper"].network, 32, 3)
    >>> sum(p.numel() for p in network.parameters())
    2217831
    """
    scales = plan_scales(len(config.channels), depth, anisotropy / config.pixel_shuffle)
    network = PriorNetwork(
        NETWORKS[config.name](latent_channels, config, scales),
        config.channels[0],
        out_channels,
        pixel_shuffle=config.pixel_shuffle,
        bounds=bounds if config.output == "sigmoid" else None,
    )
    order = memory_format(scales[0].dims)
    return network.to(memory_format=order)  # type: ignore[call-overload,no-any-return]
