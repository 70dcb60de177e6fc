"""Convolutions that continue a picture beyond its border, and how their kernels learn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import product
from math import prod
from operator import mul
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

_CONVOLVE: dict[int, Callable[..., Tensor]] = {4: functional.conv2d, 5: functional.conv3d}
# Of fewer pixels torch makes the gradient of a kernel as soon.
_MANY_PIXELS = 1024
# So many pixels at once stay in the cache.
_CHUNK = 8192


class Convolution2d(nn.Conv2d):
    """Convolution of planes, padded by reflection or zeros."""

    def forward(self, input: Tensor) -> Tensor:
        return _convolve(self, input)


class Convolution3d(nn.Conv3d):
    """Convolution of volumes, padded by reflection or zeros."""

    def forward(self, input: Tensor) -> Tensor:
        return _convolve(self, input)


def _convolve(layer: nn.Conv2d | nn.Conv3d, values: Tensor) -> Tensor:
    if any(layer.padding):
        # Torch takes the last axis first.
        widths = [size // 2 for size in reversed(layer.kernel_size) for _ in range(2)]
        # Autocast would do so in float32, for no digit more: two conversions, twice the memory.
        with torch.autocast(values.device.type, enabled=False):
            if layer.padding_mode == "reflect":
                values = _Reflected.apply(values, widths)  # type: ignore[no-untyped-call]
            else:
                values = functional.pad(values, widths)
    if _by_tap(values, layer):
        return _ByTap.apply(values, layer.weight, layer.bias)  # type: ignore[no-any-return, no-untyped-call]
    return _CONVOLVE[values.ndim](values, layer.weight, layer.bias, layer.stride)


class _Reflected(torch.autograd.Function):
    """Continuation by reflection that keeps nothing for the way back.

    Torch's own keeps the picture, of which only the size is needed: a tenth of
    all that an iteration keeps.
    """

    @staticmethod
    def forward(ctx: Any, values: Tensor, widths: list[int]) -> Tensor:
        ctx.widths = widths
        return functional.pad(values, widths, mode="reflect")

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        before = zip(reversed(ctx.widths[::2]), gradient.shape[2:], strict=True)
        inner: tuple[Any, ...] = (..., *(slice(width, size - width) for width, size in before))
        if torch.are_deterministic_algorithms_enabled():
            return _folded(gradient, ctx.widths), None
        back = {
            4: torch.ops.aten.reflection_pad2d_backward,
            5: torch.ops.aten.reflection_pad3d_backward,
        }[gradient.ndim]
        return back(gradient, gradient[inner], ctx.widths), None


def _folded(values: Tensor, widths: list[int]) -> Tensor:
    """Add what lies beyond the borders to the pixels that it mirrors, in the same order each time.

    On CUDA torch's own has no order.

    Parameters
    ----------
    values : (N, C, [Z,] Y, X) Tensor
        Gradient of the continued picture.
    widths : list of int
        Pixels before and after along X, Y [and Z], as torch takes them.
    """
    for axis, width in zip(range(values.ndim - 1, 1, -1), widths[::2], strict=True):
        if not width:
            continue
        size = values.shape[axis] - 2 * width
        before = values.narrow(axis, 0, width)
        after = values.narrow(axis, width + size, width)
        values = values.narrow(axis, width, size).clone()
        values.narrow(axis, 1, width).add_(before.flip(axis))
        values.narrow(axis, size - 1 - width, width).add_(after.flip(axis))
    return values


def _by_tap(values: Tensor, layer: nn.Conv2d | nn.Conv3d) -> bool:
    """Tell where torch takes two to five times as long for the gradient of a kernel."""
    return (
        prod(layer.kernel_size) > 1
        and prod(layer.stride) == 1
        and prod(values.shape[2:]) >= _MANY_PIXELS
        and values.device.type == "cpu"
        and values.dtype is torch.float32
        and not torch.is_autocast_enabled("cpu")
        and _narrow_vectors()
    )


@cache
def _narrow_vectors() -> bool:
    """Tell whether the processor has AVX2, but not AVX-512."""
    return torch.backends.cpu.get_cpu_capability() == "AVX2"


class _ByTap(torch.autograd.Function):
    """Convolution whose kernel gets its gradient from matrix products."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(values, weight)
        return _CONVOLVE[values.ndim](values, weight, bias)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        values, weight = ctx.saved_tensors
        once, never = [1] * (values.ndim - 2), [0] * (values.ndim - 2)
        # Asked for the gradient of the bias, torch would make that of the kernel too.
        of_values, *_ = torch.ops.aten.convolution_backward(
            gradient, values, weight, None, once, never, once, False, never, 1,
            [ctx.needs_input_grad[0], False, False],
        )  # fmt: skip
        of_bias = gradient.sum((0, *range(2, values.ndim))) if ctx.needs_input_grad[2] else None
        return of_values, kernel_gradient(values, gradient, weight.shape[2:]), of_bias


def kernel_gradient(values: Tensor, gradient: Tensor, size: Sequence[int]) -> Tensor:
    """Return the gradient of the kernel of a convolution of stride 1.

    With channels last and all pixels in one row, what each element of the kernel
    has met is the same row, begun elsewhere: one matrix product for each, and
    nothing is copied.

    Parameters
    ----------
    values : (1, I, [Z,] Y, X) Tensor
        What was convolved, borders included.
    gradient : (1, O, [Z,] Y, X) Tensor
        Of the result.
    size : sequence of int
        Of the kernel, along each spatial axis.

    Returns
    -------
    (O, I, *size) Tensor

    Examples
    --------
    >>> values, gradient = torch.ones(1, 2, 5, 6), torch.ones(1, 3, 3, 4)
    >>> kernel_gradient(values, gradient, (3, 3)).unique().tolist()
    [12.0]
    """
    inputs, *extent = values.shape[1:]
    outputs, _, *lines = gradient.shape[1:]
    row = values.movedim(1, -1).reshape(-1, inputs)
    # No gradient where the row goes on beyond the end of a line of the result.
    beyond = [
        width
        for whole, line in zip(reversed(extent[1:]), reversed(lines), strict=True)
        for width in (0, whole - line)
    ]
    back = functional.pad(gradient.movedim(1, -1), [0, 0, *beyond]).reshape(-1, outputs)
    steps = [prod(extent[axis + 1 :]) for axis in range(len(extent))]
    starts = [sum(map(mul, place, steps)) for place in product(*map(range, size))]
    kernel = values.new_zeros(len(starts), outputs, inputs)
    count = min(len(back), len(row) - starts[-1])
    for begin in range(0, count, _CHUNK):
        end = min(begin + _CHUNK, count)
        for element, start in zip(kernel, starts, strict=True):
            element.addmm_(back[begin:end].T, row[start + begin : start + end])
    # Channels last, as the kernel itself is.
    return kernel.transpose(0, 1).reshape(outputs, *size, inputs).movedim(-1, 1)
