from __future__ import annotations

import numpy as np
import pytest

from napari_dip import denoise
from napari_dip.errors import AxesError, InputError, UsageError
from tests.tiny import noisy_waves, tiny_config, waves


def test_denoise_takes_an_array_and_returns_a_cleaner_one():
    restored = denoise(noisy_waves(), config=tiny_config(200))
    assert restored.dtype == np.float32
    before, after = (np.mean((x - waves()) ** 2) for x in (noisy_waves(), restored))
    assert after < 0.2 * before


@pytest.mark.parametrize("axis", [0, -1])
def test_channel_axis_fits_colours_together(axis):
    colours = np.stack([noisy_waves((16, 16))] * 3, axis=axis)
    assert denoise(colours, channel_axis=axis, config=tiny_config(2)).shape == colours.shape


def test_the_seed_decides():
    first, again, other = (
        denoise(noisy_waves((16, 16)), rng=seed, config=tiny_config(3)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_list_is_an_image_too():
    assert denoise([[1, 2], [3, 4]], config=tiny_config(2)).shape == (2, 2)


def test_what_cannot_be_chosen_is_refused():
    with pytest.raises(UsageError, match="Got 'best' for preset: input should be 'fast'"):
        denoise(noisy_waves(), preset="best")
    with pytest.raises(UsageError, match="Got -1 for seed"):
        denoise(noisy_waves(), rng=-1)
    with pytest.raises(InputError, match="complex"):
        denoise(np.zeros((4, 4), complex))
    with pytest.raises(AxesError):
        denoise(noisy_waves(), config=tiny_config(axes="ZYX"))
