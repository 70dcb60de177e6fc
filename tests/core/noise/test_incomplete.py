from __future__ import annotations

import numpy as np
import pytest

from napari_dip.core.noise.estimation import estimate_mean_variance
from napari_dip.core.noise.incomplete import incomplete_variance


def ramp(side=96):
    return np.add.outer(np.arange(side), np.arange(side))[None].astype(float)


def with_gaps(planes, share, seed=1):
    missing = np.random.default_rng(seed).random(planes.shape) < share
    return np.where(missing, np.nan, planes)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.8])
def test_measures_white_noise_between_missing_pixels(share):
    noisy = ramp() + np.random.default_rng(0).normal(0, 4, (1, 96, 96))
    variance = incomplete_variance(with_gaps(noisy, share))
    assert np.sqrt(variance) == pytest.approx(4, rel=0.15)


def test_texture_in_half_of_the_plane_does_not_count():
    plane = np.random.default_rng(0).normal(0, 2, (1, 96, 96))
    plane[:, :48] += 60 * (np.indices((48, 96)).sum(axis=0) % 3)
    assert np.sqrt(incomplete_variance(with_gaps(plane, 0.5))) < 3


def test_without_neighbouring_pixels_nothing_is_measured():
    planes = np.full((1, 96, 96), np.nan)
    planes[:, ::2, ::2] = 1.0
    assert incomplete_variance(planes) is None


def test_noise_of_an_incomplete_image_is_not_its_contrast():
    noisy = 10 * ramp() + np.random.default_rng(0).normal(0, 4, (1, 96, 96))
    line = estimate_mean_variance(with_gaps(noisy, 0.6))
    assert line.mean_variance < 6**2
