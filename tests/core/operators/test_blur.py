"""Blurs: convolution with a PSF."""

from __future__ import annotations

import numpy as np
import torch
from scipy import signal

from napari_dip.core.operators.blur import Blur
from napari_dip.core.operators.psf.kernel import gaussian_psf


def test_blur_equals_valid_convolution():
    values = np.random.default_rng(0).random((12, 15))
    psf = np.random.default_rng(1).random((3, 5))
    blurred = Blur(torch.from_numpy(psf))(torch.from_numpy(values)[None, None])[0, 0]
    np.testing.assert_allclose(blurred, signal.convolve2d(values, psf, mode="valid"))


def test_adjoint_has_the_same_inner_product():
    random = torch.Generator().manual_seed(0)
    psf, estimate, observation = (
        torch.rand(shape, generator=random).double()
        for shape in ((3, 5), (1, 1, 14, 19), (1, 1, 12, 15))
    )
    blur = Blur(psf)
    ahead, back = (blur(estimate) * observation).sum(), (estimate * blur.adjoint(observation)).sum()
    torch.testing.assert_close(ahead, back)


def test_emphasis_keeps_white_noise_and_raises_what_the_blur_weakens():
    blur = Blur(torch.from_numpy(gaussian_psf((2.0, 2.0))))
    noise = torch.randn((1, 1, 64, 64), generator=torch.Generator().manual_seed(0))
    assert abs(float(blur.emphasised(noise).std()) - 1) < 0.05
    coarse = torch.ones(1, 1, 64, 64)
    fine = coarse * (-1.0) ** torch.arange(64)
    powers = [float(blur.emphasised(image)[..., 16:-16, 16:-16].std()) for image in (fine,)]
    assert powers[0] > float(blur.emphasised(coarse)[..., 16:-16, 16:-16].abs().mean())
