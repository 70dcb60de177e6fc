"""Samples of all tasks but denoising."""

from __future__ import annotations

import numpy as np
import pytest

from napari_dip.samples import degraded
from napari_dip.samples.noisy import cell

SAMPLES = [
    degraded.napari_scratched,
    degraded.napari_small,
    degraded.napari_blurred,
    degraded.napari_jpeg,
    degraded.napari_dim,
    degraded.napari_undersampled,
]


@pytest.mark.parametrize("make", SAMPLES, ids=lambda make: make.__name__)
def test_sample_is_reproducible_and_differs_from_the_truth(make):
    first, again = make(), make()
    for (data, options, kind), (same, *_) in zip(first, again, strict=True):
        np.testing.assert_array_equal(data, same)
        assert options["axis_labels"] == ("y", "x")
        assert kind in ("image", "labels")
    truth = cell().reference.data
    observed = next(data for data, options, kind in reversed(first) if kind == "image")
    assert observed.shape != truth.shape or not np.array_equal(observed, truth)


def test_scratches_and_their_mask_are_at_the_same_pixels():
    (truth, *_), (scratched, *_), (mask, *_) = degraded.napari_scratched()
    np.testing.assert_array_equal(scratched[mask == 0], truth[mask == 0])
    assert (scratched[mask > 0] == truth.max()).all()
    assert 0 < (mask > 0).mean() < 0.2


def test_recorded_frequencies_include_zero_and_are_symmetric():
    mask = np.fft.ifftshift(degraded.lines((64, 48)))
    assert mask[0, 0] == 1
    assert 0 < mask.mean() < 1
    np.testing.assert_array_equal(mask[1:], mask[:0:-1])
