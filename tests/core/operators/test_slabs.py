"""Blur by a PSF that changes with depth."""

from __future__ import annotations

import pytest
import torch

from napari_dip.core.operators.blur import Blur
from napari_dip.core.operators.richardson_lucy import RichardsonLucy
from napari_dip.core.operators.slabs import SlabBlur, slab_weights

PSFS = torch.rand((3, 3, 5, 3), generator=torch.Generator().manual_seed(0))
PSFS = PSFS / PSFS.sum((1, 2, 3), keepdim=True)
CENTRES = (0.0, 2.0, 5.0)


def slabs(planes, psfs=PSFS):
    depths = [float(at) for at in range(-1, planes + 1)]
    return SlabBlur(psfs, slab_weights(depths, CENTRES[: len(psfs)]))


def drawn(*shape):
    return torch.rand((1, 2, *shape), generator=torch.Generator().manual_seed(1)).double()


def test_weights_sum_to_one_at_each_plane():
    weights = slab_weights([-3.0, 0.0, 0.5, 1.0, 3.0, 9.0], CENTRES)
    torch.testing.assert_close(weights.sum(0), torch.ones(6))
    assert float(weights.min()) >= 0
    assert int((weights > 0).sum(0).max()) == 2


def test_adjoint_has_the_same_inner_product():
    blur, observation = slabs(6), drawn(6, 9, 7)
    estimate = drawn(*blur.estimate_shape((6, 9, 7)))
    ahead, back = (blur(estimate) * observation).sum(), (estimate * blur.adjoint(observation)).sum()
    torch.testing.assert_close(ahead, back)


def test_adjoint_is_the_gradient():
    blur, observation = slabs(6), drawn(6, 9, 7)
    estimate = drawn(*blur.estimate_shape((6, 9, 7))).requires_grad_()
    (gradient,) = torch.autograd.grad((blur(estimate) * observation).sum(), estimate)
    torch.testing.assert_close(gradient, blur.adjoint(observation))


def test_one_slab_equals_blur():
    blur, estimate = slabs(6, PSFS[:1]), drawn(8, 13, 9)
    torch.testing.assert_close(blur(estimate), Blur(PSFS[0])(estimate))


def test_equal_psfs_equal_blur():
    blur, estimate = slabs(6, PSFS[:1].expand(3, -1, -1, -1)), drawn(8, 13, 9)
    torch.testing.assert_close(blur(estimate), Blur(PSFS[0])(estimate))


@pytest.mark.parametrize(("plane", "slab"), [(1, 0), (3, 1), (6, 2)])
def test_light_in_the_centre_of_a_slab_is_spread_by_its_psf(plane, slab):
    estimate = torch.zeros(1, 1, 8, 9, 5)
    estimate[0, 0, plane, 4, 2] = 1.0
    torch.testing.assert_close(slabs(6)(estimate), Blur(PSFS[slab])(estimate))


def test_no_light_is_lost():
    estimate = torch.zeros(1, 1, 8, 13, 9)
    estimate[..., 2:6, 4:9, 2:7] = drawn(4, 5, 5).float()[:, :1]
    torch.testing.assert_close(slabs(6)(estimate).sum(), estimate.sum())


def test_part_along_z_has_the_psfs_of_its_depth():
    blur, estimate = slabs(8), drawn(10, 13, 9)
    part = blur.part((4, 9, 7), (3, 0, 0))
    inside = part(estimate[:, :, 3:9])
    torch.testing.assert_close(inside, blur(estimate)[:, :, 3:7])


def test_richardson_lucy_finds_beads_at_each_depth():
    blur = slabs(6)
    truth = torch.zeros(1, 1, 8, 13, 9)
    for plane in (2, 4, 6):
        truth[0, 0, plane, 3 + plane, 4] = 100.0
    light = blur(truth)
    *_, sharp = RichardsonLucy(blur, torch.ones_like(light)).plain(light, 300)
    assert float((sharp - truth).abs().max()) < 10
    *_, wrong = RichardsonLucy(Blur(PSFS[0]), torch.ones_like(light)).plain(light, 300)
    assert float((wrong - truth).abs().max()) > 20
