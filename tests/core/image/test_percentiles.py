"""Percentiles: as those of NumPy, for all pixel types."""

import numpy as np
import pytest

from napari_dip.core.image.percentiles import percentiles

PERCENTS = (0, 0.5, 37.3, 50, 99.9, 100)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.uint32, np.float32, bool])
@pytest.mark.parametrize("shape", [(1,), (2,), (31, 17)])
def test_percentiles_are_those_of_numpy(dtype, shape):
    values = np.random.default_rng(0).integers(0, 256, shape).astype(dtype)
    expected = np.percentile(values.astype(float), PERCENTS)
    np.testing.assert_allclose(percentiles(values, PERCENTS), expected, rtol=1e-12)


def test_percentiles_between_equal_and_distant_values():
    values = np.array([0, 0, 0, 65535], dtype=np.uint16)
    np.testing.assert_allclose(percentiles(values, (60, 90)), np.percentile(values, (60, 90)))
