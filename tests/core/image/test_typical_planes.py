from __future__ import annotations

import numpy as np
import pytest

from napari_dip.core.image.typical_planes import Look, are_typical, is_far, look
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
def test_an_odd_plane_is_not_typical(odd, place):
    planes = [*FRAMES[:place], odd, *FRAMES[place:]]
    expected = [n != place for n in range(6)]
    assert are_typical([look(plane) for plane in planes]).tolist() == expected


@pytest.mark.parametrize(
    "planes",
    [
        pytest.param(FRAMES, id="alike"),
        pytest.param([frame(n, gain=0.9**n) for n in range(12)], id="bleaching"),
        pytest.param([frame(n, offset=300 * n) for n in range(8)], id="drifting"),
        pytest.param([dark(10)] * 5, id="without structure"),
        pytest.param([frame(), frame(gain=10)], id="two"),
        pytest.param([frame(n, gain=10.0**n) for n in range(3)], id="nothing in common"),
    ],
)
def test_planes_that_differ_from_one_another_are_all_typical(planes):
    found = are_typical([look(plane) for plane in planes])
    assert found.any()
    assert found.mean() > 0.3
    if len(planes) != 3:
        assert found.all()


def test_without_any_plane_to_measure_there_is_no_typical_one():
    assert are_typical([None, None]).tolist() == [False, False]
    assert are_typical([None, look(frame()), None]).tolist() == [False, True, False]


def test_a_plane_is_summarised_outside_of_constant_regions():
    half = frame()
    half[:, :32] = 65535
    found, expected = look(half), look(frame()[:, 32:])
    assert found.low == expected.low
    assert found.high == expected.high
    assert found.mean == pytest.approx(expected.mean)
    assert found.structure == pytest.approx(expected.structure, rel=0.2)


@pytest.mark.parametrize("value", [0, 7.5, np.nan])
def test_a_plane_without_values_to_compare_has_no_summary(value):
    assert look(np.full((64, 64), value)) is None


def test_a_large_plane_is_summarised_by_some_of_its_pixels():
    large = np.tile(frame(), (20, 20))
    assert look(large).mean == pytest.approx(large.mean(), rel=0.02)
    assert isinstance(look(large), Look)


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
def test_a_range_is_far_four_widths_beyond_or_a_fifth_as_wide(low, high, far):
    assert is_far(low, high, (0, 100)) == far
