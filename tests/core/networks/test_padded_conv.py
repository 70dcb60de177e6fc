"""Padded convolutions: gradients equal those of torch."""

from __future__ import annotations

import pytest
import torch

from napari_dip.core.networks import padded_conv
from napari_dip.core.networks.padded_conv import Convolution2d, Convolution3d


@pytest.fixture
def narrow_vectors(monkeypatch):
    """Compute kernel gradients as on processors without AVX-512; return the calls."""
    made, original = [], padded_conv.kernel_gradient
    monkeypatch.setattr(padded_conv, "_narrow_vectors", lambda: True)
    monkeypatch.setattr(
        padded_conv, "kernel_gradient", lambda *args: made.append(args) or original(*args)
    )
    return made


def layer_of(shape, size, *, bias=True, padding_mode="reflect", stride=1):
    kind = {2: Convolution2d, 3: Convolution3d}[len(shape)]
    padding = tuple(width // 2 for width in size)
    return kind(3, 5, size, stride, padding=padding, padding_mode=padding_mode, bias=bias)


def gradients(layer, values):
    values = values.clone().requires_grad_()
    result = layer(values)
    weights = torch.linspace(-1, 1, result.numel()).reshape(result.shape)
    return result, *torch.autograd.grad((result * weights).sum(), (values, *layer.parameters()))


@pytest.fixture
def only_deterministic():
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize(
    ("shape", "size"), [((9, 12), (3, 3)), ((5, 4), (5, 7)), ((5, 6, 7), (1, 3, 5))], ids=str
)
def test_deterministic_reflection_gradient_equals_that_of_torch(request, shape, size):
    torch.manual_seed(0)
    layer, values = layer_of(shape, size), torch.rand(2, 3, *shape)
    expected = gradients(layer, values)
    request.getfixturevalue("only_deterministic")
    for actual, reference in zip(gradients(layer, values), expected, strict=True):
        torch.testing.assert_close(actual, reference)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("padding_mode", ["reflect", "zeros"])
@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((40, 33), (3, 3)),
        ((110, 90), (3, 3)),  # more than one chunk
        ((37, 41), (5, 3)),
        ((12, 13, 14), (3, 3, 3)),
        ((7, 20, 19), (1, 3, 3)),
    ],
)
def test_matrix_products_yield_the_kernel_gradient_of_torch(
    narrow_vectors, monkeypatch, shape, size, padding_mode, bias
):
    torch.manual_seed(0)
    layer = layer_of(shape, size, bias=bias, padding_mode=padding_mode)
    values = torch.randn(1, 3, *shape)
    by_products = gradients(layer, values)
    assert len(narrow_vectors) == 1
    monkeypatch.setattr(padded_conv, "_narrow_vectors", lambda: False)
    for actual, expected in zip(by_products, gradients(layer, values), strict=True):
        torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-3)
    assert len(narrow_vectors) == 1


@pytest.mark.parametrize(
    ("shape", "size", "stride"),
    [((16, 16), (3, 3), 1), ((64, 64), (3, 3), 2), ((64, 64), (1, 1), 1)],
)
def test_small_images_and_strides_use_the_kernel_gradient_of_torch(
    narrow_vectors, shape, size, stride
):
    gradients(layer_of(shape, size, stride=stride), torch.randn(1, 3, *shape))
    assert not narrow_vectors


def test_bfloat16_uses_the_kernel_gradient_of_torch(narrow_vectors):
    with torch.autocast("cpu", torch.bfloat16):
        layer_of((64, 64), (3, 3))(torch.randn(1, 3, 64, 64)).float().sum().backward()
    assert not narrow_vectors
