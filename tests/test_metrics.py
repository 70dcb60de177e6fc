from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_dip import metrics
from napari_dip.errors import InputError
from tests.tiny import noisy_waves, waves

RNG = np.random.default_rng(0)


def test_psnr_uses_255_for_uint8_and_else_the_range_of_the_reference():
    truth = np.tile(np.arange(100, 116, dtype=np.uint8), (16, 1))
    assert metrics.psnr(truth + 5, truth) == pytest.approx(20 * np.log10(255 / 5))
    wide = truth.astype(np.uint16)
    assert metrics.psnr(wide + 5, wide) == pytest.approx(20 * np.log10(15 / 5))


def test_psnr_ignores_values_that_are_not_finite():
    truth, image = waves(), noisy_waves()
    holed = truth.copy()
    holed[3, 4] = np.nan
    image[3, 4] = 1e9
    assert metrics.psnr(image, holed) > 10


def test_nrmse_is_relative_to_the_reference():
    assert metrics.nrmse(1.1 * waves(), waves()) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("axes", "shape"), [("YX", (20, 24)), ("ZYX", (2, 20, 24)), ("YXS", (20, 24, 3))]
)
def test_ssim_is_one_for_equal_images_only(axes, shape):
    truth = RNG.normal(size=shape)
    assert metrics.ssim(truth, truth, axes) == pytest.approx(1)
    assert metrics.ssim(truth + RNG.normal(size=shape), truth, axes) < 0.9


def test_ssim_is_none_below_its_window():
    assert metrics.ssim(np.eye(5), np.eye(5), "YX") is None


def test_frc_finds_the_frequency_where_two_images_differ():
    truth = RNG.normal(size=(128, 128))
    assert metrics.frc(truth, truth, "YX") == 0.5
    narrow = ndimage.gaussian_filter(truth, 4)
    wide = ndimage.gaussian_filter(truth, 2)
    noise = RNG.normal(0, 0.01, truth.shape)
    cutoffs = [metrics.frc(blurred + noise, truth, "YX") for blurred in (narrow, wide)]
    assert 0 < cutoffs[0] < cutoffs[1] < 0.5
    assert metrics.frc(np.eye(8), np.eye(8), "YX") is None


def test_affine_match_undoes_a_linear_scaling():
    matched = metrics.affine_match(waves(), 0.6 * waves() + 12)
    np.testing.assert_allclose(matched, 0.6 * waves() + 12)


def test_whiteness_distinguishes_white_from_smooth_residuals():
    white = RNG.normal(size=(2, 64, 64))
    assert metrics.residual_whiteness(white) == pytest.approx(np.sqrt(2), rel=0.05)
    assert metrics.residual_whiteness(ndimage.gaussian_filter(white, (0, 2, 2))) < 0.6
    assert metrics.residual_whiteness(np.zeros((4, 4))) is None


@pytest.mark.parametrize("measure", [metrics.psnr, metrics.nrmse])
def test_metrics_reject_different_shapes(measure):
    with pytest.raises(InputError, match="same shape"):
        measure(np.zeros((4, 4)), np.zeros((4, 5)))


def test_psnr_rejects_constant_reference():
    with pytest.raises(InputError, match="constant reference"):
        metrics.psnr(np.eye(4), np.ones((4, 4)))


def test_seam_ratio_exceeds_its_limit_only_with_a_seam():
    noise = np.random.default_rng(0).normal(size=(3, 200, 200))
    picture = ndimage.gaussian_filter(noise, (0, 3, 3))
    seams = {1: [(96, 104)], 2: [(60, 60), (120, 128)]}
    ratio, chance = metrics.seam_ratio(picture, seams)
    assert ratio < chance
    step = 2 * np.abs(np.diff(picture, axis=1)).mean()
    picture[:, 100:] += step
    picture[..., 60:] += step
    ratio, chance = metrics.seam_ratio(picture, seams)
    assert ratio > chance
    assert metrics.seam_ratio(picture, {}) is None
    assert metrics.seam_ratio(np.full((40, 40), np.nan), {0: [(20, 20)]}) is None
