"""Masks, PSFs, guides, factors and settings in Python: used as intended, or rejected."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import napari_dip
from napari_dip.core.image.image import Image
from napari_dip.core.tasks import Inpaint
from napari_dip.errors import InputError, NapariDipError
from tests.bad import (
    BASE,
    GUIDES,
    HOLE,
    MASKS,
    PSF,
    PSFS,
    SHAPE,
    X,
    Y,
    cases,
    is_a_sentence,
)
from tests.tiny import tiny_config

CONFIG = tiny_config(2, threads=1)


@pytest.mark.parametrize(
    "make", [torch.from_numpy, lambda a: a.tolist(), lambda a: a], ids=["tensor", "list", "array"]
)
def test_masks_psfs_and_guides_accept_any_array(make):
    hole = np.zeros(SHAPE, bool)
    hole[4:8, 5:9] = True
    psf = np.outer(*(np.hanning(5),) * 2)
    assert napari_dip.inpaint(BASE, make(hole), config=CONFIG).shape == SHAPE
    assert napari_dip.deconvolve(BASE, make(psf), config=CONFIG).shape == SHAPE
    assert napari_dip.restore_guided(BASE, make(BASE), config=CONFIG).shape == SHAPE


@pytest.mark.parametrize("mask", cases(MASKS, none=None, name="mask.tif"))
def test_rejects_invalid_mask(mask):
    with pytest.raises(InputError) as caught:
        napari_dip.inpaint(BASE, mask, config=CONFIG)
    assert is_a_sentence(caught.value)


@pytest.mark.parametrize(
    "mask",
    [
        pytest.param(HOLE * 7, id="a label"),
        pytest.param(HOLE * 0.5, id="a float"),
        pytest.param(np.where(HOLE, np.nan, 0), id="NaN is painted"),
        pytest.param(HOLE[None], id="one plane"),
    ],
)
def test_nonzero_mask_pixels_are_missing(mask):
    image = BASE[None] if np.ndim(mask) == 3 else BASE
    restored = napari_dip.inpaint(image, mask, config=CONFIG).reshape(SHAPE)
    np.testing.assert_array_equal(restored[~HOLE], BASE[~HOLE].astype(np.float32))
    assert (restored[HOLE] != BASE[HOLE].astype(np.float32)).all()


def test_labels_select_missing_pixels():
    mask = HOLE * 1 + np.roll(HOLE, 10, 0) * 2
    missing = np.isnan(Inpaint(mask, labels=(2,)).observe(Image(BASE, "YX")).data[...])
    np.testing.assert_array_equal(missing, mask == 2)


@pytest.mark.parametrize("psf", cases(PSFS, name="psf.tif"))
def test_rejects_invalid_psf(psf):
    with pytest.raises(InputError) as caught:
        napari_dip.deconvolve(BASE, psf, config=CONFIG)
    assert is_a_sentence(caught.value)


@pytest.mark.parametrize(
    "psf",
    [
        pytest.param(PSF[:-1, :-1], id="even"),
        pytest.param(PSF * 1e300, id="any sum"),
        pytest.param(PSF * 0.9 + 100, id="with background"),
        pytest.param(PSF - PSF.mean(), id="background subtracted twice, zero sum"),
        pytest.param(np.eye(5), id="a line across"),
        pytest.param(np.eye(9)[:3, :7][:, ::-1], id="a line at a border"),
        pytest.param(np.ones((5, 5)), id="a box"),
        pytest.param(np.hypot(Y, X) == 4, id="a ring"),
    ],
)
def test_accepts_unusual_valid_psf(psf):
    assert np.isfinite(napari_dip.deconvolve(BASE, psf, config=CONFIG)).all()


@pytest.mark.parametrize("sigma", [0, -1, np.nan, np.inf, 1e9, {"q": 1}, "a", (1, 2), {}], ids=str)
def test_rejects_invalid_blur_width(sigma):
    with pytest.raises(InputError) as caught:
        napari_dip.deconvolve(BASE, sigma=sigma, config=CONFIG)
    assert is_a_sentence(caught.value)


@pytest.mark.parametrize("guide", cases(GUIDES, none=None))
def test_rejects_invalid_guide(guide):
    with pytest.raises(InputError) as caught:
        napari_dip.restore_guided(BASE, guide, config=CONFIG)
    assert is_a_sentence(caught.value)


@pytest.mark.parametrize(
    "factor", [1, 0, -2, 2.5, 17, "2", None, True, np.nan, {"z": 2}, {"q": 2}, {}], ids=str
)
def test_rejects_invalid_factor(factor):
    with pytest.raises(NapariDipError) as caught:
        napari_dip.super_resolve(BASE, factor, config=CONFIG)
    assert is_a_sentence(caught.value)


@pytest.mark.parametrize(
    "choice",
    [
        {"gain": np.inf}, {"sigma_noise": np.inf}, {"sigma_noise": np.nan},
        {"voxel_size": {"y": 0}}, {"voxel_size": {"y": np.inf}}, {"threads": 10**6},
        {"max_iterations": -1}, {"seed": -1},
        {"time_limit": np.nan}, {"device": "tpu"}, {"colour": 1},
    ],
    ids=str,
)  # fmt: skip
def test_rejects_invalid_configuration_value(choice):
    with pytest.raises(ValueError, match=next(iter(choice))):
        napari_dip.DipConfig.model_validate(choice)
