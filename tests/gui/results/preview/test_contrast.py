"""Contrast limits of results."""

from __future__ import annotations

import numpy as np
import pytest

from napari_dip.gui.results.preview.contrast import Contrast, value_range


@pytest.mark.parametrize(
    ("source", "observed", "restored", "limits"),
    [
        pytest.param((86, 60000), (90, 60000), (90, 1460), (90, 1460), id="hot pixels"),
        pytest.param((0, 300), (0, 290), (0, 2000), (0, 2000), id="deconvolved"),
        pytest.param((0, 300), (10, 290), (40, 250), (0, 300), id="noise removed"),
        pytest.param((0, 300), (10, 290), (-4, 310), (0, 300), id="little excess"),
        pytest.param((100, 500), (0, 4000), (0, 4000), (100, 500), id="source cut off too"),
        pytest.param((0, 300), (0, 300), (7, 7), (0, 300), id="constant"),
    ],
)
def test_limits_are_those_of_the_source_unless_the_range_differs(
    source, observed, restored, limits
):
    assert Contrast(source, observed).limits(restored) == limits


def test_range_ignores_outliers_and_missing_values():
    values = np.tile(np.arange(1000.0), 1000).reshape(1000, 1000)
    values[0, :5] = 1e9
    values[1] = np.nan
    low, high = value_range(values)
    assert 0 <= low < 5
    assert 995 < high < 1000
