"""Filling of hidden pixels from visible ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_dip.core.image.infill import mean_of_neighbours, smoothest_surface
from tests.tiny import waves

SHAPES = [(1, 1, 1), (2, 7), (40, 52), (3, 20, 24)]


def rough(shape, channels=1, seed=0):
    random = torch.Generator().manual_seed(seed)
    values = torch.rand((1, channels, *shape), generator=random)
    return values, (torch.rand(values.shape, generator=random) < 0.5).float()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("channels", [1, 3])
def test_visible_pixels_stay_and_hidden_values_have_no_influence(shape, channels):
    values, visible = rough(shape, channels)
    start = mean_of_neighbours(values, visible)
    filled = smoothest_surface(values, visible, start, 30)
    assert torch.equal(filled[visible > 0], values[visible > 0])
    assert bool(torch.isfinite(filled).all())
    changed = torch.where(visible > 0, values, 1e6)
    torch.testing.assert_close(smoothest_surface(changed, visible, start, 30), filled)


@pytest.mark.parametrize("visible", [0.0, 1.0])
def test_all_hidden_keeps_the_start_and_all_visible_keeps_the_image(visible):
    values, _ = rough((8, 9))
    filled = smoothest_surface(
        values, torch.full_like(values, visible), torch.zeros_like(values), 5
    )
    torch.testing.assert_close(filled, values * visible)


def test_smoothest_surface_is_closer_to_a_smooth_image_than_the_mean():
    values = torch.from_numpy(waves().astype(np.float32))[None, None]
    _, visible = rough((64, 64))
    mean = mean_of_neighbours(values, visible)
    inside = torch.zeros_like(visible)
    inside[..., 4:-4, 4:-4] = 1
    compared = (inside * (1 - visible)) > 0
    errors = [
        float((filled - values)[compared].square().mean().sqrt())
        for filled in (mean, smoothest_surface(values, visible, mean, 50))
    ]
    assert errors[1] < 0.3 * errors[0]


def test_each_plane_is_filled_independently():
    values, visible = rough((3, 16, 16))
    volume = smoothest_surface(values, visible, torch.zeros_like(values), 300)
    for z in range(3):
        plane = smoothest_surface(
            values[:, :, z], visible[:, :, z], torch.zeros_like(values[:, :, z]), 300
        )
        torch.testing.assert_close(volume[:, :, z], plane, atol=1e-3, rtol=0)


def test_smoothest_stops_once_ended_returns_true():
    values = torch.arange(36.0).reshape(1, 1, 6, 6)
    visible = torch.ones_like(values)
    visible[..., 2:4, 3] = 0
    polls = iter([False, True])
    expected = smoothest_surface(values, visible, torch.zeros_like(values), 1)
    torch.testing.assert_close(
        smoothest_surface(values, visible, torch.zeros_like(values), 30, lambda: next(polls)),
        expected,
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_diagonal_neighbours_count_half(shape):
    values, visible = rough(shape, 2)
    kernel = torch.tensor([[0.5, 1.0, 0.5], [1.0, 0.0, 1.0], [0.5, 1.0, 0.5]])[None, None]
    planes = [part.reshape(-1, 1, *shape[-2:]) for part in (values * visible, visible)]
    total, weight = (torch.nn.functional.conv2d(part, kernel, padding=1) for part in planes)
    expected = (total / weight.clamp(min=0.5)).reshape(values.shape)
    torch.testing.assert_close(mean_of_neighbours(values, visible), expected)
