"""PSF of each kind of microscope: widths, limits, and refused optics."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from typing import get_args

import numpy as np
import pytest

from napari_dip.config import Microscope
from napari_dip.core.operators.psf.microscope import Setup, microscope_psf
from napari_dip.core.operators.psf.width import full_width
from napari_dip.errors import InputError
from tests.core.operators.psf.test_kernel import is_centred

STEPS = (0.1, 0.05, 0.05)
SETUP = Setup(1.2, 1.33, "widefield", 0.52, 0.488, 1.0, sheet_thickness=1.0)
MICROSCOPES = get_args(Microscope)


def psf_of(steps=STEPS, planes=41, **changes):
    return microscope_psf(replace(SETUP, **changes), steps, planes=planes)


def widths_of(**changes):
    """Return the FWHM along Z and X [micrometre]."""
    psf = psf_of(**changes)
    return full_width(psf, 0) * STEPS[0], full_width(psf, 2) * STEPS[2]


@pytest.mark.parametrize("microscope", MICROSCOPES)
@pytest.mark.parametrize("steps", [STEPS, STEPS[1:], (0.25, 0.1, 0.08)], ids=["3D", "2D", "oblong"])
def test_psf_is_centred_symmetric_and_normalised(microscope, steps):
    psf = psf_of(steps, microscope=microscope)
    assert psf.ndim == len(steps)
    assert psf.sum() == pytest.approx(1, rel=1e-5)
    assert psf.min() >= 0
    assert is_centred(psf)
    for axis in range(psf.ndim):
        np.testing.assert_allclose(psf, np.flip(psf, axis), atol=1e-4 * psf.max())


def test_confocal_is_narrower_than_wide_field_and_the_pinhole_widens_it():
    wide = widths_of()
    closed, half, unit = (widths_of(microscope="confocal", pinhole=n) for n in (0.0, 0.5, 1.0))
    for place in range(2):
        assert closed[place] < half[place] < unit[place] < wide[place]
    # Two equal factors narrow a Gaussian by the root of 2; excitation is shorter here.
    assert closed[1] == pytest.approx(wide[1] / np.sqrt(2), rel=0.05)


def test_confocal_with_an_open_pinhole_has_the_resolution_of_the_excitation():
    opened = psf_of(microscope="confocal", pinhole=20.0, planes=11)
    excited = psf_of(emission=0.488, planes=11)
    size = [min(n) for n in zip(opened.shape, excited.shape, strict=True)]
    one, two = (
        psf[tuple(slice((n - m) // 2, (n + m) // 2) for n, m in zip(psf.shape, size, strict=True))]
        for psf in (opened, excited)
    )
    np.testing.assert_allclose(one / one.max(), two / two.max(), atol=0.02)


def test_spinning_disk_lies_between_confocal_and_wide_field():
    wide, closed = widths_of(), widths_of(microscope="confocal", pinhole=0.0)
    unit = widths_of(microscope="spinning-disk", pinhole=1.0)
    for place in range(2):
        assert closed[place] < unit[place] < wide[place]
    np.testing.assert_allclose(
        psf_of(microscope="spinning-disk", pinhole=0.0),
        psf_of(microscope="confocal", pinhole=0.0),
        atol=1e-6,
    )


def test_two_photon_is_the_square_of_the_excitation():
    excited = psf_of((0.05, 0.05), emission=0.9)
    squared = psf_of((0.05, 0.05), microscope="two-photon", excitation=0.9, emission=None)
    np.testing.assert_allclose(squared, excited**2 / (excited**2).sum(), atol=0.03 * squared.max())


def test_light_sheet_cuts_the_depth_and_not_the_plane():
    wide, sheet = widths_of(), widths_of(microscope="light-sheet", sheet_thickness=0.5)
    expected = (wide[0] ** -2 + 0.5**-2) ** -0.5  # product of two Gaussians
    assert sheet[0] == pytest.approx(expected, rel=0.05)
    assert sheet[1] == pytest.approx(wide[1], rel=0.01)
    assert widths_of(microscope="light-sheet", sheet_thickness=500.0) == pytest.approx(wide)


def test_confocal_rejects_light_from_other_planes():
    wide, confocal = (psf_of(microscope=name) for name in ("widefield", "confocal"))
    shares = [psf[0].sum() / psf[20].sum() for psf in (wide, confocal)]
    assert shares[1] < 0.1 * shares[0]


def test_voxel_size_does_not_change_the_psf():
    """Coarse voxels hold the sum of the light in fine ones."""
    fine = psf_of((0.03, 0.03), microscope="confocal")
    coarse = psf_of((0.09, 0.09), microscope="confocal")
    n = 3 * coarse.shape[0]
    padded = np.pad(fine, [((n - m) // 2 + 2,) * 2 for m in fine.shape])
    first = (padded.shape[0] - n) // 2
    cut = padded[first : first + n, first : first + n]
    summed = cut.reshape(n // 3, 3, n // 3, 3).sum(axis=(1, 3))
    np.testing.assert_allclose(summed, coarse, atol=0.01 * coarse.max())


def test_wide_field_holds_the_cone_of_light_up_to_a_given_width():
    setup, steps = replace(SETUP, refractive_index=1.518), (0.2, 0.1, 0.1)
    narrow = microscope_psf(setup, steps, planes=31)
    wide = microscope_psf(setup, steps, planes=31, widest=(30, 60))
    cone = int(np.ceil(15 * 0.2 * np.tan(np.arcsin(1.2 / 1.518)) / 0.1))
    assert (wide.shape[1] // 2, wide.shape[2] // 2) == (30, cone)
    # A lens loses no light: all planes have the same share, as far as the box holds it.
    shares = [psf.sum(axis=(1, 2))[0] / psf.sum(axis=(1, 2))[15] for psf in (narrow, wide)]
    assert shares[1] > 2 * shares[0]
    for name in ("confocal", "two-photon"):
        psf = microscope_psf(replace(setup, microscope=name), steps, planes=31, widest=(30, 60))
        assert psf.shape[1] < 61


@pytest.mark.skipif(find_spec("psf_generator") is None, reason="needs the extra psf")
def test_vectorial_confocal_psf_is_wider_than_the_scalar_one():
    both = [
        psf_of((0.05, 0.05), microscope="confocal", optics=optics)
        for optics in ("scalar", "vectorial")
    ]
    assert full_width(both[1], 0) > full_width(both[0], 0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"na": 0.01}, "from 0.05 to 1.7"),
        ({"na": 1.8, "refractive_index": 2.0}, "from 0.05 to 1.7"),
        ({"na": 1.4}, "below the refractive index"),
        ({"na": float("nan")}, "below the refractive index"),
        ({"emission": 520.0}, "Did you mean 0.52, which is 520 nanometres"),
        ({"emission": 0.0}, "is no light"),
        ({"emission": None}, "no wavelength of emission"),
        ({"excitation": 488.0, "microscope": "confocal"}, "Did you mean 0.488"),
        ({"excitation": None, "microscope": "two-photon"}, "no wavelength of excitation"),
        ({"pinhole": -1.0}, "Airy units"),
        ({"sheet_thickness": None, "microscope": "light-sheet"}, "thickness None"),
        ({"steps": (5.0, 5.0)}, "larger than the PSF"),
    ],
)
def test_rejects_impossible_optics(changes, words):
    with pytest.raises(InputError, match=words):
        psf_of(**changes)
