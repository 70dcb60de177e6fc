"""Point-spread functions: measured and Gaussian."""

from __future__ import annotations

import numpy as np
import pytest

from napari_dip.core.image.image import Image
from napari_dip.core.operators.psf.kernel import (
    centred_psf,
    gaussian_psf,
    spacing_in_micrometers,
)
from napari_dip.errors import InputError


def is_centred(psf):
    peak = np.unravel_index(psf.argmax(), psf.shape)
    return all(n % 2 == 1 and at == n // 2 for n, at in zip(psf.shape, peak, strict=True))


@pytest.mark.parametrize("shape", [(9, 9), (8, 10), (5, 9, 8)])
def test_centres_and_normalises_a_measured_psf(shape):
    bead = np.full(shape, 100.0)
    bead[tuple(n // 2 + 1 for n in shape)] = 900
    psf = centred_psf(bead)
    assert is_centred(psf)
    assert psf.sum() == pytest.approx(1)
    assert psf.min() == 0


def test_box_filter_is_unchanged():
    np.testing.assert_allclose(centred_psf(np.ones((5, 3))), np.full((5, 3), 1 / 15), rtol=1e-6)


@pytest.mark.parametrize("values", [np.zeros((3, 3)), np.ones(3), np.full((3, 3), np.nan)])
def test_rejects_arrays_that_are_no_psf(values):
    with pytest.raises(InputError, match="expected"):
        centred_psf(values)


def test_gaussian_psf_has_the_given_width():
    psf = gaussian_psf((1.0, 2.0))
    assert is_centred(psf)
    y, x = (np.arange(n) - n // 2 for n in psf.shape)
    assert (psf.sum(1) * y**2).sum() == pytest.approx(1.0, rel=0.01)
    assert (psf.sum(0) * x**2).sum() == pytest.approx(4.0, rel=0.01)


@pytest.mark.parametrize("sigma", [(0.0, 0.0), (-1.0, 1.0), (float("nan"), 1.0)])
def test_rejects_invalid_gaussian_widths(sigma):
    with pytest.raises(InputError, match="standard deviations"):
        gaussian_psf(sigma)


def test_converts_voxel_sizes_to_micrometres():
    data = np.zeros((4, 4))
    for spacing, unit in ((100.0, "nm"), (0.1, "micrometer"), (1000.0, "Å"), (1e-5, "cm")):
        image = Image(data, "YX", {"Y": spacing, "X": 0.1}, {"Y": unit})
        assert spacing_in_micrometers(image, "YX") == pytest.approx((0.1, 0.1))
    for unknown in (Image(data, "YX"), Image(data, "YX", {"Y": 1.0, "X": 1.0}, {"Y": "second"})):
        with pytest.raises(InputError, match="voxel size"):
            spacing_in_micrometers(unknown, "YX")
