"""Downsampling: position of the samples, kernels and margins."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage.measure import block_reduce

from napari_dip.core.operators.downsample import Downsample


def test_box_kernel_averages_the_pixels_of_each_block():
    values = np.random.default_rng(0).random((8, 12))
    coarse = Downsample((2, 3), "box")(torch.from_numpy(values)[None, None])
    np.testing.assert_allclose(coarse[0, 0], block_reduce(values, (2, 3), np.mean), rtol=1e-6)


@pytest.mark.parametrize(("factor", "expected"), [(3, [1, 4]), (4, [1.5, 5.5])])
def test_no_low_pass_keeps_the_middle_pixel_or_the_mean_of_two(factor, expected):
    coarse = Downsample((1, factor), "none")(torch.arange(2.0 * factor).reshape(1, 1, 1, -1))
    assert coarse.flatten().tolist() == expected


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_samples_lie_at_the_centre_of_their_pixels(factor):
    position = torch.arange(20.0 * factor, dtype=torch.float64)
    coarse = Downsample((1, factor))(position.expand(1, 1, 2, -1))[0, 0, 0]
    expected = torch.arange(20, dtype=torch.float64) * factor + (factor - 1) / 2
    torch.testing.assert_close(coarse[3:-3], expected[3:-3])


def test_lift_keeps_the_position_of_the_picture():
    smooth = ndimage.gaussian_filter(np.random.default_rng(0).random((24, 24)), 3)
    fine = torch.from_numpy(smooth)[None, None]
    operator = Downsample((2, 2))
    lifted = operator.lift(operator(fine))
    assert float((lifted - fine).abs()[..., 3:-3, 3:-3].max()) < 0.02 * np.ptp(smooth)


@pytest.mark.parametrize("kernel", ["lanczos2", "box", "gaussian", "none"])
@pytest.mark.parametrize("factor", [2, 3, 4])
def test_margin_covers_every_sample_that_a_fine_pixel_reaches(factor, kernel):
    operator, size = Downsample((1, factor), kernel), 24
    estimate = torch.zeros(1, 1, 1, size * factor)
    # The fine pixels of one sample.
    estimate[..., size // 2 * factor : (size // 2 + 1) * factor] = 1.0
    reached = operator(estimate)[0, 0, 0].abs().gt(1e-7).nonzero().flatten() - size // 2
    margin = operator.margin(1)
    assert margin - 1 <= int(reached.abs().max()) <= margin
