from __future__ import annotations

import pytest
import torch

from napari_dip.core.networks import padded_conv as convolution
from napari_dip.core.networks.padded_conv import Convolution2d, Convolution3d


@pytest.fixture
def narrow_vectors(monkeypatch):
    """Have the gradients of kernels made as on processors without AVX-512."""
    made, original = [], convolution.kernel_gradient
    monkeypatch.setattr(convolution, "_narrow_vectors", lambda: True)
    monkeypatch.setattr(
        convolution, "kernel_gradient", lambda *args: made.append(args) or original(*args)
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
def test_what_is_mirrored_learns_in_a_fixed_order_as_in_any(request, shape, size):
    torch.manual_seed(0)
    layer, values = layer_of(shape, size), torch.rand(2, 3, *shape)
    expected = gradients(layer, values)
    request.getfixturevalue("only_deterministic")
    for one, other in zip(gradients(layer, values), expected, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("padding_mode", ["reflect", "zeros"])
@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((40, 33), (3, 3)),
        ((110, 90), (3, 3)),  # more than is taken at once
        ((37, 41), (5, 3)),
        ((12, 13, 14), (3, 3, 3)),
        ((7, 20, 19), (1, 3, 3)),
    ],
)
def test_kernels_learn_the_same_by_matrix_products(
    narrow_vectors, monkeypatch, shape, size, padding_mode, bias
):
    torch.manual_seed(0)
    layer = layer_of(shape, size, bias=bias, padding_mode=padding_mode)
    values = torch.randn(1, 3, *shape)
    ours = gradients(layer, values)
    assert len(narrow_vectors) == 1
    monkeypatch.setattr(convolution, "_narrow_vectors", lambda: False)
    for our, torchs in zip(ours, gradients(layer, values), strict=True):
        torch.testing.assert_close(our, torchs, rtol=1e-4, atol=1e-3)
    assert len(narrow_vectors) == 1


@pytest.mark.parametrize(
    ("shape", "size", "stride"),
    [((16, 16), (3, 3), 1), ((64, 64), (3, 3), 2), ((64, 64), (1, 1), 1)],
)
def test_of_few_pixels_and_elements_and_of_halvings_torch_makes_them(
    narrow_vectors, shape, size, stride
):
    gradients(layer_of(shape, size, stride=stride), torch.randn(1, 3, *shape))
    assert not narrow_vectors


def test_in_bfloat16_torch_makes_them(narrow_vectors):
    with torch.autocast("cpu", torch.bfloat16):
        layer_of((64, 64), (3, 3))(torch.randn(1, 3, 64, 64)).float().sum().backward()
    assert not narrow_vectors
