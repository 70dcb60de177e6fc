"""Restoration with a guide image."""

from __future__ import annotations

import numpy as np
import pytest

import napari_dip
from napari_dip.core.image.align import aligned
from napari_dip.core.image.image import Image, as_image
from napari_dip.core.tasks import (
    Guided,
)
from napari_dip.errors import InputError
from tests.core.tasks.conftest import rmse, run
from tests.tiny import noisy_waves, tiny_config, waves


def test_guide_improves_the_result():
    noisy = noisy_waves(sigma=80.0)
    guide = -(waves() ** 2)
    result = napari_dip.restore_guided(noisy, guide, config=tiny_config(150))
    alone = napari_dip.denoise(noisy, config=tiny_config(150))
    assert rmse(result, waves()) < 0.8 * rmse(alone, waves())


@pytest.mark.parametrize("guide", [None, np.full((24, 20), np.nan), np.ones((20, 24))])
def test_rejects_missing_and_unsuitable_guides(guide):
    with pytest.raises(InputError, match="guide"):
        run(waves((24, 20)), Guided(guide))


def test_uses_all_channels_of_a_guide():
    task = Guided(np.random.default_rng(0).random((24, 20, 3)))
    assert len(task.guides(as_image(waves((24, 20))))) == 3


def test_opacity_of_a_guide_is_not_a_channel():
    guide = np.full((24, 20, 4), 255, np.uint8)
    assert len(Guided(guide).guides(as_image(waves((24, 20))))) == 3


def test_alignment_follows_the_names_of_axes():
    stack = Image(np.zeros((2, 3, 8, 9)), "TZYX")
    planes = Image(np.arange(3)[:, None, None] * np.ones((3, 8, 9)), "ZYX")
    np.testing.assert_array_equal(aligned(planes, stack, "mask")[1, :, 0, 0], [0, 1, 2])
