"""Full width at half maximum of a PSF."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from napari_dip.core.operators.psf.width import full_width


@pytest.mark.parametrize("sigma", [1.0, 2.5, 6.0])
def test_width_of_a_gaussian(sigma):
    line = np.exp(-0.5 * ((np.arange(61) - 30) / sigma) ** 2)
    psf = line[:, None] * np.exp(-0.5 * ((np.arange(41) - 20) / 2.0) ** 2)
    assert full_width(psf, 0) == pytest.approx(2.355 * sigma, rel=0.01)
    assert full_width(psf, 1) == pytest.approx(2.355 * 2.0, rel=0.01)


def test_width_of_an_airy_disk():
    v = np.hypot(*np.mgrid[-40:41, -40:41]) * 0.25 + 1e-9
    airy = (2 * special.j1(v) / v) ** 2
    assert full_width(airy, 1) == pytest.approx(2 * 1.616 / 0.25, rel=0.02)
