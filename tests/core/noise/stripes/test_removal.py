"""Subtraction of stripes from images in memory and from lazy images."""

from __future__ import annotations

import numpy as np
import pytest

from napari_dip.core.image.image import Image, as_image
from napari_dip.core.noise.stripes.removal import remove_stripes
from tests.tiny import waves

SHAPE = (192, 128)
PLANE = waves(SHAPE) + np.random.default_rng(0).normal(0, 2, SHAPE)


OFFSETS = np.random.default_rng(1).normal(0, 6, (SHAPE[0], 1))


def striped(seed: int = 1) -> np.ndarray:
    return PLANE + np.random.default_rng(seed).normal(0, 6, (SHAPE[0], 1))


class Lazy:
    """Array that counts how many pixels were read."""

    def __init__(self, values: np.ndarray) -> None:
        self._values, self.shape, self.dtype = values, values.shape, values.dtype

    def __getitem__(self, selection):
        return self._values[selection]


def error(values: np.ndarray) -> float:
    difference = np.asarray(values) - PLANE
    return float((difference - difference.mean()).std())


def test_an_image_without_stripes_comes_back_as_the_same_object():
    image = as_image(PLANE)
    assert remove_stripes(image, "auto") == (image, (None,))
    assert remove_stripes(as_image(striped()), "none")[1] == (None,)


def test_records_direction_and_deviation():
    image, (record,) = remove_stripes(as_image(striped()), "auto")
    assert record.direction == "rows"
    assert record.sigma == pytest.approx(OFFSETS.std(), rel=0.15)
    assert not record.partial
    assert error(image.data) < 2.5


def test_each_plane_has_stripes_of_its_own():
    stack = np.stack([striped(1), striped(2), PLANE])
    image, (record,) = remove_stripes(as_image(stack, "ZYX"), "rows")
    assert record is not None
    assert [error(plane) < 2.5 for plane in image.data] == [True] * 3


def test_only_channels_with_stripes_change():
    image, records = remove_stripes(as_image(np.stack([striped(), PLANE]), "CYX"), "auto")
    assert [record is None for record in records] == [False, True]
    np.testing.assert_allclose(image.data[1], PLANE)


@pytest.mark.parametrize("axes", ["TYX", "TXY", "YXT"])
@pytest.mark.parametrize(
    "selection", [(1, slice(10, 40), slice(None)), (slice(0, 2), slice(5, None, 3), 1), ...]
)
def test_a_lazy_image_gives_the_same_pixels(axes, selection):
    stack = np.stack([striped(1), striped(2)]).transpose(["TYX".index(axis) for axis in axes])
    direct, _ = remove_stripes(as_image(stack, axes), "rows")
    lazy, _ = remove_stripes(as_image(Lazy(stack), axes), "rows")
    assert not isinstance(lazy.data, np.ndarray)
    np.testing.assert_array_equal(lazy.data[selection], np.asarray(direct.data)[selection])


def test_opacity_and_empty_canvas_stay():
    values = np.stack([striped(1)] * 3 + [np.full(SHAPE, 255.0)], axis=-1)
    values[:, 110:, :3] = 0
    image, (record,) = remove_stripes(Image(values, "YXS"), "auto")
    assert record is not None
    assert (np.asarray(image.data)[..., 3] == 255).all()
    assert not np.asarray(image.data)[:, 110:, :3].any()
