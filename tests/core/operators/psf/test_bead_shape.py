"""Removal of the shape of a bead."""

from __future__ import annotations

import numpy as np
import pytest

from napari_dip.core.operators.psf.bead_shape import without_bead
from napari_dip.core.operators.psf.width import full_width
from tests.bead_images import STEPS, spots, true_width


@pytest.mark.parametrize("shape", [(31, 31), (25, 31, 31)], ids=["plane", "stack"])
@pytest.mark.parametrize("diameter", [0.1, 0.2, 0.3])
def test_width_of_the_psf_comes_back(shape, diameter):
    axes = "ZYX"[-len(shape) :]
    centre = np.array([[n // 2 for n in shape]], float)
    sharp = without_bead(
        spots(shape, centre, 1.0, diameter), diameter, tuple(STEPS[axis] for axis in axes)
    )
    for place, axis in enumerate(axes):
        width = full_width(sharp, place) * STEPS[axis]
        assert width == pytest.approx(true_width(axis), rel=0.03)
