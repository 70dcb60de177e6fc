"""Detection of stripes, and estimation of their offsets."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_dip.core.noise.stripes.detection import end_within_lines, find_stripes
from napari_dip.core.noise.stripes.line_steps import Stripes
from napari_dip.core.noise.stripes.offsets import estimate_stripes
from tests.tiny import waves

SHAPE = (192, 192)
PICTURE = waves(SHAPE)


def offsets(sigma: float = 5.0, correlated: float = 0.0) -> np.ndarray:
    white = np.random.default_rng(1).normal(size=(SHAPE[0], 1))
    smooth = ndimage.gaussian_filter1d(white, correlated, axis=0) if correlated else white
    return sigma * smooth / smooth.std()


def noise(sigma: float = 3.0) -> np.ndarray:
    return np.random.default_rng(2).normal(0, sigma, SHAPE)


def gain(stripes: np.ndarray, plane: np.ndarray, found: Stripes) -> float:
    """Return by how many decibels the stripes become weaker."""
    left = stripes - estimate_stripes(plane, found)
    return float(20 * np.log10(stripes.std() / left.std()))


def drawing() -> np.ndarray:
    page = np.full(SHAPE, 200.0)
    page[20:160:12, 30:150] = 0
    return page


@pytest.mark.parametrize("direction", ["rows", "columns"])
@pytest.mark.parametrize("correlated", [0.0, 1.5])
def test_finds_and_removes_stripes(direction, correlated):
    plane = PICTURE + noise() + offsets(correlated=correlated)
    plane = plane if direction == "rows" else plane.T
    found = find_stripes(plane[None])
    assert found == Stripes(direction)
    stripes = np.broadcast_to(offsets(correlated=correlated), SHAPE)
    assert gain(stripes if direction == "rows" else stripes.T, plane, found) > 6


@pytest.mark.parametrize(
    "plane",
    [
        pytest.param(PICTURE, id="smooth"),
        pytest.param(PICTURE + noise(), id="noise"),
        pytest.param(ndimage.gaussian_filter(noise(), 2), id="coarse noise"),
        pytest.param(drawing(), id="text"),
        pytest.param(drawing() + noise(), id="text with noise"),
        pytest.param(100 * (PICTURE > 100) + noise(), id="edges"),
        pytest.param(np.tile(np.sin(np.arange(192) / 5), (192, 1)), id="grating"),
        pytest.param(4 * np.sin(np.mgrid[:192, :192][0] / 9) + noise(4), id="noisy grating"),
        pytest.param(np.sign(np.sin(np.mgrid[:192, :192][0] / 5)) + noise(0.1), id="bars"),
        pytest.param((np.mgrid[:192, :192][0] / 100) ** 3 + noise(0.1), id="shading"),
        pytest.param(np.zeros(SHAPE), id="constant"),
        pytest.param(np.full(SHAPE, np.nan), id="missing"),
        pytest.param((PICTURE + noise() + offsets())[:128, :128], id="too few lines"),
    ],
)
def test_images_without_stripes_raise_no_alarm(plane):
    assert find_stripes(plane[None]) is None


@pytest.mark.parametrize("contrast", [25.0, 60.0])
@pytest.mark.parametrize("height", [1, 4, 96])
def test_bars_along_the_stripes_keep_their_contrast(height, contrast):
    bar = np.zeros(SHAPE)
    bar[90 : 90 + height, 40:110] = contrast
    striped = PICTURE + noise() + offsets()
    found = Stripes("rows")
    change = estimate_stripes(striped + bar, found) - estimate_stripes(striped, found)
    assert np.abs(change[88 : 94 + height]).max() < 0.1 * contrast


def test_an_edge_across_all_columns_keeps_its_contrast():
    edge = np.where(np.arange(SHAPE[0]) < 90, 0.0, 40.0)[:, None]
    striped = PICTURE + noise() + offsets()
    change = estimate_stripes(striped + edge, Stripes("rows")) - estimate_stripes(
        striped, Stripes("rows")
    )
    assert abs(change[90:94].mean() - change[86:90].mean()) < 4


@pytest.mark.parametrize("height", [3, 8])
@pytest.mark.parametrize("contrast", [25.0, -40.0])
def test_a_bar_across_all_columns_keeps_its_contrast(height, contrast):
    bar = np.zeros((SHAPE[0], 1))
    bar[90 : 90 + height] = contrast
    striped = PICTURE + noise() + offsets()
    found = Stripes("rows")
    change = estimate_stripes(striped + bar, found) - estimate_stripes(striped, found)
    lost = change[90 : 90 + height].mean() - change[[*range(82, 90), *range(99, 107)]].mean()
    assert abs(lost) < 0.2 * abs(contrast)


@pytest.mark.parametrize("seed", range(4))
def test_stripes_alone_have_no_bars(seed):
    white = np.random.default_rng(seed).normal(0, 5, (SHAPE[0], 1))
    found = estimate_stripes(white + noise(), Stripes("rows"))
    assert np.abs(found - white)[4:-4].max() < 5  # a bar would keep at least 13


def test_stripes_that_end_within_lines_are_removed_band_by_band():
    ends = 20 + np.random.default_rng(3).integers(172, size=(SHAPE[0], 1))
    stripes = offsets(10.0) * (np.arange(SHAPE[1]) < ends)
    plane = PICTURE + noise() + stripes
    assert find_stripes(plane[None]) == Stripes("rows")
    assert end_within_lines(plane[None], "rows")
    assert gain(stripes, plane, Stripes("rows", partial=True)) > 5
    assert gain(stripes, plane, Stripes("rows")) < 5


def test_missing_pixels_do_not_hide_stripes():
    plane = PICTURE + noise() + offsets()
    plane[:, 60:80] = np.nan
    plane[50:53, 100:150] = np.nan
    assert find_stripes(plane[None]) == Stripes("rows")
    assert gain(offsets(), plane, Stripes("rows")) > 6


@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize("plane", [PICTURE[:32], np.full(SHAPE, np.nan), PICTURE[:1]])
def test_a_plane_that_cannot_show_stripes_has_none(plane, partial):
    assert not estimate_stripes(plane, Stripes("rows", partial)).any()
