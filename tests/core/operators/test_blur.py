"""Blurs: convolution with a PSF."""

from __future__ import annotations

import numpy as np
import torch
from scipy import signal

from napari_dip.core.operators.blur import Blur


def test_blur_equals_valid_convolution():
    values = np.random.default_rng(0).random((12, 15))
    psf = np.random.default_rng(1).random((3, 5))
    blurred = Blur(torch.from_numpy(psf))(torch.from_numpy(values)[None, None])[0, 0]
    np.testing.assert_allclose(blurred, signal.convolve2d(values, psf, mode="valid"))
