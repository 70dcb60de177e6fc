"""Inpainting: masks, presets and results."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image as Picture

import napari_dip
from napari_dip.config import DipConfig, preset_of
from napari_dip.core.image.image import Image, as_image
from napari_dip.core.tasks import (
    Inpaint,
)
from napari_dip.errors import InputError
from napari_dip.io import images as io
from tests.core.tasks.conftest import HOLE, rmse, run
from tests.tiny import tiny_config, waves


def with_hole():
    picture, mask = waves(), np.zeros((64, 64), np.uint8)
    mask[20:26, 30:37] = 2
    return np.where(mask, 1e4, picture), mask


def test_fills_missing_pixels_and_keeps_known_ones():
    picture, mask = with_hole()
    result = run(picture, Inpaint(mask), tiny_config(300)).image.data
    np.testing.assert_array_equal(result[mask == 0], picture[mask == 0].astype(np.float32))
    assert rmse(result[mask > 0], waves()[mask > 0]) < 15


def test_restores_known_pixels_if_requested():
    picture, mask = with_hole()
    result = run(picture, Inpaint(mask, known="restore")).image.data
    assert rmse(result[mask == 0], picture[mask == 0]) > 0


@pytest.mark.parametrize("task", [
    lambda mask: Inpaint(mask), lambda mask: Inpaint(mask == 0, inverse=True),
    lambda mask: Inpaint(mask + (mask == 0), labels=(2,)),
    lambda mask: Inpaint(np.stack([mask] * 3, axis=-1)),
])  # fmt: skip
def test_mask_labels_inverse_and_colours_mark_the_same_pixels(task):
    picture, mask = with_hole()
    observed = task(mask).observe(as_image(picture))
    np.testing.assert_array_equal(np.isnan(np.asarray(observed.data)), mask > 0)
    assert observed.dtype == np.float64


def mask_file(path, painted, kind):
    """Write a mask as image editors export it, white at painted pixels."""
    white = np.where(painted, np.uint8(255), np.uint8(0))
    opaque = np.full_like(white, 255)
    if kind == "palette":
        picture = Picture.fromarray(painted.astype(np.uint8), "P")
        picture.putpalette([0, 0, 0, 255, 255, 255])
        picture.save(path)
    elif kind == "drawn on a transparent layer":
        Picture.fromarray(np.stack([0 * white, white], -1), "LA").save(path)
    elif kind == "holes in an opaque layer":
        Picture.fromarray(np.stack([opaque, opaque, opaque, 255 - white], -1)).save(path)
    elif kind.startswith("16"):
        deep = np.stack([white, opaque] if kind == "16 LA" else [white] * 3, -1)
        io.write_image(path, Image(deep.astype(np.uint16) * 257, "YXS"))
    else:
        layers = {"L": [white], "LA": [white, opaque], "RGBA": [white, white, white, opaque]}
        Picture.fromarray(np.squeeze(np.stack(layers[kind], -1)), kind).save(path)
    return path


@pytest.mark.parametrize(
    "kind", ["L", "LA", "RGBA", "palette", "16 LA", "16 RGB", "drawn on a transparent layer"]
)
def test_masks_of_image_editors_mark_the_painted_pixels(tmp_path, kind):
    mask = io.read_image(mask_file(tmp_path / "mask.png", HOLE, kind))
    image = as_image(waves((24, 20)))
    observed = Inpaint(mask).observe(image)
    np.testing.assert_array_equal(np.isnan(np.asarray(observed.data)), HOLE)
    assert Inpaint(mask).preset == Inpaint(HOLE).preset


def test_opacity_is_the_mask_if_the_colour_is_constant(tmp_path):
    mask = io.read_image(mask_file(tmp_path / "mask.png", HOLE, "holes in an opaque layer"))
    observed = Inpaint(mask, inverse=True).observe(as_image(waves((24, 20))))
    np.testing.assert_array_equal(np.isnan(np.asarray(observed.data)), HOLE)


@pytest.mark.parametrize("opacity", [0, 255])
def test_rejects_a_mask_of_constant_colour_and_opacity(opacity):
    white = np.stack([np.full((24, 20), 255), np.full((24, 20), opacity)], -1)
    with pytest.raises(InputError, match="no pixel known"):
        run(waves((24, 20)), Inpaint(white))


def test_inverse_of_a_coloured_mask_marks_known_pixels():
    red = np.zeros((24, 20, 3), np.uint8)
    red[~HOLE, 0] = 255
    observed = Inpaint(red, inverse=True).observe(as_image(waves((24, 20))))
    np.testing.assert_array_equal(np.isnan(np.asarray(observed.data)), HOLE)


def test_mask_of_one_plane_applies_to_all_planes():
    stack = np.random.default_rng(0).poisson(9, (3, 24, 20)).astype(np.uint8)
    for mask in (HOLE, np.stack([HOLE] * 3)):
        observed = Inpaint(mask).observe(as_image(stack))
        assert np.isnan(np.asarray(observed.data)).sum() == 3 * HOLE.sum()
        assert observed.data[1].dtype == np.float32


def test_nan_is_missing_without_a_mask():
    picture = waves((24, 20))
    picture[HOLE] = np.nan
    result = run(picture, Inpaint())
    assert np.isfinite(result.image.data).all()
    assert result.report.input.invalid_pixels == HOLE.sum()


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (np.ones((24, 20)), "no pixel known"),
        (np.zeros((24, 20)), "no pixel is missing"),
        (np.ones((20, 24)), "same Y and X"),
    ],
)
def test_rejects_masks_without_known_or_missing_pixels(mask, words):
    with pytest.raises(InputError, match=words):
        run(waves((24, 20)), Inpaint(mask))


def test_large_holes_and_sparse_pixels_have_their_own_presets():
    mask = np.zeros((64, 64), bool)
    mask[10:20, 10:60] = True
    assert Inpaint(mask).preset == "inpaint"
    mask[10:50] = True
    assert Inpaint(mask).preset == "inpaint-holes"
    assert preset_of("paper", "inpaint-holes").latent == "meshgrid"
    assert Inpaint(mask, known="restore").preset == "denoise"
    assert Inpaint(np.random.default_rng(0).random((256, 256)) > 0.02).preset == "inpaint-sparse"


@pytest.mark.parametrize("axes", ["YX", "ZYX", "YXC"])
def test_pixels_that_are_nan_choose_the_same_presets_as_a_mask(axes):
    mask = np.zeros((64, 64), bool)
    mask[10:50, 10:50] = True
    scattered = np.random.default_rng(0).random((64, 64)) < 0.5
    for missing in (mask, scattered):
        planes = np.stack([np.where(missing, np.nan, waves())] * len(axes[2:] + "X"))
        values = {"YX": planes[0], "ZYX": planes, "YXC": np.moveaxis(planes, 0, -1)}[axes]
        image = Image(values, axes)
        for known in ("keep", "restore"):
            expected = Inpaint(missing, known=known).preset
            assert Inpaint(known=known).preset_for(image) == expected
            with_edge = Inpaint(np.broadcast_to(np.arange(64) < 2, mask.shape), known=known)
            assert with_edge.preset_for(image) == expected


def test_an_image_without_nan_has_the_presets_of_the_mask():
    image = as_image(waves())
    for task in (Inpaint(), Inpaint(np.ones((64, 64)) - np.eye(64))):
        assert task.preset_for(image) == task.preset


@pytest.mark.parametrize(("share", "preset"), [(0.1, "denoise"), (0.5, "inpaint")])
def test_restored_pixels_are_denoised_unless_many_are_missing(share, preset):
    scattered = np.random.default_rng(0).random((64, 64)) < share
    assert Inpaint(scattered, known="restore").preset == preset


def test_a_noisy_image_with_few_known_pixels_comes_back_denoised_and_filled():
    random = np.random.default_rng(0)
    truth = 100 + 60 * np.sin(np.arange(64) / 6)[:, None] * np.cos(np.arange(64) / 9)
    missing = random.random(truth.shape) < 0.6
    noisy = np.where(missing, 0, truth + random.normal(0, 10, truth.shape)).astype(np.float32)
    config = DipConfig(preset="fast", device="cpu")
    restored = run(noisy, Inpaint(missing, known="restore"), config).image.data
    assert np.std((restored - truth)[~missing]) < 6
    assert np.std((restored - truth)[missing]) < 7


def test_repairs_dead_pixels_found_by_a_threshold():
    picture = waves()
    dead = np.random.default_rng(0).random(picture.shape) < 0.02
    recorded = np.where(dead, 4095.0, picture)
    result = napari_dip.inpaint(recorded, recorded > 1000, config=tiny_config(300))
    assert rmse(result[dead], picture[dead]) < 15
