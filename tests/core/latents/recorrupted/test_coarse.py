"""Coarse pictures: their size, and what is left after they are enlarged."""

from __future__ import annotations

import pytest
import torch

from napari_dip.core.latents.recorrupted.coarse import enlarged, factor_within, shrunk


@pytest.mark.parametrize(
    ("shape", "most", "expected"),
    [((64, 64), 64**2, 1), ((64, 65), 64**2, 2), ((64, 64), 32**2, 2), ((90, 30), 300, 3)],
)
def test_as_many_squares_remain_as_allowed(shape, most, expected):
    assert factor_within(shape, most) == expected


@pytest.mark.parametrize("shape", [(12, 18), (13, 19), (1, 5)])
@pytest.mark.parametrize("factor", [1, 2, 3])
def test_a_slope_comes_back_inside(shape, factor):
    slope = torch.arange(shape[1], dtype=torch.float32).expand(1, 2, *shape)
    coarse = shrunk(slope, factor)
    assert coarse.shape[2:] == tuple(-(-size // factor) for size in shape)
    fine = enlarged(coarse, factor, shape)
    assert fine.shape == slope.shape
    assert torch.allclose(fine[..., factor:-factor], slope[..., factor:-factor], atol=0.5)


def test_no_neighbours_stay_none():
    assert shrunk(torch.empty(1, 0, 9, 7), 2).shape == (1, 0, 5, 4)
