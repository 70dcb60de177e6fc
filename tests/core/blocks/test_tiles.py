"""Tiles through `restore`: that they help, are blended, reported, and chosen by memory."""

from __future__ import annotations

import json

import numpy as np
import pytest
from pydantic import ValidationError

from napari_dip.api import finish
from napari_dip.config import MAX_TILE, DipConfig, preset_of
from napari_dip.core.blocks.tiles import Tiling, find_tiling
from napari_dip.core.hardware.fit_cost import fit_memory
from napari_dip.core.image.image import Image
from napari_dip.core.operators.base import Downsample, Identity
from napari_dip.core.operators.blur import Blur
from napari_dip.core.restoration import plan as plan_module
from napari_dip.core.restoration.restore import restore
from napari_dip.core.tasks import Deconvolve, Denoise, Inpaint, RemoveJpeg, SuperResolve
from napari_dip.errors import UsageError
from tests.tiny import noisy_waves, tiny_config, waves

TILED = tiny_config(60, tile=40, overlap=8)


def error(result):
    return float(np.sqrt(np.mean((result.image.data - waves()) ** 2)))


def test_tiles_take_noise_away_as_a_whole_plane_does_and_show_no_seam():
    # Of so small a tile too few pixels are held out to choose an iteration by.
    whole = finish(restore(noisy_waves(), config=tiny_config(60, stop="none")))
    tiled = finish(restore(noisy_waves(), config=TILED.model_copy(update={"stop": "none"})))
    assert error(tiled) < 1.2 * error(whole) < 0.8 * 20
    record = json.loads(json.dumps(tiled.report.as_json()))["tiling"]
    assert (record["tile"], record["overlap"], record["tiles"]) == (40, 8, 4)
    assert 0.7 < record["seam_ratio"] < 1.2
    assert whole.report.tiling is None
    # The scale is the image's, not the tile's.
    assert tiled.report.noise == whole.report.noise


@pytest.mark.parametrize("chance", [1.2, 1.4])
def test_a_seam_that_is_seen_is_told_unless_it_may_be_chance(monkeypatch, chance):
    monkeypatch.setattr("napari_dip.core.blocks.tiles.seam_ratio", lambda *_: (1.3, chance))
    warnings = finish(restore(noisy_waves(), config=TILED)).report.warnings
    assert [("gradient 1.30" in text) for text in warnings] == [True] * (chance < 1.3)


def test_the_order_of_tiles_changes_nothing(monkeypatch):
    forwards = finish(restore(noisy_waves(), config=TILED)).image.data
    plan = plan_module.plan_blocks
    monkeypatch.setattr(plan_module, "plan_blocks", lambda *args: plan(*args)[::-1])
    backwards = finish(restore(noisy_waves(), config=TILED)).image.data
    np.testing.assert_allclose(backwards, forwards, rtol=1e-5)


def test_stopping_leaves_the_tiles_not_reached_as_observed():
    asked = []
    progress = restore(noisy_waves(), config=TILED, stop_requested=lambda: bool(asked))
    result = finish(progress, lambda state: asked.append(1) if state.block == 1 else None)
    assert result.report.blocks_left == 2
    assert result.report.tiling.seam_ratio is None
    observed = noisy_waves().astype(np.float32)
    np.testing.assert_array_equal(result.image.data[36:], observed[36:])
    assert (result.image.data[:36] != observed[:36]).mean() > 0.99


def test_missing_pixels_are_counted_once_though_tiles_overlap():
    values = noisy_waves()
    values[28:36, 28:36] = np.nan
    result = finish(restore(values, config=TILED))
    assert np.isfinite(result.image.data).all()
    assert result.report.input.invalid_pixels == 64


def test_a_hole_larger_than_a_tile_is_told():
    mask = np.zeros((64, 64), bool)
    mask[:42, :42] = True
    result = finish(restore(noisy_waves(), Inpaint(mask), TILED))
    assert result.report.tiling.skipped == 1
    assert any("larger than a tile of 40 pixels" in text for text in result.report.warnings)


def test_a_dark_tile_of_a_bright_image_is_restored_on_the_image_s_scale():
    values = np.pad(noisy_waves((32, 64)), ((0, 32), (0, 0)))
    result = finish(restore(values, config=TILED))
    assert np.abs(result.image.data[40:]).max() < 60


@pytest.mark.parametrize("choice", [{"runs": 2}, {"posterior_samples": 5}])
def test_the_spread_is_blended_too(choice):
    config = tiny_config(10, tile=40, overlap=8, **choice)
    _, spread = finish(restore(noisy_waves(), config=config)).uncertainty
    assert spread.shape == (64, 64)
    assert spread.min() > 0


def test_of_the_best_passed_by_each_tile_counts_by_its_size():
    config = tiny_config(20, tile=40, overlap=8)
    report = finish(restore(noisy_waves(), config=config, reference=waves())).report
    assert report.best_psnr > 10


# The choice by memory


def choose(image_shape, free, task=None, operator=None, **choices):
    task, operator = task or Denoise(), operator or Identity()
    config = DipConfig(**choices).complete()
    image = Image(np.broadcast_to(np.float32(0), image_shape), "ZYX"[-len(image_shape) :])
    return find_tiling(image, task, operator, "YX", config, free)


def test_seams_are_where_tiles_are_blended_in_pixels_of_the_result():
    image = Image(np.zeros((2, 11, 6)), "ZYX")
    assert Tiling(6, overlap=2).seams(image) == {1: [(3, 5), (6, 8)], 2: []}
    # What a margin sees has no say; tiles are from 0 to 8 and from 4 to 11.
    finer = Tiling(8, overlap=2, margins={"Y": 1}, factors={"Y": 3})
    assert finer.spans("Y", 11) == [(0, 8), (4, 11)]
    assert finer.seams(image) == {1: [(15, 21)], 2: []}
    assert Tiling(1, axes="ZYX").seams(image)[0] == [(1, 1)]


def test_where_tiles_overlap_one_takes_over_from_the_other_by_half_a_cosine():
    first, second = Tiling(12, overlap=4, margins={"X": 2}).weights("X", 16)
    # Eight pixels are shared; what a tile has no say in are the outer two.
    rise = np.sin(np.pi / 2 * (np.arange(4) + 0.5) / 4) ** 2
    np.testing.assert_allclose(second, [0, 0, *rise, *np.ones(6)], atol=1e-6)
    np.testing.assert_allclose(first, second[::-1], atol=1e-6)


def test_of_seams_the_record_tells_only_where_the_result_is_whole(monkeypatch):
    asked = []
    monkeypatch.setattr(
        "napari_dip.core.blocks.tiles.seam_ratio", lambda *args: asked.append(args) or (1.3, 1.1)
    )
    image, tiling = Image(np.zeros((11, 6)), "YX"), Tiling(6, overlap=2)
    record = tiling.record(image, image.data, tiles=3, skipped=0)
    assert (record.tile, record.overlap, record.tiles, record.skipped) == (6, 2, 3, 0)
    assert (record.seam_ratio, record.seam_chance) == (1.3, 1.1)
    assert asked == [(image.data, tiling.seams(image))]
    record = tiling.record(image, None, tiles=3, skipped=2)
    assert (record.skipped, record.seam_ratio, record.seam_chance) == (2, None, None)


def test_a_plane_that_fits_the_memory_is_fitted_whole():
    assert choose((4096, 4096), 10**12) is None


def test_a_plane_that_does_not_is_cut_into_tiles_whose_fit_does():
    needed = fit_memory(preset_of("balanced"), 4096**2)
    assert choose((4096, 4096), needed).side == MAX_TILE
    free = int(2e9)
    side = choose((4096, 4096), free).side
    assert fit_memory(preset_of("balanced"), side**2) < free
    assert choose((4096, 4096), free, preset="paper").side < side
    assert choose((4096, 4096), free, preset="fast").side >= side


def test_a_tile_as_large_as_the_image_is_no_tile():
    assert choose((64, 48), 0, tile=64) is None
    assert choose((64, 48), 0, tile=63).side == 63


def test_tiles_are_never_so_small_that_all_is_fitted_twice():
    assert choose((4096, 4096), 0, overlap=100).side == 256


def test_a_finer_result_and_a_wide_psf_ask_for_other_tiles():
    free = int(2e9)
    finer = choose((4096, 4096), free, SuperResolve(4), Downsample((4, 4)))
    assert finer.side < choose((4096, 4096), free).side
    assert finer.margins == {"Y": 2, "X": 2}
    import torch

    wide = choose((4096, 4096), 0, Deconvolve(sigma=1), Blur(torch.ones(201, 1) / 201))
    assert wide.margins == {"Y": 100, "X": 0}
    assert wide.side >= 2 * wide.shared("Y")


def test_the_choice_is_made_and_written_down(monkeypatch):
    monkeypatch.setattr(plan_module, "free_memory", lambda _: 0)
    image, config = noisy_waves((64, 24)), tiny_config(2, overlap=12)
    result = finish(restore(image, config=config))
    assert result.report.tiling.tile == result.report.config.tile
    assert result.report.tiling.tiles > 1
    monkeypatch.undo()
    again = finish(restore(image, config=result.report.config))
    np.testing.assert_array_equal(again.image.data, result.image.data)


def test_what_cannot_be_cut_is_not_cut_and_says_so_when_asked():
    class Whole(Identity):
        local = False

    assert choose((4096, 4096), 0, operator=Whole()) is None
    with pytest.raises(UsageError, match="tiles of 64 pixels for denoise.*Leave them out"):
        choose((4096, 4096), 0, operator=Whole(), tile=64)


def test_a_tile_that_is_all_overlap_is_refused_in_words():
    with pytest.raises(UsageError, match="Got tiles of 32 pixels.*expected at least 64"):
        finish(restore(noisy_waves(), RemoveJpeg(), tiny_config(2, tile=32)))


@pytest.mark.parametrize("wrong", [{"tile": 0}, {"overlap": -1}])
def test_sizes_that_are_none_are_refused(wrong):
    with pytest.raises(ValidationError):
        DipConfig(**wrong)
