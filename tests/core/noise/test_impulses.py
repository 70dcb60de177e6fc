"""Impulses: salt, pepper, hot and dead pixels are found, details are kept."""

from __future__ import annotations

import numpy as np
import pytest

from napari_dip import Image, restore
from napari_dip.api import finish
from napari_dip.core.noise import impulses
from napari_dip.core.noise.impulses import find_impulses
from napari_dip.core.restoration.block import source
from tests.tiny import tiny_config, waves

RNG = np.random.default_rng(0)


def salted(share: float) -> tuple[np.ndarray, np.ndarray]:
    """Return a noisy picture with black and white pixels, and the mask of these pixels."""
    draw = RNG.random((96, 96))
    picture = waves((96, 96)) + RNG.normal(0, 3, (96, 96))
    picture[draw < share] = 255.0
    picture[draw < share / 2] = 0.0
    return np.rint(picture).astype(np.uint8), draw < share


def spots(width: float) -> np.ndarray:
    """Return bright puncta of the given width [pixels] with photon noise."""
    y, x = np.mgrid[:96, :96]
    picture = np.full((96, 96), 20.0)
    for row, column in RNG.uniform(0, 96, (40, 2)):
        picture += 200 * np.exp(-((y - row) ** 2 + (x - column) ** 2) / 2 / width**2)
    return RNG.poisson(picture)


# A bright square on a dark background.
BRIGHT = np.pad(np.ones((20, 20), int), 38)


def speckled(shade: int) -> np.ndarray:
    """Return a clean picture with thin short strokes of one shade, like reflections or hair."""
    picture = waves((96, 96))
    for row, column in RNG.integers(4, 90, (40, 2)):
        picture[row, column : column + 5] = shade
    return np.rint(picture).astype(np.uint8)


@pytest.mark.parametrize("share", [0.02, 0.1, 0.4])
def test_finds_salt_and_pepper(share):
    picture, hit = salted(share)
    found = find_impulses(picture)
    assert (found & hit).sum() > 0.95 * hit.sum()
    assert (found & ~hit).sum() < 0.01 * hit.sum()


@pytest.mark.parametrize("sign", [1, -1], ids=["hot", "dead"])
def test_finds_hot_and_dead_pixels(sign):
    picture = RNG.normal(100, 2, (64, 64))
    where = [(5, 9), (30, 31), (63, 40)]
    for position in where:
        picture[position] += sign * 90
    assert sorted(map(tuple, np.argwhere(find_impulses(picture)))) == where


@pytest.mark.parametrize(
    "picture",
    [
        pytest.param(waves((96, 96)) + RNG.normal(0, 25, (96, 96)), id="gaussian"),
        pytest.param(spots(0.7), id="narrow puncta"),
        pytest.param(spots(1.2), id="puncta"),
        pytest.param(RNG.poisson(0.05, (96, 96)), id="single photons"),
        pytest.param(RNG.poisson(1.0, (96, 96)), id="few photons"),
        pytest.param(np.clip(RNG.normal(0, 9, (96, 96)), 0, None), id="clipped background"),
        pytest.param(speckled(shade=255), id="white strokes"),
        pytest.param(speckled(shade=0), id="black strokes"),
        pytest.param(np.where(RNG.random((96, 96)) < 0.1, 2, 3) + 60 * BRIGHT, id="dark levels"),
        pytest.param(np.minimum(RNG.poisson(0.8, (96, 96)), 2), id="three levels"),
        pytest.param(np.kron(RNG.random((12, 12)) > 0.5, np.ones((8, 8))), id="two values"),
        pytest.param(np.zeros((96, 96)), id="constant"),
        pytest.param(np.arange(9.0).reshape(3, 3), id="tiny"),
        pytest.param(np.full((16, 16), np.nan), id="missing"),
    ],
)
def test_ordinary_pixels_are_not_impulses(picture):
    assert not find_impulses(picture).any()


def test_pixels_near_missing_ones_are_not_impulses():
    picture = RNG.normal(100, 2, (64, 64))
    picture[20:30, 20:30] = np.nan
    picture[24, 24] = 900.0
    assert not find_impulses(picture).any()


@pytest.mark.parametrize(
    ("axes", "searches"),
    [
        pytest.param("YX", 1, id="once"),
        pytest.param("CYX", 3, id="each channel once"),
        pytest.param("YXS", 3, id="each sample once"),
        pytest.param("ZYX", 4 + 6, id="some planes before all"),
    ],
)
def test_clean_channels_are_searched_for_impulses_once(axes, searches, monkeypatch):
    found = []

    def search(plane):
        found.append(find_impulses(plane))
        return found[-1]

    for module in (impulses, source):
        monkeypatch.setattr(module, "find_impulses", search)
    sizes = {"Z": 6, "C": 3, "Y": 24, "X": 20, "S": 3}
    shape = tuple(sizes[axis] for axis in axes)
    noise = np.random.default_rng(0).normal(100, 10, shape)
    finish(restore(Image(noise, axes), config=tiny_config(1)))
    assert len(found) == searches
    assert not np.any(found)


def test_medians_of_rows_leave_out_nan():
    rows = np.random.default_rng(0).normal(size=(200, 8))
    rows[np.random.default_rng(1).random(rows.shape) < 0.4] = np.nan
    rows = rows[~np.isnan(rows).all(axis=1)]
    np.testing.assert_array_equal(impulses._row_medians(rows), np.nanmedian(rows, axis=1))
