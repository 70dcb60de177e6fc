from __future__ import annotations

import inspect

import numpy as np
import pytest
import torch
from scipy import signal

from napari_dip.core.operators.base import Identity, Operator
from napari_dip.core.operators.blur import Blur, Convolution, GaussianBlur
from napari_dip.core.operators.downsample import Downsample
from napari_dip.core.operators.features import Features, Unit
from napari_dip.core.operators.jpeg import Jpeg
from napari_dip.core.operators.kspace import KSpace
from tests.tiny import tiny_features

PSF_2D = torch.rand((3, 5), generator=torch.Generator().manual_seed(0))
PSF_3D = torch.rand((3, 1, 5), generator=torch.Generator().manual_seed(0))
SAMPLED = torch.rand((6, 8), generator=torch.Generator().manual_seed(0)) < 0.5
MAPS = torch.randn((3, 6, 8), generator=torch.Generator().manual_seed(0), dtype=torch.complex128)
TABLES = list(1 + 20 * torch.rand((3, 8, 8), generator=torch.Generator().manual_seed(0)))
OPERATORS = {
    "identity": (Identity(), (7, 9)),
    **{
        f"{kernel} {factors}": (Downsample(factors, kernel), observed)
        for kernel in ("lanczos2", "box", "gaussian")
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
    "blur to refine": (GaussianBlur((0.5, 1.0), "YX"), (7, 9)),
    "blur of volumes to refine": (GaussianBlur((0.5, 0.0, 1.0), "ZYX"), (3, 5, 6)),
}
# Of the operators that need a certain number.
CHANNELS = {"jpeg": 1, "coloured jpeg": 3}


def kinds(of):
    """Return all kinds of operators of ours that are not only for others to be made of."""
    below = [kind for one in of.__subclasses__() for kind in (one, *kinds(one))]
    ours = [kind for kind in below if kind.__module__.startswith("napari_dip")]
    return [kind for kind in ours if not inspect.isabstract(kind)]


def test_every_operator_is_tested_here():
    tested = {type(operator) for operator, _ in OPERATORS.values()}
    assert set(kinds(Operator)) == tested | {Features, Unit}


@pytest.mark.parametrize("shape", [(7, 9), (2, 7, 9)])
@pytest.mark.parametrize("phi", [Features(tiny_features()), Unit(tiny_features(), 1)])
def test_the_gradient_of_features_is_right(phi, shape):
    x = torch.rand((1, 3, *shape), dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(phi, x, fast_mode=True)


@pytest.fixture(params=OPERATORS)
def case(request):
    operator, observed = OPERATORS[request.param]
    random = torch.Generator().manual_seed(1)
    needed = CHANNELS.get(request.param, 2)

    def draw(shape, channels=needed):
        return torch.rand((1, channels, *shape), generator=random, dtype=torch.float64)

    return operator, observed, operator.estimate_shape(observed), draw


def all_but(*kinds):
    """Return the names of the operators of no such kind."""
    return [name for name, (operator, _) in OPERATORS.items() if not isinstance(operator, kinds)]


def test_the_shapes_are_as_promised(case):
    operator, observed, estimate, draw = case
    assert operator(draw(estimate)).shape[2:] == observed
    assert operator.lift(draw(observed).float()).shape[2:] == estimate
    inside = operator.inside(draw(estimate)).shape[2:]
    assert inside == (observed if isinstance(operator, Convolution) else estimate)


def test_the_operator_is_linear(case):
    operator, _, estimate, draw = case
    a, b = draw(estimate), draw(estimate)
    torch.testing.assert_close(operator(2 * a - 3 * b), 2 * operator(a) - 3 * operator(b))


# A spectrum has one number for a constant.
@pytest.mark.parametrize("case", all_but(KSpace, Jpeg), indirect=True)
def test_a_constant_stays_constant(case):
    operator, _, estimate, _ = case
    flat = operator(torch.full((1, 1, *estimate), 7.0, dtype=torch.float64))
    torch.testing.assert_close(flat, torch.full_like(flat, 7.0), rtol=1e-6, atol=1e-6)


def test_the_gradient_is_the_adjoint(case):
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


def test_the_gradient_is_right(case):
    operator, _, estimate, draw = case
    x = draw(estimate).requires_grad_()
    assert torch.autograd.gradcheck(operator, x, fast_mode=True, atol=1e-5)


# Two channels may be one complex image, three one of colour.
@pytest.mark.parametrize("case", all_but(KSpace, Jpeg), indirect=True)
def test_channels_do_not_mix(case):
    operator, _, estimate, draw = case
    x = draw(estimate)
    torch.testing.assert_close(operator(x)[:, 1:], operator(x[:, 1:]))


# A PSF, frequencies and blocks of pixels have a direction.
@pytest.mark.parametrize("axis", [-1, -2])
@pytest.mark.parametrize("case", all_but(Blur, KSpace, Jpeg), indirect=True)
def test_a_mirrored_picture_is_observed_as_a_mirrored_observation(case, axis):
    operator, _, estimate, draw = case
    x = draw(estimate)
    torch.testing.assert_close(operator(x.flip(axis)), operator(x).flip(axis))


def test_what_a_part_recorded_depends_on_a_part_of_the_estimate_alone(case):
    operator, observed, _, draw = case
    # So many tiles that one has neighbours; a JPEG is of one size.
    whole = (13, 20) if isinstance(operator, Jpeg) else tuple(4 * n for n in observed)
    if operator.part(whole) is None:
        assert isinstance(operator, KSpace)
        return
    estimate = operator.estimate_shape(whole)
    factors = [
        round(n / m) if isinstance(operator, Downsample) else 1
        for n, m in zip(estimate, whole, strict=True)
    ]
    start = [min(operator.grid, n // 4) if operator.grid > 1 else n // 4 for n in whole]
    start = [at // operator.grid * operator.grid for at in start]
    size = tuple(n - at for n, at in zip(whole, start, strict=True))
    part = operator.part(size)
    x = draw(estimate)
    cut = [
        slice(factor * at, factor * at + n)
        for factor, at, n in zip(factors, start, part.estimate_shape(size), strict=True)
    ]
    inside = [slice(at + operator.margin(axis - len(whole)), None) for axis, at in enumerate(start)]
    own = [slice(operator.margin(axis - len(whole)), None) for axis in range(len(whole))]
    torch.testing.assert_close(part(x[..., *cut])[..., *own], operator(x)[..., *inside])


def test_coarse_colour_is_read_from_a_part_as_from_the_whole_but_for_a_margin():
    jpeg = Jpeg(TABLES, (2, 2), (64, 64))
    picture = torch.rand((1, 3, 64, 64), generator=torch.Generator().manual_seed(1)).double()
    assert (jpeg.grid, jpeg.margin(-1)) == (16, 8)
    valid = torch.ones_like(picture, dtype=torch.bool)
    whole, _ = jpeg.measured(picture, valid)
    part, _ = jpeg.part((64, 48)).measured(picture[..., 16:], valid[..., 16:])
    # Coarse samples lie in the first half of their channel.
    torch.testing.assert_close(part[0, 0], whole[0, 0, :, 16:])
    torch.testing.assert_close(part[0, 1, :, 8:24], whole[0, 1, :, 16:32], rtol=1e-3, atol=1e-3)


def test_a_blur_is_a_convolution_where_the_psf_sees_only_the_estimate():
    values = np.random.default_rng(0).random((12, 15))
    psf = np.random.default_rng(1).random((3, 5))
    blurred = Blur(torch.from_numpy(psf))(torch.from_numpy(values)[None, None])[0, 0]
    np.testing.assert_allclose(blurred, signal.convolve2d(values, psf, mode="valid"))


@pytest.mark.parametrize("paired", [False, True])
def test_a_spectrum_has_the_energy_of_the_image_and_its_adjoint_is_the_image(paired):
    fourier = KSpace(SAMPLED, paired=paired)
    x = torch.rand((1, 4, 6, 8), dtype=torch.float64)
    torch.testing.assert_close(fourier(x).square().sum(), x.square().sum())
    torch.testing.assert_close(fourier.adjoint(fourier(x)), x)


def test_coils_are_combined_as_they_see():
    fourier = KSpace(SAMPLED, paired=True, maps=MAPS)
    x = torch.rand((1, 2, 6, 8), dtype=torch.float64)
    assert fourier.estimate_channels(6) == 2
    torch.testing.assert_close(fourier.combined(fourier.adjoint(fourier(x))), x)


def test_a_real_image_has_its_negative_frequencies_too():
    sampled = torch.zeros(6, 8, dtype=torch.bool)
    sampled[0, 0] = sampled[1, 2] = True
    found = KSpace(sampled, paired=False).sampled.nonzero().tolist()
    assert found == [[0, 0], [1, 2], [5, 6]]
    assert int(KSpace(sampled, paired=True).sampled.sum()) == 2
