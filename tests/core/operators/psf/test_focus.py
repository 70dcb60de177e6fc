"""Intensity around a focus."""

from __future__ import annotations

import numpy as np
import pytest

from napari_dip.core.operators.psf.focus import Focus, intensity


def planes_of(focus):
    return np.stack(list(intensity(focus, "scalar")))


def test_defocused_light_spreads_over_a_cone_and_does_not_come_back_at_the_border():
    na, index, step, dz = 0.8, 1.0, 0.1, 3.0
    size = 2 * int(dz * np.tan(np.arcsin(na)) / step * 1.3) + 1
    planes = planes_of(Focus(na, 0.5, index, (size, size), (step, step), 2, dz))
    light = planes.sum(axis=(1, 2))
    assert light[0] == pytest.approx(light[1], rel=0.05)  # a lens loses no light
    # A box around the axis holds no more light than the cone has there.
    narrow = planes_of(Focus(na, 0.5, index, (9, 9), (step, step), 2, dz))
    middle = slice(size // 2 - 4, size // 2 + 5)
    np.testing.assert_allclose(narrow[1], planes[1, middle, middle], rtol=1e-3)


def test_axial_intensity_is_that_of_the_paraxial_theory_at_a_low_aperture():
    na, wavelength, dz = 0.2, 0.5, 2.0
    line = planes_of(Focus(na, wavelength, 1.0, (1, 1), (0.1, 0.1), 6, dz))[:, 0, 0]
    heights = np.arange(6) * dz
    expected = np.sinc(heights * na**2 / 2 / wavelength) ** 2
    np.testing.assert_allclose(line / line.max(), expected, atol=0.02)


def test_planes_far_from_the_focus_are_dark_and_quick():
    planes = planes_of(Focus(1.4, 0.52, 1.518, (9, 9), (0.1, 0.1), 4, 1e4))
    assert planes[0].max() > 0
    assert not planes[1:].any()
