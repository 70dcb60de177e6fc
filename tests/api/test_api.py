"""Functions of the API, from array to array."""

from __future__ import annotations

import inspect
import re

import numpy as np
import pytest

import napari_dip
from napari_dip import api, denoise
from napari_dip.errors import AxesError, InputError, UsageError
from tests.tiny import noisy_waves, tiny_config, waves

FUNCTIONS = [getattr(napari_dip, name) for name in api.__all__ if name != "finish"]
# `measure_psf` restores no image, so it has no settings of a fit.
RESTORING = [function for function in FUNCTIONS if function.__name__ != "measure_psf"]
SETTINGS = {"noise", "preset", "stop", "device", "rng", "config"}


def test_denoise_returns_a_cleaner_array():
    restored = denoise(noisy_waves(), config=tiny_config(200))
    assert restored.dtype == np.float32
    before, after = (np.mean((x - waves()) ** 2) for x in (noisy_waves(), restored))
    assert after < 0.2 * before


@pytest.mark.parametrize("axis", [0, -1])
def test_channel_axis_fits_channels_jointly(axis):
    colours = np.stack([noisy_waves((16, 16))] * 3, axis=axis)
    assert denoise(colours, channel_axis=axis, config=tiny_config(2)).shape == colours.shape


def test_same_seed_gives_the_same_result():
    first, again, other = (
        denoise(noisy_waves((16, 16)), rng=seed, config=tiny_config(3)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_accepts_a_nested_list():
    assert denoise([[1, 2], [3, 4]], config=tiny_config(2)).shape == (2, 2)


def test_rejects_invalid_settings_and_images():
    with pytest.raises(UsageError, match="Got 'best' for preset: input should be 'fast'"):
        denoise(noisy_waves(), preset="best")
    with pytest.raises(UsageError, match="Got -1 for seed"):
        denoise(noisy_waves(), rng=-1)
    with pytest.raises(InputError, match="complex"):
        denoise(np.zeros((4, 4), complex))
    with pytest.raises(AxesError):
        denoise(noisy_waves(), config=tiny_config(axes="ZYX"))


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_docstring_describes_every_parameter_and_its_default(function):
    section = inspect.getdoc(function).split("Parameters\n----------\n")[1].split("\n\nReturns")[0]
    described = dict(re.findall(r"^(\w+) : .*\n((?:    .*\n?)+)", section, re.M))
    assert described.keys() == inspect.signature(function).parameters.keys()
    assert all("Default:" in described[name] for name in SETTINGS & described.keys())


@pytest.mark.parametrize("function", RESTORING, ids=lambda function: function.__name__)
def test_every_function_accepts_the_common_settings(function):
    assert SETTINGS <= inspect.signature(function).parameters.keys()
