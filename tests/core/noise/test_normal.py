from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from napari_dip.core.noise.normal import FWHM, MAD, MEDIAN_OF_SQUARE, STD_PER_MAD


def test_constants_are_those_of_a_normal_distribution():
    quartile = stats.norm.ppf(0.75)
    assert pytest.approx(quartile, abs=5e-5) == MAD
    assert pytest.approx(1 / quartile, abs=5e-5) == STD_PER_MAD
    assert pytest.approx(quartile**2, abs=5e-4) == MEDIAN_OF_SQUARE
    assert stats.norm.pdf(FWHM / 2) == pytest.approx(stats.norm.pdf(0) / 2)


def test_deviation_by_the_median_resists_outliers():
    values = np.random.default_rng(0).normal(5, 3, 10_000)
    values[:500] = 1e6
    spread = STD_PER_MAD * np.median(np.abs(values - np.median(values)))
    assert spread == pytest.approx(3, rel=0.1)
