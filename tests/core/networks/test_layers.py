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
def test_pixel_shuffle_is_torch_s_plane_by_plane_and_can_be_undone(planes, factor):
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
def test_a_convolution_continues_the_picture_beyond_its_border(size, padding, kernel):
    (scale,) = plan_scales(1, depth=8 if len(size) == 3 else None)
    layer = plain_convolution(2, 3, kernel, scale, bias=True, padding=padding)
    values, reach = torch.rand(1, 2, *size), kernel // 2
    mode = {"reflect": "reflect", "zeros": "constant"}[padding]
    continued = functional.pad(values, (reach,) * 2 * len(size), mode=mode)
    convolve = {2: functional.conv2d, 3: functional.conv3d}[len(size)]
    torch.testing.assert_close(layer(values), convolve(continued, layer.weight, layer.bias))


@pytest.mark.parametrize("size", SIZES)
def test_the_border_is_continued_in_the_precision_of_the_picture(size, monkeypatch):
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
def test_gradients_of_joined_parts_are_channels_last(size):
    parts = [channels_last(torch.rand(1, n, *size)).requires_grad_() for n in (2, 3)]
    came_back = []
    joined = join(*(part * 2 for part in parts))
    joined.register_hook(lambda gradient: came_back.append(gradient))
    joined.square().sum().backward()
    order = memory_format(len(size))
    assert all(part.grad.is_contiguous(memory_format=order) for part in parts)
    torch.testing.assert_close(torch.cat([part.grad for part in parts], 1), 2 * came_back[0])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kernel", [3, 5])
def test_gradients_come_back_from_beyond_the_border(size, kernel):
    (scale,) = plan_scales(1, depth=8 if len(size) == 3 else None)
    layer = plain_convolution(1, 2, kernel, scale, bias=False).double()
    values = torch.rand(1, 1, *size, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, values)


def test_the_way_back_from_beyond_the_border_keeps_no_picture():
    (scale,) = plan_scales(1)
    layer = plain_convolution(2, 3, 3, scale, bias=False)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.shape), lambda t: t):
        layer(torch.rand(1, 2, 6, 8, requires_grad=True))
    assert set(kept) == {(1, 2, 8, 10), layer.weight.shape}


@pytest.mark.parametrize("strides", [(2, 2), (1, 2, 2), (2, 2, 2)], ids=str)
def test_a_halving_is_undone_by_repetition_or_by_a_line(strides):
    scale = Scale(strides, (1,) * len(strides))
    values = torch.arange(2.0).expand(1, 1, *[2] * len(strides))
    # The last axis is 0, 1; all others are the same.
    for mode, line in (("nearest", [0, 0, 1, 1]), ("bilinear", [0, 0.25, 0.75, 1])):
        finer = upsample(values, mode, scale)
        assert finer.shape[2:] == tuple(2 * stride for stride in strides)
        torch.testing.assert_close(finer, torch.tensor(line).float().expand(finer.shape))
