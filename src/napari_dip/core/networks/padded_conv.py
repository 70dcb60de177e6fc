"""Convolutions padded by reflection or zeros, and the gradient of their kernels."""

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
# With fewer pixels torch is equally fast for the gradient of a kernel.
_MANY_PIXELS = 1024
# Number of pixels that fit into the cache.
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
    if layer.padding_mode == "zeros" and not _by_matrix_products(values, layer):
        convolve = _CONVOLVE[values.ndim]
        return convolve(values, layer.weight, layer.bias, layer.stride, layer.padding)
    if any(layer.padding):
        # Torch expects the last axis first.
        widths = [size // 2 for size in reversed(layer.kernel_size) for _ in range(2)]
        # Autocast would pad in float32: two conversions and twice the memory, no more precision.
        with torch.autocast(values.device.type, enabled=False):
            if layer.padding_mode == "reflect":
                values = _Reflected.apply(values, widths)  # type: ignore[no-untyped-call]
            else:
                values = functional.pad(values, widths)
    if _by_matrix_products(values, layer):
        return _MatrixProducts.apply(values, layer.weight, layer.bias)  # type: ignore[no-any-return, no-untyped-call]
    return _CONVOLVE[values.ndim](values, layer.weight, layer.bias, layer.stride)


class _Reflected(torch.autograd.Function):
    """Reflection padding that saves no tensor for the backward pass.

    The function of torch saves its input, of which only the size is needed: this is 10% of the
    memory of an iteration.
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
            return _fold_reflection(gradient, ctx.widths), None
        back = {
            4: torch.ops.aten.reflection_pad2d_backward,
            5: torch.ops.aten.reflection_pad3d_backward,
        }[gradient.ndim]
        return back(gradient, gradient[inner], ctx.widths), None


def _fold_reflection(values: Tensor, widths: list[int]) -> Tensor:
    """Return the gradient of reflection padding, with sums in a fixed order.

    On CUDA the sums of the torch function have no fixed order.

    Parameters
    ----------
    values : (N, C, [Z,] Y, X) Tensor
        Gradient of the padded tensor.
    widths : list of int
        Padding before and after along X, Y [and Z], in the order of torch [pixels].
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


def _by_matrix_products(values: Tensor, layer: nn.Conv2d | nn.Conv3d) -> bool:
    """Return whether a kernel's gradient follows, which takes torch two to five times as long."""
    return (
        torch.is_grad_enabled()
        and prod(layer.kernel_size) > 1
        and prod(layer.stride) == 1
        and prod(values.shape[2:]) >= _MANY_PIXELS
        and values.device.type == "cpu"
        and values.dtype is torch.float32
        and not torch.is_autocast_enabled("cpu")
        and _narrow_vectors()
    )


@cache
def _narrow_vectors() -> bool:
    """Return whether the processor has AVX2 but not AVX-512."""
    return torch.backends.cpu.get_cpu_capability() == "AVX2"


class _MatrixProducts(torch.autograd.Function):
    """Convolution that computes the gradient of its kernel by matrix products."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(values, weight)
        return _CONVOLVE[values.ndim](values, weight, bias)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        values, weight = ctx.saved_tensors
        once, never = [1] * (values.ndim - 2), [0] * (values.ndim - 2)
        # With the gradient of the bias, torch would compute that of the kernel, too.
        of_values, *_ = torch.ops.aten.convolution_backward(
            gradient, values, weight, None, once, never, once, False, never, 1,
            [ctx.needs_input_grad[0], False, False],
        )  # fmt: skip
        of_bias = gradient.sum((0, *range(2, values.ndim))) if ctx.needs_input_grad[2] else None
        return of_values, kernel_gradient(values, gradient, weight.shape[2:]), of_bias


def kernel_gradient(values: Tensor, gradient: Tensor, size: Sequence[int]) -> Tensor:
    """Return the gradient of the kernel of a convolution of stride 1.

    With channels last and all pixels in one row, the pixels under an element of the kernel are
    the same row with another start: one matrix product per element, without copies.

    Parameters
    ----------
    values : (1, I, [Z,] Y, X) Tensor
        Padded input of the convolution.
    gradient : (1, O, [Z,] Y, X) Tensor
        Gradient of the output of the convolution.
    size : sequence of int
        Size of the kernel along each spatial axis.

    Returns
    -------
    (O, I, *size) Tensor
        Gradient of the kernel.

    Examples
    --------
    >>> values, gradient = torch.ones(1, 2, 5, 6), torch.ones(1, 3, 3, 4)
    >>> kernel_gradient(values, gradient, (3, 3)).unique().tolist()
    [12.0]
    """
    inputs, *extent = values.shape[1:]
    outputs, _, *lines = gradient.shape[1:]
    row = values.movedim(1, -1).reshape(-1, inputs)
    # Zero gradient where the row extends beyond the end of a line of the output.
    beyond = [
        width
        for full, line in zip(reversed(extent[1:]), reversed(lines), strict=True)
        for width in (0, full - line)
    ]
    padded = functional.pad(gradient.movedim(1, -1), [0, 0, *beyond]).reshape(-1, outputs)
    steps = [prod(extent[axis + 1 :]) for axis in range(len(extent))]
    starts = [sum(map(mul, place, steps)) for place in product(*map(range, size))]
    kernel = values.new_zeros(len(starts), outputs, inputs)
    count = min(len(padded), len(row) - starts[-1])
    for begin in range(0, count, _CHUNK):
        end = min(begin + _CHUNK, count)
        for element, start in zip(kernel, starts, strict=True):
            element.addmm_(padded[begin:end].T, row[start + begin : start + end])
    # Channels last, like the kernel.
    return kernel.transpose(0, 1).reshape(outputs, *size, inputs).movedim(-1, 1)
