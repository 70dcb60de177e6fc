"""Layers that the bodies of the prior network are made of, alike in 2D and 3D."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_dip.core.networks.padded_conv import Convolution2d, Convolution3d

if TYPE_CHECKING:
    from collections.abc import Sequence

# What a convolution sees beyond the border.
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
# Fewer planes than this are not halved.
_MIN_DEPTH = 8
# Where planes lie farther apart than this many pixels they are treated as planes.
_ANISOTROPIC = 2.0


class Scale(NamedTuple):
    """One halving of the resolution.

    Attributes
    ----------
    strides : tuple of int
        Along each spatial axis: 2 where it is halved, 1 where it is not.
    extents : tuple of int
        1 where kernels extend to neighbours, 0 where they do not.
    """

    strides: tuple[int, ...]
    extents: tuple[int, ...]

    @property
    def dims(self) -> int:
        """Number of spatial axes."""
        return len(self.strides)

    def kernel(self, size: int) -> tuple[int, ...]:
        """Return the shape of a kernel of a size."""
        return tuple(size if extent else 1 for extent in self.extents)


def plan_scales(count: int, depth: int | None = None, anisotropy: float = 1.0) -> list[Scale]:
    """Return the halvings of a plane, or of a volume.

    Planes are neither mixed nor halved until voxels are near isotropic.

    Parameters
    ----------
    count : int
        How many.
    depth : int, optional
        Planes of the volume; none for a plane.
    anisotropy : float
        Spacing of planes over the spacing of pixels.

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
    """Return how much coarser the last scale is, along each axis; () without scales."""
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
    """Padded convolution, batch norm, leaky ReLU."""
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
    """Padded convolution, without what follows it elsewhere."""
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
    """Learnt upsampling, batch norm, leaky ReLU."""
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
    """Batch norm; of a batch of one, as everywhere here, so that nothing is kept of others."""
    return _NORM[dims](channels, track_running_stats=False)


def pool(mode: str, scale: Scale) -> nn.Module:
    """Halve by the "average" or the "max"."""
    return _POOL[mode, scale.dims](scale.strides)


def upsample(values: Tensor, mode: str, scale: Scale) -> Tensor:
    """Undo a halving by interpolation, "bilinear" (in 3D trilinear) or "nearest"."""
    factors = tuple(map(float, scale.strides))
    if mode == "nearest":
        return functional.interpolate(values, scale_factor=factors, mode=mode)
    linear = {2: "bilinear", 3: "trilinear"}[scale.dims]
    return functional.interpolate(values, scale_factor=factors, mode=linear, align_corners=False)


def join(*parts: Tensor) -> Tensor:
    """Concatenate channels; what comes back to each part is channels last.

    As it comes from a concatenation, a slice of all channels, interpolation takes six
    times as long to go back.
    """
    for part in parts:
        if part.requires_grad:
            part.register_hook(channels_last)  # type: ignore[no-untyped-call]
    return torch.cat(parts, dim=1)


def pixel_shuffle(values: Tensor, factor: int) -> Tensor:
    """Spread groups of n x n channels over the pixels of each plane."""
    batch, grouped, *planes, height, width = values.shape
    apart = values.reshape(batch, grouped // factor**2, factor, factor, *planes, height, width)
    y = apart.ndim - 2
    order = (0, 1, *range(4, y), y, 2, y + 1, 3)
    shuffled = apart.permute(order)  # (N, C, [Z,] Y, n, X, n)
    return shuffled.reshape(batch, -1, *planes, factor * height, factor * width)


def pixel_unshuffle(values: Tensor, factor: int) -> Tensor:
    """Undo `pixel_shuffle`; channels are last in memory."""
    batch, channels, *planes, height, width = values.shape
    coarse = (*planes, height // factor, width // factor)
    grouped = values.new_empty(batch, *coarse, channels, factor, factor)
    # One copy for each place is several times as fast as one for all.
    for y in range(factor):
        for x in range(factor):
            grouped[..., y, x] = values[..., y::factor, x::factor].movedim(1, -1)
    return grouped.reshape(batch, *coarse, -1).movedim(-1, 1)


def channels_last(values: Tensor) -> Tensor:
    """Return (N, C, [Z,] Y, X) with the channels of a pixel next to each other."""
    return values.contiguous(memory_format=memory_format(values.ndim - 2))


def memory_format(dims: int) -> torch.memory_format:
    """Return channels last, the order convolutions are fastest in."""
    return {2: torch.channels_last, 3: torch.channels_last_3d}[dims]
