"""Spherical aberration by a difference of refractive indices."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.special import j0

from napari_dip.core.operators.psf.aberration import Aberration
from napari_dip.core.operators.psf.microscope import Setup, microscope_psf
from napari_dip.errors import InputError

NA, WAVELENGTH, OIL, WATER = 1.2, 0.52, 1.515, 1.33
SETUP = Setup(NA, OIL, emission=WAVELENGTH, excitation=0.488, sheet_thickness=2.0)
STEPS = (0.25, 0.1, 0.1)


def aberrated(depth, **changes):
    setup = replace(SETUP, specimen_index=WATER, depth=depth, **changes)
    return microscope_psf(setup, STEPS, planes=17)


def gibson_lanni(depth, height):
    """Return the intensity on the axis, by the sum of both phases over the pupil."""
    scale = Aberration(NA, WAVELENGTH, OIL, WATER).scale
    frequency = np.linspace(0, NA / WAVELENGTH, 20_001)
    specimen, oil = (np.sqrt((n / WAVELENGTH) ** 2 - frequency**2) for n in (WATER, OIL))
    phase = 2 * np.pi * (scale * depth * specimen - (depth + height) * oil)
    field = np.trapezoid(np.exp(1j * phase) * j0(0 * frequency) * frequency, frequency)
    return abs(field) ** 2


def test_psf_on_the_axis_is_that_of_gibson_and_lanni():
    setup = replace(SETUP, specimen_index=WATER, depth=8.0)
    psf = microscope_psf(setup, (0.25, 0.01, 0.01), planes=17)  # fine pixels
    line = psf[:, psf.shape[1] // 2, psf.shape[2] // 2]
    expected = np.array([gibson_lanni(8.0, 0.25 * at) for at in range(-8, 9)])
    np.testing.assert_allclose(line / line.sum(), expected / expected.sum(), atol=2e-3)


@pytest.mark.parametrize("depth", [0.0, 12.0])
def test_equal_indices_leave_the_psf_as_it_is(depth):
    same = replace(SETUP, specimen_index=OIL, depth=depth)
    np.testing.assert_array_equal(
        microscope_psf(same, STEPS, planes=9), microscope_psf(SETUP, STEPS, planes=9)
    )


def test_psf_loses_its_peak_with_depth():
    peaks = [aberrated(depth).max() for depth in (0.0, 5.0, 10.0, 20.0)]
    assert peaks == sorted(peaks, reverse=True)
    assert peaks[-1] < peaks[0] / 2


@pytest.mark.parametrize(
    "microscope", ["widefield", "confocal", "spinning-disk", "two-photon", "light-sheet"]
)
def test_every_microscope_has_an_aberrated_psf_with_sum_one(microscope):
    psf = aberrated(8.0, microscope=microscope)
    assert psf.sum() == pytest.approx(1, abs=1e-5)
    assert psf.min() >= 0
    assert not np.allclose(psf, psf[::-1], atol=1e-3 * psf.max())
    np.testing.assert_allclose(psf, psf[:, ::-1], atol=1e-6)


def test_phase_has_neither_mean_nor_defocus():
    aberration = Aberration(NA, WAVELENGTH, OIL, WATER)
    pupil = NA / WAVELENGTH * np.sqrt((np.arange(1000) + 0.5) / 1000)
    defocus = np.sqrt((OIL / WAVELENGTH) ** 2 - pupil**2)
    phase = aberration(pupil)
    assert abs(phase.mean()) < 1e-3 * aberration.rms
    assert abs(np.corrcoef(phase, defocus)[0, 1]) < 1e-2


def test_number_of_slabs_grows_with_the_aberration():
    strong, weak = (Aberration(NA, WAVELENGTH, OIL, index) for index in (1.33, 1.5))
    assert len(strong.depths(0.0, 20.0)) > len(strong.depths(0.0, 10.0)) > 1
    assert weak.depths(0.0, 10.0) == (5.0,)
    assert strong.depths(4.0, 4.0) == (4.0,)
    assert len(strong.depths(0.0, 1000.0)) == 12


def test_adjacent_psfs_differ_little():
    depths = Aberration(NA, WAVELENGTH, OIL, WATER).depths(0.0, 10.0)
    psfs = [aberrated(depth) for depth in depths]
    for one, other in pairwise(psfs):
        assert np.abs(one - other).sum() < 0.4


def test_vectorial_optics_are_refused():
    with pytest.raises(InputError, match="expected scalar optics"):
        aberrated(5.0, optics="vectorial")
