"""The result of all blocks, from invented fits."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from napari_dip.core.blocks.plan import plan_blocks
from napari_dip.core.image.image import as_image
from napari_dip.core.restoration.accumulator import Accumulator

IMAGE = as_image(np.zeros((2, 3, 4), np.float32), "ZYX")


def invented(estimate, std=None):
    """Return a fit of a plane, whose unit is 2 on the scale of the image."""
    fit = SimpleNamespace(
        estimate=np.full((3, 4), float(estimate)) + np.arange(4),
        posterior_std=None if std is None else np.full((3, 4), float(std)) + np.arange(4),
    )
    fit.without_pixels = lambda: fit
    return fit


def put(accumulator, *fits):
    """Put the fits of the second plane."""
    (_, block) = plan_blocks(IMAGE, None)
    source = SimpleNamespace(restored=lambda data, estimate: (2 * estimate).astype(np.float32))
    accumulator.put(SimpleNamespace(block=block), source, list(fits))


def test_result_is_mean_and_deviation_of_the_runs():
    accumulator = Accumulator(IMAGE, runs=True, sampled=False)
    put(accumulator, invented(1), invented(5))
    expected = 2 * (3 + np.arange(4)) * np.ones((3, 1))
    np.testing.assert_array_equal(accumulator.restored, [np.zeros((3, 4)), expected])
    np.testing.assert_array_equal(accumulator.run_std, [np.zeros((3, 4)), np.full((3, 4), 4.0)])
    assert accumulator.posterior_std is None
    assert {accumulator.restored.dtype, accumulator.run_std.dtype} == {np.dtype(np.float32)}


def test_posterior_std_is_on_the_image_scale_and_the_rms_over_runs():
    accumulator = Accumulator(IMAGE, runs=False, sampled=True)
    put(accumulator, invented(1, 3), invented(5, 4))
    columns = np.arange(4)
    expected = np.sqrt(((6 + 2 * columns) ** 2 + (8 + 2 * columns) ** 2) / 2) * np.ones((3, 1))
    np.testing.assert_allclose(accumulator.posterior_std[1], expected, rtol=1e-6)
    assert not accumulator.posterior_std[0].any()
    assert accumulator.posterior_std.dtype == np.float32
    assert accumulator.run_std is None


def test_has_no_posterior_std_if_one_fit_has_no_samples():
    accumulator = Accumulator(IMAGE, runs=False, sampled=True)
    put(accumulator, invented(1, 3), invented(5))
    assert accumulator.posterior_std is None


@pytest.mark.parametrize("given", [True, False])
def test_writes_into_a_given_array_which_starts_as_the_image(given):
    start = as_image(np.arange(24, dtype=np.uint16).reshape(2, 3, 4), "ZYX")
    out = np.full((2, 3, 4), np.nan, np.float32) if given else None
    accumulator = Accumulator(start, runs=False, sampled=False, out=out)
    assert (accumulator.restored is out) == given
    assert accumulator.restored.dtype == np.float32
    np.testing.assert_array_equal(accumulator.restored, start.data)


def test_counts_blocks_without_an_observed_pixel():
    accumulator = Accumulator(IMAGE, runs=False, sampled=False)
    for _ in range(3):
        accumulator.skip()
    assert accumulator.skipped == 3
