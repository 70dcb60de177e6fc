"""Grid removal: the 2 x 2 grid vanishes, image content stays."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_dip.core.latents.checkerboard import without_grid
from tests.tiny import waves

PICTURE = torch.from_numpy(waves((64, 80)).astype(np.float32))[None, None]


@pytest.mark.parametrize("offsets", [(3, 0, 0, 0), (0, 2, 0, -2), (1, -1, -1, 1)])
def test_removes_constant_offsets_of_the_four_outputs(offsets):
    grid = torch.zeros(2, 2)
    grid.view(-1)[:] = torch.tensor(offsets, dtype=torch.float32)
    gridded = PICTURE + (grid - grid.mean()).repeat(32, 40)
    left = without_grid(gridded) - without_grid(PICTURE)
    assert float(left.abs().max()) < 0.1 * max(map(abs, offsets))


def test_removes_a_grid_of_varying_strength():
    strength = torch.linspace(0, 4, 80)
    columns = 1.0 - 2.0 * (torch.arange(80) % 2)
    left = without_grid(PICTURE + strength * columns) - without_grid(PICTURE)
    assert float(left[..., 16:-16].abs().max()) < 0.15


def test_keeps_slopes_and_waves():
    slope = torch.linspace(0, 100, 80).expand(1, 2, 64, 80)
    for picture in (PICTURE, slope, slope + PICTURE):
        torch.testing.assert_close(without_grid(picture), picture, atol=0.3, rtol=0)


def test_changes_an_edge_hardly():
    edge = torch.zeros(1, 1, 64, 64)
    edge[..., 31:] = 100
    assert float((without_grid(edge) - edge).abs().max()) < 4


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (1, 2, 3, 5), (1, 1, 4, 20, 30)])
def test_any_shape_is_kept_and_finite(shape):
    constant = torch.full(shape, 7.0)
    result = without_grid(constant)
    assert result.shape == shape
    assert bool(torch.isfinite(result).all())
