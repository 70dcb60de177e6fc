"""Neighbour slots: a missing plane is replaced by one that exists."""

from __future__ import annotations

import pytest

from napari_dip.core.image.neighbour_slots import slots


@pytest.mark.parametrize("reach", [1, 2, 3])
def test_a_plane_is_never_its_own_neighbour(reach):
    for offsets in ({-1}, {1}, {-1, 1}, {2}, {-2, 1}):
        chosen = slots(offsets, reach)
        assert len(chosen) == 2 * reach
        assert set(chosen) <= offsets
