"""Alignment of masks and guides with the axes of an image."""

from __future__ import annotations

import numpy as np
import pytest

from napari_dip.core.image.align import aligned
from napari_dip.core.image.image import Image
from napari_dip.errors import InputError


@pytest.mark.parametrize(
    ("shape", "axes", "expected"),
    [
        pytest.param((4, 5), "YX", lambda a: a, id="one plane for all"),
        pytest.param((2, 3, 4, 5), "TZYX", lambda a: a, id="all axes"),
        pytest.param((5, 4, 3), "XYZ", lambda a: a.transpose(2, 1, 0), id="another order"),
        pytest.param((2, 1, 4, 5), "TZYX", lambda a: a, id="one plane per frame"),
        pytest.param((2, 4, 5), "TYX", lambda a: a[:, None], id="missing axis"),
        pytest.param((4, 5, 3), "YXS", lambda a: a.max(axis=-1), id="brightest colour"),
        pytest.param((2, 3, 4, 5), "TCYX", lambda a: a, id="default axes"),
    ],
)
def test_aligned_repeats_an_array_along_missing_axes(shape, axes, expected):
    values = np.random.default_rng(0).random(shape)
    result = aligned(Image(values, axes), Image(np.zeros((2, 3, 4, 5)), "TZYX"), "mask")
    np.testing.assert_array_equal(result, np.broadcast_to(expected(values), (2, 3, 4, 5)))


def test_aligned_repeats_a_plane_for_each_rgb_sample():
    values = np.random.default_rng(0).random((4, 5))
    result = aligned(Image(values, "YX"), Image(np.zeros((4, 5, 3)), "YXS"), "mask")
    np.testing.assert_array_equal(result, np.stack([values] * 3, axis=-1))


@pytest.mark.parametrize(
    ("shape", "axes"),
    [((5, 4), "YX"), ((1, 5), "YX"), ((4, 1), "YX"), ((3, 4, 5), "TYX"), ((3, 4, 5), "CYX")],
)
def test_rejects_an_array_of_another_size(shape, axes):
    image = Image(np.zeros((2, 3, 4, 5)), "TZYX")
    with pytest.raises(InputError, match="Got a mask of shape .*same Y and X") as caught:
        aligned(Image(np.zeros(shape), axes), image, "mask")
    for words in (f"{shape} ({axes})", "(2, 3, 4, 5) (TZYX)"):
        assert words in str(caught.value)
