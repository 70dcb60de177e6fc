"""Typical planes: outliers and constant planes are left out."""

from __future__ import annotations

import numpy as np
import pytest

from napari_dip.core.image.image import Image
from napari_dip.core.image.typical_planes import (
    PlaneSummary,
    are_typical,
    is_far,
    sample_planes,
    summarise,
)
from tests.tiny import waves


def frame(seed=0, gain=1.0, offset=0.0):
    noise = np.random.default_rng(seed).normal(0, 10, (64, 64))
    return gain * (waves() + noise) + offset


def dark(sigma):
    return np.random.default_rng(9).normal(40, sigma, (64, 64))


FRAMES = [frame(seed) for seed in range(5)]


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(np.zeros((64, 64)), id="dropped"),
        pytest.param(np.full((64, 64), np.nan), id="missing"),
        pytest.param(dark(10), id="lamp off"),
        pytest.param(dark(1), id="lamp off, little noise"),
        pytest.param(frame(gain=10), id="much brighter"),
        pytest.param(frame(offset=5000), id="much lighter"),
        pytest.param(frame(offset=-5000), id="much darker"),
    ],
)
@pytest.mark.parametrize("place", [0, 2, 5])
def test_outlier_plane_is_not_typical(odd, place):
    planes = [*FRAMES[:place], odd, *FRAMES[place:]]
    expected = [n != place for n in range(6)]
    assert are_typical([summarise(plane) for plane in planes]).tolist() == expected


@pytest.mark.parametrize(
    "planes",
    [
        pytest.param(FRAMES, id="similar"),
        pytest.param([frame(n, gain=0.9**n) for n in range(12)], id="bleaching"),
        pytest.param([frame(n, offset=300 * n) for n in range(8)], id="drifting"),
        pytest.param([dark(10)] * 5, id="without structure"),
        pytest.param([frame(), frame(gain=10)], id="two"),
        pytest.param([frame(n, gain=10.0**n) for n in range(3)], id="very different"),
    ],
)
def test_drifting_planes_are_all_typical(planes):
    found = are_typical([summarise(plane) for plane in planes])
    assert found.any()
    assert found.mean() > 0.3
    if len(planes) != 3:
        assert found.all()


def test_constant_planes_are_never_typical():
    assert are_typical([None, None]).tolist() == [False, False]
    assert are_typical([None, summarise(frame()), None]).tolist() == [False, True, False]


def test_summary_ignores_constant_regions():
    half = frame()
    half[:, :32] = 65535
    found, expected = summarise(half), summarise(frame()[:, 32:])
    assert found.low == expected.low
    assert found.high == expected.high
    assert found.mean == pytest.approx(expected.mean)
    assert found.structure == pytest.approx(expected.structure, rel=0.2)


@pytest.mark.parametrize("value", [0, 7.5, np.nan])
def test_constant_or_missing_plane_has_no_summary(value):
    assert summarise(np.full((64, 64), value)) is None


def test_large_plane_is_summarised_from_a_sample():
    large = np.tile(frame(), (20, 20))
    assert summarise(large).mean == pytest.approx(large.mean(), rel=0.02)
    assert isinstance(summarise(large), PlaneSummary)


@pytest.mark.parametrize(
    ("low", "high", "far"),
    [
        (0, 100, False),
        (0, 499, False),
        (0, 501, True),
        (-399, 0, False),
        (-401, 0, True),
        (40, 61, False),
        (40, 59, True),
    ],
)
def test_range_is_far_beyond_four_widths_or_below_a_fifth_of_the_width(low, high, far):
    assert is_far(low, high, (0, 100)) == far


def test_sample_planes_spread_over_one_channel():
    image = Image(np.arange(240).reshape(2, 3, 2, 4, 5), "TZCYX")
    planes = sample_planes(image, 1, count=3)
    assert planes.shape == (3, 4, 5)
    np.testing.assert_array_equal(planes[0], image.data[0, 0, 1])
    np.testing.assert_array_equal(planes[-1], image.data[1, 2, 1])


def test_sample_planes_reads_a_part_of_large_planes():
    image = Image(np.broadcast_to(np.arange(5000), (1, 3000, 5000)), "ZYX")
    planes = sample_planes(image, 0, count=3)
    assert planes.shape == (3, 1024, 1024)
    np.testing.assert_array_equal(planes[:, 0, 0], [0, 1988, 3976])
