"""Richardson-Lucy: plain, with total variation, and with gradient consensus."""

from __future__ import annotations

import pytest
import torch

from napari_dip.core.operators.blur import Blur
from napari_dip.core.operators.psf.kernel import gaussian_psf
from napari_dip.core.operators.richardson_lucy import RichardsonLucy, divergence, has_consensus

SHAPES = {"plane": (24, 20), "volume": (8, 14, 12)}


def scene(shape, photons=200.0):
    """Return a blur, a bright box reaching beyond the view, and its noisy blurred image."""
    blur = Blur(torch.from_numpy(gaussian_psf((1.0,) * len(shape))))
    truth = torch.full((1, 1, *blur.estimate_shape(shape)), 0.02 * photons)
    truth[(..., *(slice(n // 2) for n in truth.shape[2:]))] = photons
    noisy = torch.poisson(blur(truth), generator=torch.Generator().manual_seed(0))
    return blur, truth, noisy


def error(blur, estimate, truth):
    return float((blur.inside(estimate) - blur.inside(truth)).square().mean())


def last(estimates):
    *_, estimate = estimates
    return estimate


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_methods_are_sharper_than_the_observation_and_not_negative(shape):
    blur, truth, noisy = scene(shape)
    method = RichardsonLucy(blur, torch.ones_like(noisy))
    random = torch.Generator().manual_seed(0)

    def halves():
        half = torch.binomial(noisy, torch.full_like(noisy, 0.5), generator=random)
        return 2 * half, 2 * (noisy - half)

    estimates = {
        "plain": last(method.plain(noisy, 15)),
        "variation": last(method.plain(noisy, 15, 0.01)),
        "consensus": last(method.consensus(halves, noisy, 15)),
    }
    before = error(blur, blur.lift(noisy), truth)
    for name, estimate in estimates.items():
        assert bool((estimate >= 0).all()), name
        assert error(blur, estimate, truth) < 0.8 * before, name


def test_total_variation_is_smaller_with_its_weight():
    blur, _, noisy = scene(SHAPES["plane"], photons=30.0)
    method = RichardsonLucy(blur, torch.ones_like(noisy))
    rough, smooth = (last(method.plain(noisy, 40, weight)) for weight in (0.0, 0.05))
    roughness = [float(estimate.diff(dim=-1).abs().sum()) for estimate in (rough, smooth)]
    assert roughness[1] < 0.7 * roughness[0]


def test_missing_pixels_do_not_matter():
    blur, _, noisy = scene(SHAPES["plane"])
    known = torch.ones_like(noisy)
    known[..., 4:7, 4:7] = 0
    wrong = torch.where(known > 0, noisy, 1e4)
    one, two = (last(RichardsonLucy(blur, known).plain(image, 10)) for image in (noisy, wrong))
    torch.testing.assert_close(one, two)


def test_divergence_is_the_negative_gradient_of_the_total_variation():
    image = torch.rand((1, 1, 9, 8), generator=torch.Generator().manual_seed(0)).double()
    image.requires_grad_()
    rows = torch.nn.functional.pad(image.diff(dim=-2), (0, 0, 0, 1))
    columns = torch.nn.functional.pad(image.diff(dim=-1), (0, 1))
    (rows.square() + columns.square() + 1e-12).sqrt().sum().backward()
    torch.testing.assert_close(divergence(image.detach(), 2), -image.grad, atol=1e-4, rtol=1e-3)


def test_consensus_ends_once_hardly_any_photon_moves():
    before = torch.full((1, 1, 8, 8), 10.0)
    after = before.clone()
    after[..., 0, :4] = 10.1
    assert has_consensus(before, after, brightest=100)
    after[..., 0, :4] = 12.0
    assert not has_consensus(before, after, brightest=100)
    assert has_consensus(before, after, brightest=20)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_iterations_continue_from_a_first_estimate_even_where_it_is_dark(shape):
    blur, truth, noisy = scene(shape)
    method = RichardsonLucy(blur, torch.ones_like(noisy))
    near = next(method.plain(noisy, 1, start=truth))
    assert error(blur, near, truth) < 0.2 * error(blur, next(method.plain(noisy, 1)), truth)
    dark = last(method.plain(noisy, 60, start=torch.zeros_like(truth)))
    assert error(blur, dark, truth) < 2 * error(blur, last(method.plain(noisy, 60)), truth)
