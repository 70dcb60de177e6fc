"""Search for beads: positions, noise, and reasons to refuse."""

from __future__ import annotations

import numpy as np
import pytest

from napari_dip.core.operators.psf.bead_search import find_beads
from tests.bead_images import apart, recorded, spots


@pytest.mark.parametrize("shape", [(120, 130), (31, 100, 110)], ids=["plane", "stack"])
def test_centres_are_right_to_a_fraction_of_a_pixel(shape):
    centres = apart(shape, 34)
    light = spots(shape, centres, 2e5)
    found = find_beads(recorded(light).data.astype(float), (None,) * len(shape))
    assert len(found.beads) == len(centres)
    for bead in found.beads:
        nearest = np.abs(centres - np.array(bead.centre)).max(axis=1).min()
        assert nearest < 0.1


def test_noise_is_no_bead():
    noise = np.random.default_rng(0).normal(100, 10, (200, 200))
    search = find_beads(noise, (None, None))
    assert (search.beads, search.refused) == ((), {})


def test_constant_image_has_no_beads():
    assert find_beads(np.full((40, 40), 7.0), (None, None)).beads == ()


def test_dim_beads_are_found_in_noise():
    centres = apart((150, 150), 36)
    values = recorded(spots((150, 150), centres, 900.0), background=30).data.astype(float)
    assert len(find_beads(values, (None, None)).beads) == len(centres)


def test_beads_closer_than_the_box_are_refused():
    centres = np.array([[30.0, 30.0], [30.0, 38.0], [75.0, 75.0], [75.0, 30.0], [30.0, 75.0]])
    search = find_beads(recorded(spots((105, 105), centres, 5e4)).data.astype(float), (None, None))
    assert search.refused == {"near another": 2}
    assert len(search.beads) == 3
