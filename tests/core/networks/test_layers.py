"""Layers: padding, pixel shuffle, interpolation and memory format."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from napari_dip.core.networks.layers import (
    Scale,
    channels_last,
    join,
    memory_format,
    pixel_shuffle,
    pixel_unshuffle,
    plain_convolution,
    plan_scales,
    upsample,
)

SIZES = [pytest.param((6, 8), id="plane"), pytest.param((3, 6, 8), id="volume")]


@pytest.mark.parametrize("factor", [1, 2, 3])
@pytest.mark.parametrize("planes", [(), (4,)])
def test_pixel_shuffle_equals_torch_in_each_plane_and_is_invertible(planes, factor):
    values = torch.rand(1, 2 * factor**2, *planes, 3, 5)
    shuffled = pixel_shuffle(values, factor)
    shape = (1, 2, *planes, 3 * factor, 5 * factor)
    assert shuffled.shape == shape
    pairs = (
        [(values, shuffled)]
        if not planes
        else [(values[:, :, z], shuffled[:, :, z]) for z in range(planes[0])]
    )
    for before, after in pairs:
        torch.testing.assert_close(after, functional.pixel_shuffle(before, factor))
    torch.testing.assert_close(pixel_unshuffle(shuffled, factor), values)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("padding", ["reflect", "zeros"])
@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_convolution_pads_by_reflection_or_zeros(size, padding, kernel):
    (scale,) = plan_scales(1, depth=8 if len(size) == 3 else None)
    layer = plain_convolution(2, 3, kernel, scale, bias=True, padding=padding)
    values, reach = torch.rand(1, 2, *size), kernel // 2
    mode = {"reflect": "reflect", "zeros": "constant"}[padding]
    padded = functional.pad(values, (reach,) * 2 * len(size), mode=mode)
    convolve = {2: functional.conv2d, 3: functional.conv3d}[len(size)]
    torch.testing.assert_close(layer(values), convolve(padded, layer.weight, layer.bias))


@pytest.mark.parametrize("size", SIZES)
def test_padding_keeps_the_precision_of_the_input(size, monkeypatch):
    (scale,) = plan_scales(1, depth=8 if len(size) == 3 else None)
    layer = plain_convolution(2, 3, 3, scale, bias=False)
    padded, pad = [], functional.pad

    def watched(values, *args, **kwargs):
        padded.append(values.dtype)
        return pad(values, *args, **kwargs)

    monkeypatch.setattr(functional, "pad", watched)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(torch.rand(1, 2, *size).bfloat16()).dtype == torch.bfloat16
    assert padded == [torch.bfloat16]


@pytest.mark.parametrize("size", SIZES)
def test_join_returns_channels_last_gradients(size):
    parts = [channels_last(torch.rand(1, n, *size)).requires_grad_() for n in (2, 3)]
    received = []
    joined = join(*(part * 2 for part in parts))
    joined.register_hook(lambda gradient: received.append(gradient))
    joined.square().sum().backward()
    order = memory_format(len(size))
    assert all(part.grad.is_contiguous(memory_format=order) for part in parts)
    torch.testing.assert_close(torch.cat([part.grad for part in parts], 1), 2 * received[0])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kernel", [3, 5])
def test_padded_convolution_passes_the_gradient_check(size, kernel):
    (scale,) = plan_scales(1, depth=8 if len(size) == 3 else None)
    layer = plain_convolution(1, 2, kernel, scale, bias=False).double()
    values = torch.rand(1, 1, *size, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, values)


def test_reflection_saves_no_tensor_for_the_backward_pass():
    (scale,) = plan_scales(1)
    layer = plain_convolution(2, 3, 3, scale, bias=False)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.shape), lambda t: t):
        layer(torch.rand(1, 2, 6, 8, requires_grad=True))
    assert set(kept) == {(1, 2, 8, 10), layer.weight.shape}


@pytest.mark.parametrize("strides", [(2, 2), (1, 2, 2), (2, 2, 2)], ids=str)
def test_upsample_repeats_or_interpolates(strides):
    scale = Scale(strides, (1,) * len(strides))
    values = torch.arange(2.0).expand(1, 1, *[2] * len(strides))
    # The values along the last axis are 0 and 1.
    for mode, line in (("nearest", [0, 0, 1, 1]), ("bilinear", [0, 0.25, 0.75, 1])):
        finer = upsample(values, mode, scale)
        assert finer.shape[2:] == tuple(2 * stride for stride in strides)
        torch.testing.assert_close(finer, torch.tensor(line).float().expand(finer.shape))
