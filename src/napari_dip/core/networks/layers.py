"""Layers of the prior networks, the same for planes and volumes."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_dip.core.networks.padded_conv import Convolution2d, Convolution3d

if TYPE_CHECKING:
    from collections.abc import Sequence

# Values beyond the border in a convolution.
Padding = Literal["reflect", "zeros"]

_SLOPE = 0.2
_TRANSPOSED: dict[int, type[nn.ConvTranspose2d | nn.ConvTranspose3d]] = {
    2: nn.ConvTranspose2d,
    3: nn.ConvTranspose3d,
}
_NORM: dict[int, type[nn.BatchNorm2d | nn.BatchNorm3d]] = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
_POOL: dict[tuple[str, int], type[nn.Module]] = {
    ("average", 2): nn.AvgPool2d,
    ("average", 3): nn.AvgPool3d,
    ("max", 2): nn.MaxPool2d,
    ("max", 3): nn.MaxPool3d,
}
# Smallest number of planes that are halved.
_MIN_DEPTH = 8
# From this spacing of planes on [pixels], kernels do not extend across planes.
_ANISOTROPIC = 2.0


class Scale(NamedTuple):
    """One halving of the resolution.

    Attributes
    ----------
    strides : tuple of int
        Stride along each spatial axis: 2 if it is halved, else 1.
    extents : tuple of int
        1 for each spatial axis along which kernels include neighbours, else 0.
    """

    strides: tuple[int, ...]
    extents: tuple[int, ...]

    @property
    def dims(self) -> int:
        """Number of spatial axes."""
        return len(self.strides)

    def kernel(self, size: int) -> tuple[int, ...]:
        """Return the shape of a kernel of this size."""
        return tuple(size if extent else 1 for extent in self.extents)


def plan_scales(count: int, depth: int | None = None, anisotropy: float = 1.0) -> list[Scale]:
    """Return the halvings of planes or volumes.

    Kernels combine and halve planes only once the voxels are nearly isotropic.

    Parameters
    ----------
    count : int
        Number of scales.
    depth : int, optional
        Number of planes of the volume. By default the scales are for planes.
    anisotropy : float
        Spacing of the planes divided by the spacing of the pixels. Default 1.0.

    References
    ----------
    F. Isensee et al., "nnU-Net", Nature Methods 18 (2021): the rule for
    anisotropic spacing.

    Examples
    --------
    >>> [scale.strides for scale in plan_scales(3, depth=32, anisotropy=4.0)]
    [(1, 2, 2), (1, 2, 2), (2, 2, 2)]
    """
    if depth is None:
        return [Scale((2, 2), (1, 1))] * count
    scales = []
    for _ in range(count):
        isotropic = anisotropy < _ANISOTROPIC
        halved = isotropic and depth >= _MIN_DEPTH
        scales.append(Scale((1 + halved, 2, 2), (int(isotropic), 1, 1)))
        depth, anisotropy = (depth // 2, anisotropy) if halved else (depth, anisotropy / 2)
    return scales


def stride_of(scales: Sequence[Scale]) -> tuple[int, ...]:
    """Return the total stride along each axis; () without scales."""
    return tuple(prod(along) for along in zip(*(scale.strides for scale in scales), strict=True))


def convolution(
    in_channels: int,
    out_channels: int,
    size: int,
    scale: Scale,
    *,
    halve: bool = False,
    bias: bool,
    padding: Padding = "reflect",
) -> nn.Sequential:
    """Return a padded convolution with batch norm and leaky ReLU."""
    return nn.Sequential(
        plain_convolution(
            in_channels, out_channels, size, scale, halve=halve, bias=bias, padding=padding
        ),
        batch_norm(out_channels, scale.dims),
        nn.LeakyReLU(_SLOPE, inplace=True),
    )


def plain_convolution(
    in_channels: int,
    out_channels: int,
    size: int,
    scale: Scale,
    *,
    halve: bool = False,
    bias: bool,
    padding: Padding = "reflect",
) -> nn.Module:
    """Return a padded convolution without batch norm and leaky ReLU."""
    kernel = scale.kernel(size)
    return _CONVOLUTION[scale.dims](
        in_channels,
        out_channels,
        kernel,  # type: ignore[arg-type]
        scale.strides if halve else 1,  # type: ignore[arg-type]
        padding=tuple(width // 2 for width in kernel),  # type: ignore[arg-type]
        padding_mode=padding if size > 1 else "zeros",
        bias=bias,
    )


_CONVOLUTION: dict[int, type[nn.Conv2d | nn.Conv3d]] = {2: Convolution2d, 3: Convolution3d}


def transposed_convolution(
    in_channels: int, out_channels: int, scale: Scale, *, bias: bool
) -> nn.Sequential:
    """Return a transposed convolution (learnt upsampling) with batch norm and leaky ReLU."""
    halved = [stride == 2 for stride in scale.strides]
    layer = _TRANSPOSED[scale.dims](
        in_channels,
        out_channels,
        tuple(4 if half else 1 for half in halved),  # type: ignore[arg-type]
        scale.strides,  # type: ignore[arg-type]
        padding=tuple(map(int, halved)),  # type: ignore[arg-type]
        bias=bias,
    )
    return nn.Sequential(
        layer, batch_norm(out_channels, scale.dims), nn.LeakyReLU(_SLOPE, inplace=True)
    )


def batch_norm(channels: int, dims: int) -> nn.Module:
    """Return batch norm without running statistics, because there is only one batch."""
    return _NORM[dims](channels, track_running_stats=False)


def pool(mode: str, scale: Scale) -> nn.Module:
    """Return the layer that halves by the "average" or the "max"."""
    return _POOL[mode, scale.dims](scale.strides)


def upsample(values: Tensor, mode: str, scale: Scale) -> Tensor:
    """Upsample by interpolation, "bilinear" (trilinear in volumes) or "nearest"."""
    factors = tuple(map(float, scale.strides))
    if mode == "nearest":
        return functional.interpolate(values, scale_factor=factors, mode=mode)
    linear = {2: "bilinear", 3: "trilinear"}[scale.dims]
    return functional.interpolate(values, scale_factor=factors, mode=linear, align_corners=False)


def join(*parts: Tensor) -> Tensor:
    """Concatenate channels (N, C, [Z,] Y, X); the gradient of each part is channels last.

    Without this, the gradient is a slice of all channels, for which the backward pass of
    interpolation takes six times as long.
    """
    for part in parts:
        if part.requires_grad:
            part.register_hook(channels_last)  # type: ignore[no-untyped-call]
    return torch.cat(parts, dim=1)


def pixel_shuffle(values: Tensor, factor: int) -> Tensor:
    """Spread groups of n x n channels over n x n pixels of each plane."""
    batch, grouped, *planes, height, width = values.shape
    groups = values.reshape(batch, grouped // factor**2, factor, factor, *planes, height, width)
    y = groups.ndim - 2
    order = (0, 1, *range(4, y), y, 2, y + 1, 3)
    shuffled = groups.permute(order)  # (N, C, [Z,] Y, n, X, n)
    return shuffled.reshape(batch, -1, *planes, factor * height, factor * width)


def pixel_unshuffle(values: Tensor, factor: int) -> Tensor:
    """Return the inverse of `pixel_shuffle`, with channels last in memory."""
    batch, channels, *planes, height, width = values.shape
    coarse = (*planes, height // factor, width // factor)
    grouped = values.new_empty(batch, *coarse, channels, factor, factor)
    # One copy per offset is several times faster than a single copy of all.
    for y in range(factor):
        for x in range(factor):
            grouped[..., y, x] = values[..., y::factor, x::factor].movedim(1, -1)
    return grouped.reshape(batch, *coarse, -1).movedim(-1, 1)


def channels_last(values: Tensor) -> Tensor:
    """Return a tensor (N, C, [Z,] Y, X) with the channels of a pixel adjacent in memory."""
    return values.contiguous(memory_format=memory_format(values.ndim - 2))


def memory_format(dims: int) -> torch.memory_format:
    """Return the channels-last memory format, in which convolutions are fastest."""
    return {2: torch.channels_last, 3: torch.channels_last_3d}[dims]
