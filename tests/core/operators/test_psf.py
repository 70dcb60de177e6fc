"""Point-spread functions: measured, Gaussian and wide-field."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import numpy as np
import pytest
from scipy import special

from napari_dip.core.image.image import Image
from napari_dip.core.operators.psf import (
    centred_psf,
    gaussian_psf,
    spacing_in_micrometers,
)
from napari_dip.core.operators.widefield import widefield_psf
from napari_dip.errors import InputError, UsageError

OPTICS = {"na": 1.4, "wavelength": 0.52, "refractive_index": 1.518}


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


def test_focal_plane_is_an_airy_disk():
    step = 0.05
    psf = widefield_psf(**OPTICS, voxel_size=(step, step))
    assert is_centred(psf)
    radius = step * np.arange(8)
    v = 2 * np.pi * OPTICS["na"] / OPTICS["wavelength"] * radius[1:]
    airy = np.concatenate([[1], (2 * special.j1(v) / v) ** 2])
    line = psf[psf.shape[0] // 2, psf.shape[1] // 2 :][:8]
    np.testing.assert_allclose(line / line[0], airy, atol=0.03)


def test_defocus_conserves_and_spreads_the_light():
    psf = widefield_psf(**OPTICS, voxel_size=(0.2, 0.08, 0.08), planes=5)
    assert psf.shape[0] == 5
    assert psf.sum() == pytest.approx(1, rel=1e-5)
    np.testing.assert_allclose(psf[0], psf[-1], rtol=1e-4, atol=1e-9)
    peaks = psf.max(axis=(1, 2))
    assert peaks[2] > peaks[1] > peaks[0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"na": 1.6}, "below the refractive index"),
        ({"wavelength": 520}, "micrometres"),
        ({"voxel_size": (5.0, 5.0)}, "larger than the PSF"),
    ],
)
def test_rejects_impossible_optics(changes, words):
    with pytest.raises(InputError, match=words):
        widefield_psf(**{**OPTICS, "voxel_size": (0.1, 0.1), **changes})


def test_converts_voxel_sizes_to_micrometres():
    data = np.zeros((4, 4))
    for spacing, unit in ((100.0, "nm"), (0.1, "micrometer"), (1000.0, "Å"), (1e-5, "cm")):
        image = Image(data, "YX", {"Y": spacing, "X": 0.1}, {"Y": unit})
        assert spacing_in_micrometers(image, "YX") == pytest.approx((0.1, 0.1))
    for unknown in (Image(data, "YX"), Image(data, "YX", {"Y": 1.0, "X": 1.0}, {"Y": "second"})):
        with pytest.raises(InputError, match="voxel size"):
            spacing_in_micrometers(unknown, "YX")


needs_generator = pytest.mark.skipif(
    find_spec("psf_generator") is None, reason="needs the extra psf"
)


@needs_generator
@pytest.mark.parametrize("voxel_size", [(0.08, 0.08), (0.2, 0.08, 0.08)])
def test_vectorial_psf_is_symmetric_and_wider_at_high_na(voxel_size):
    planes = {"planes": 5} if len(voxel_size) == 3 else {}
    scalar, vectorial = (
        widefield_psf(**OPTICS, voxel_size=voxel_size, optics=optics, **planes)
        for optics in ("scalar", "vectorial")
    )
    assert vectorial.shape == scalar.shape
    assert vectorial.sum() == pytest.approx(1, rel=1e-5)
    assert is_centred(vectorial)
    for axis in range(vectorial.ndim):
        np.testing.assert_allclose(vectorial, np.flip(vectorial, axis), atol=1e-4)
    np.testing.assert_allclose(vectorial, vectorial.swapaxes(-1, -2), atol=1e-4)
    middle = (2,) if planes else ()
    assert vectorial[middle].max() < 0.9 * scalar[middle].max()


@needs_generator
def test_scalar_and_vectorial_psf_agree_at_low_na():
    scalar, vectorial = (
        widefield_psf(0.3, 0.52, 1.0, (0.3, 0.3), optics=optics)
        for optics in ("scalar", "vectorial")
    )
    np.testing.assert_allclose(vectorial, scalar, atol=0.02 * scalar.max())


@needs_generator
def test_vectorial_optics_reject_pixels_that_are_not_square():
    with pytest.raises(InputError, match="square"):
        widefield_psf(**OPTICS, voxel_size=(0.1, 0.08), optics="vectorial")


def test_error_names_the_extra_with_psf_generator(monkeypatch):
    monkeypatch.setitem(sys.modules, "psf_generator", None)
    with pytest.raises(UsageError, match="napari-dip.psf."):
        widefield_psf(**OPTICS, voxel_size=(0.1, 0.1), optics="vectorial")
