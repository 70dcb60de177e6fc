"""Drawings: images of two values and frames of single photons."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_dip.core.noise.drawings import is_drawing
from napari_dip.core.noise.estimation import find_noise
from tests.tiny import tiny_config

RNG = np.random.default_rng(0)
Y, X = np.mgrid[:128, :128]


def strokes() -> np.ndarray:
    """Return curved lines, one pixel wide."""
    field = ndimage.gaussian_filter(RNG.normal(size=(128, 128)), 4)
    inside = field > 0
    return inside & ~ndimage.binary_erosion(inside)


DRAWINGS = {
    "blocks": (RNG.random((64, 64)) < 0.5).repeat(2, axis=0).repeat(2, axis=1),
    "checkers": (Y + X) % 2 == 0,
    "halftone": np.cos(Y) + np.cos(X) < np.linspace(-0.8, 0.8, 128),
    "strokes": strokes(),
}
PHOTONS = {
    "even light": RNG.random((128, 128)) < 0.3,
    "ramp": RNG.random((128, 128)) < np.linspace(0, 0.8, 128),
    "squares": RNG.random((128, 128)) < np.where((Y // 16 + X // 16) % 2, 0.02, 0.6),
}


@pytest.mark.parametrize("name", DRAWINGS)
@pytest.mark.parametrize("values", [(0, 1), (-3.5, 200.0)])
def test_drawing_of_two_values_has_no_noise(name, values):
    planes = np.where(DRAWINGS[name], *values)[None]
    assert is_drawing(planes)
    _, record = find_noise(planes, tiny_config())
    assert record.negligible
    assert record.sigma < 1e-6


@pytest.mark.parametrize("name", PHOTONS)
def test_single_photons_are_no_drawing(name):
    assert not is_drawing(PHOTONS[name][None])


def test_drawing_with_salt_and_pepper_has_noise():
    hit = RNG.random((128, 128)) < 0.05
    assert not is_drawing(np.where(hit, ~DRAWINGS["blocks"], DRAWINGS["blocks"])[None])


def test_drawing_with_noise_has_noise():
    assert not is_drawing((100.0 * DRAWINGS["blocks"] + RNG.normal(0, 5, (128, 128)))[None])


def test_missing_pixels_do_not_hide_a_drawing():
    planes = np.where(DRAWINGS["blocks"], 255.0, 0.0)[None]
    planes[:, 40:60] = np.nan
    assert is_drawing(planes)


@pytest.mark.parametrize(
    "planes",
    [np.zeros((1, 64, 64)), np.full((1, 64, 64), np.nan), np.eye(4)[None]],
    ids=["constant", "missing", "small"],
)
def test_constant_or_small_planes_are_no_drawing(planes):
    assert not is_drawing(planes)
