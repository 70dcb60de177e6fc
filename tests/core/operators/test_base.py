"""All operators: shapes, linearity, adjoint, parts and margins."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import torch

from napari_dip.core.operators.base import Identity, Operator
from napari_dip.core.operators.blur import Blur, Convolution, GaussianBlur
from napari_dip.core.operators.downsample import Downsample
from napari_dip.core.operators.features import Features, Unit
from napari_dip.core.operators.jpeg import Jpeg
from napari_dip.core.operators.kspace import KSpace
from napari_dip.core.operators.slabs import SlabBlur, slab_weights
from tests.core.operators.test_kspace import MAPS, SAMPLED

PSF_2D = torch.rand((3, 5), generator=torch.Generator().manual_seed(0))
PSF_3D = torch.rand((3, 1, 5), generator=torch.Generator().manual_seed(0))
PSFS = torch.stack([PSF_3D / PSF_3D.sum(), PSF_3D.flip(0) / PSF_3D.sum()])
TABLES = list(1 + 20 * torch.rand((3, 8, 8), generator=torch.Generator().manual_seed(0)))
OPERATORS = {
    "identity": (Identity(), (7, 9)),
    **{
        f"{kernel} {factors}": (Downsample(factors, kernel), observed)
        for kernel in ("lanczos2", "box", "gaussian", "none")
        for factors, observed in [((2, 3), (7, 9)), ((4, 1), (5, 6)), ((8, 8), (1, 3))]
    },
    "lanczos2 volume": (Downsample((3, 1, 2)), (3, 5, 4)),
    "blur": (Blur(PSF_2D / PSF_2D.sum()), (7, 9)),
    "frequencies": (KSpace(SAMPLED, paired=False), (6, 8)),
    "frequencies of odd sizes": (KSpace(SAMPLED[1:, 1:], paired=False), (5, 7)),
    "complex frequencies of odd sizes": (KSpace(SAMPLED[1:, 1:], paired=True), (5, 7)),
    "frequencies of volumes": (KSpace(SAMPLED, paired=False), (2, 6, 8)),
    "complex frequencies": (KSpace(SAMPLED, paired=True), (6, 8)),
    "frequencies of coils": (KSpace(SAMPLED, paired=True, maps=MAPS), (6, 8)),
    "jpeg": (Jpeg(TABLES[:1], (1, 1), (13, 20)), (16, 24)),
    "coloured jpeg": (Jpeg(TABLES, (2, 2), (13, 20)), (16, 24)),
    "blur volume": (Blur(PSF_3D / PSF_3D.sum()), (3, 5, 6)),
    "blur in slabs": (
        SlabBlur(PSFS, slab_weights([float(at) for at in range(14)], [2.0, 8.0])),
        (3, 5, 6),
    ),
    "blur to refine": (GaussianBlur((0.5, 1.0), "YX"), (7, 9)),
    "blur of volumes to refine": (GaussianBlur((0.5, 0.0, 1.0), "ZYX"), (3, 5, 6)),
}
# Number of channels of operators that need a certain one.
CHANNELS = {"jpeg": 1, "coloured jpeg": 3}


def concrete_classes(base):
    """Return all concrete operators of the package."""
    below = [kind for sub in base.__subclasses__() for kind in (sub, *concrete_classes(sub))]
    package = [kind for kind in below if kind.__module__.startswith("napari_dip")]
    return [kind for kind in package if not inspect.isabstract(kind)]


def test_all_operators_are_in_the_table():
    tested = {type(operator) for operator, _ in OPERATORS.values()}
    assert set(concrete_classes(Operator)) == tested | {Features, Unit}


@pytest.fixture(params=OPERATORS)
def case(request):
    operator, observed = OPERATORS[request.param]
    random = torch.Generator().manual_seed(1)
    needed = CHANNELS.get(request.param, 2)

    def draw(shape, channels=needed):
        return torch.rand((1, channels, *shape), generator=random, dtype=torch.float64)

    return operator, observed, operator.estimate_shape(observed), draw


def all_but(*kinds):
    """Return the names of all operators except those of the given classes."""
    return [name for name, (operator, _) in OPERATORS.items() if not isinstance(operator, kinds)]


def test_shapes_match_the_interface(case):
    operator, observed, estimate, draw = case
    assert operator(draw(estimate)).shape[2:] == observed
    assert operator.lift(draw(observed).float()).shape[2:] == estimate
    inside = operator.inside(draw(estimate)).shape[2:]
    assert inside == (observed if isinstance(operator, Convolution) else estimate)


def test_operator_is_linear(case):
    operator, _, estimate, draw = case
    a, b = draw(estimate), draw(estimate)
    torch.testing.assert_close(operator(2 * a - 3 * b), 2 * operator(a) - 3 * operator(b))


# The spectrum of a constant is a single peak; a PSF that changes with depth keeps the light.
@pytest.mark.parametrize("case", all_but(KSpace, Jpeg, SlabBlur), indirect=True)
def test_operator_keeps_a_constant(case):
    operator, _, estimate, _ = case
    flat = operator(torch.full((1, 1, *estimate), 7.0, dtype=torch.float64))
    torch.testing.assert_close(flat, torch.full_like(flat, 7.0), rtol=1e-6, atol=1e-6)


def test_gradient_is_the_adjoint(case):
    operator, observed, estimate, draw = case
    x = draw(estimate).requires_grad_()
    y = draw(observed, operator(x).shape[1])
    (adjoint,) = torch.autograd.grad(operator(x), x, y)
    # <A e_i, y> for a few unit images, against the i-th pixel of A^T y.
    for index in np.random.default_rng(0).choice(x.numel(), 5, replace=False):
        unit = torch.zeros_like(x).flatten()
        unit[index] = 1
        product = (operator(unit.reshape(x.shape)) * y).sum()
        torch.testing.assert_close(product, adjoint.flatten()[index], rtol=1e-5, atol=1e-6)


def test_operator_passes_the_gradient_check(case):
    operator, _, estimate, draw = case
    x = draw(estimate).requires_grad_()
    assert torch.autograd.gradcheck(operator, x, fast_mode=True, atol=1e-5)


# KSpace and Jpeg combine channels: complex images and colours.
@pytest.mark.parametrize("case", all_but(KSpace, Jpeg), indirect=True)
def test_operator_does_not_mix_channels(case):
    operator, _, estimate, draw = case
    x = draw(estimate)
    torch.testing.assert_close(operator(x)[:, 1:], operator(x[:, 1:]))


# The PSF, the frequencies and the blocks of pixels are not symmetric.
@pytest.mark.parametrize("axis", [-1, -2])
@pytest.mark.parametrize("case", all_but(Blur, SlabBlur, KSpace, Jpeg), indirect=True)
def test_mirrored_estimate_yields_mirrored_observation(case, axis):
    operator, _, estimate, draw = case
    x = draw(estimate)
    torch.testing.assert_close(operator(x.flip(axis)), operator(x).flip(axis))


def test_part_matches_the_complete_operator_inside_the_margin(case):
    operator, observed, _, draw = case
    # Large enough for neighbouring tiles; a JPEG has one size.
    full = (13, 20) if isinstance(operator, Jpeg) else tuple(4 * n for n in observed)
    if operator.part(full) is None:
        assert isinstance(operator, KSpace)
        return
    estimate = operator.estimate_shape(full)
    factors = [
        round(n / m) if isinstance(operator, Downsample) else 1
        for n, m in zip(estimate, full, strict=True)
    ]
    start = [min(operator.grid, n // 4) if operator.grid > 1 else n // 4 for n in full]
    start = [at // operator.grid * operator.grid for at in start]
    size = tuple(n - at for n, at in zip(full, start, strict=True))
    part = operator.part(size, tuple(start))
    x = draw(estimate)
    cut = [
        slice(factor * at, factor * at + n)
        for factor, at, n in zip(factors, start, part.estimate_shape(size), strict=True)
    ]
    inside = [slice(at + operator.margin(axis - len(full)), None) for axis, at in enumerate(start)]
    own_inside = [slice(operator.margin(axis - len(full)), None) for axis in range(len(full))]
    torch.testing.assert_close(part(x[..., *cut])[..., *own_inside], operator(x)[..., *inside])
