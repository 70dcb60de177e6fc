"""Wide-field PSF: scalar and vectorial optics."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import numpy as np
import pytest
from scipy import special

from napari_dip.core.operators.psf.widefield import widefield_psf
from napari_dip.errors import InputError, UsageError
from tests.core.operators.psf.test_kernel import is_centred

OPTICS = {"na": 1.4, "wavelength": 0.52, "refractive_index": 1.518}
needs_generator = pytest.mark.skipif(
    find_spec("psf_generator") is None, reason="needs the extra psf"
)


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
