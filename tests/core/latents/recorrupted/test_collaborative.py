"""Collaborative filter: repeating structure comes back, flat regions stay flat."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_dip.core.latents.recorrupted import collaborative
from napari_dip.core.latents.recorrupted.collaborative import collaborative_filter

SIGMA = 0.2


def stripes(channels=1, shape=(48, 72)):
    """Return stripes of 4 pixels, (C, Y, X)."""
    columns = (np.arange(shape[1]) // 4 % 2).astype(np.float32)
    return torch.from_numpy(np.broadcast_to(columns, (channels, *shape)).copy())


def with_noise(truth):
    return truth + SIGMA * torch.randn(truth.shape, generator=torch.manual_seed(0))


def variance(truth):
    return torch.full(truth.shape[1:], SIGMA**2)


def error(estimate, truth):
    return float((estimate - truth).square().mean())


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("shape", [(48, 72), (41, 67), (200, 30), (12, 9)])
def test_brings_repeating_structure_back(channels, shape):
    truth = stripes(channels, shape)
    blurred = 0.8 * truth + 0.1
    filtered = collaborative_filter(with_noise(truth), blurred, variance(truth))
    assert filtered.shape == truth.shape
    assert error(filtered, truth) < 0.65 * error(blurred, truth)


def test_adds_little_noise_to_a_flat_estimate():
    flat = torch.zeros(1, 96, 96)
    filtered = collaborative_filter(with_noise(flat), flat, variance(flat))
    assert error(filtered, flat) < 0.002 * SIGMA**2


def test_hardly_changes_a_right_estimate_with_an_edge():
    truth = torch.zeros(1, 96, 96)
    truth[:, :, 48:] = 1.0
    filtered = collaborative_filter(with_noise(truth), truth, variance(truth))
    assert error(filtered, truth) < 0.05 * SIGMA**2


def test_does_not_draw_the_noise_of_pixels_that_vary_more():
    flat = torch.zeros(1, 64, 64)
    noisy, noise = flat.clone(), torch.full((64, 64), 1e-4)
    noisy[:, :, 32:], noise[:, 32:] = 5 * with_noise(flat)[:, :, 32:], (5 * SIGMA) ** 2
    filtered = collaborative_filter(noisy, 0.02 * noisy, noise)
    assert error(filtered[:, :, 32:], 0) < 0.01 * (5 * SIGMA) ** 2


@pytest.mark.parametrize(
    ("left_in_structure", "expected"), [(0.3, (0.1, 0.4)), (1.1, (0.95, 1.05)), (3.0, (1.9, 2.0))]
)
def test_patches_count_more_where_the_estimate_has_lost_structure(left_in_structure, expected):
    kept = torch.zeros(1, 48, 49)
    kept[:, :8] = 1.0  # 392 coefficients, with what the estimate leaves of the observation
    left = torch.where(kept > 0, left_in_structure, 1.0)
    factor = float(collaborative._factor(kept, left, torch.ones(1, 1, 1)))
    assert expected[0] <= factor <= expected[1]


@pytest.mark.parametrize("kept", [0.0, 1.0])
def test_factor_of_a_group_without_structure_or_of_nothing_else_is_finite(kept):
    left = torch.ones(1, 48, 49)
    factor = collaborative._factor(torch.full_like(left, kept), left, torch.ones(1, 1, 1))
    assert 0.1 <= float(factor) <= 2


def test_large_intensities_do_not_blur_the_search():
    truth = stripes()
    blurred, noisy = 0.8 * truth + 0.1, with_noise(truth)
    low = collaborative_filter(noisy, blurred, variance(truth))
    high = collaborative_filter(noisy + 3000, blurred + 3000, variance(truth)) - 3000
    assert error(high, low) < 0.02 * error(low, blurred)


def test_strips_do_not_change_the_result(monkeypatch):
    truth = stripes(shape=(150, 40))
    arguments = with_noise(truth), 0.8 * truth + 0.1, variance(truth)
    whole = collaborative_filter(*arguments)
    monkeypatch.setattr(collaborative, "_ROWS", collaborative._SQUARE)
    assert torch.allclose(collaborative_filter(*arguments), whole, atol=1e-5)


def test_image_smaller_than_a_patch_comes_back():
    tiny = torch.rand(1, 6, 40)
    assert collaborative_filter(tiny, tiny, torch.ones(6, 40)) is tiny


def test_returns_the_estimate_once_a_stop_is_requested():
    truth = stripes()
    assert collaborative_filter(truth, truth, variance(truth), lambda: True) is truth


@pytest.mark.parametrize("patches", [32, 33, 384, 385, 4092])
def test_finds_the_nearest_patches(patches):
    distance = torch.randn(5, patches, generator=torch.manual_seed(0))
    expected = distance.sort(dim=1).indices[:, :32]
    assert torch.equal(collaborative._nearest(distance, 32), expected)
