"""Tiles: restoration by tiles, blending, report, and choice by memory."""

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
from napari_dip.core.operators.base import Identity
from napari_dip.core.operators.blur import Blur
from napari_dip.core.operators.downsample import Downsample
from napari_dip.core.restoration import plan as plan_module
from napari_dip.core.restoration.restore import restore
from napari_dip.core.tasks import Deconvolve, Denoise, Inpaint, RemoveJpeg, SuperResolve
from napari_dip.errors import UsageError
from tests.tiny import noisy_waves, tiny_config, waves

TILED = tiny_config(60, tile=40, overlap=8)


def error(result):
    return float(np.sqrt(np.mean((result.image.data - waves()) ** 2)))


def test_tiles_denoise_like_a_complete_plane_without_seams():
    # A tile this small has too few held-out pixels to select an iteration.
    untiled = finish(restore(noisy_waves(), config=tiny_config(60, stop="none")))
    tiled = finish(restore(noisy_waves(), config=TILED.model_copy(update={"stop": "none"})))
    assert error(tiled) < 1.2 * error(untiled) < 0.8 * 20
    record = json.loads(json.dumps(tiled.report.as_json()))["tiling"]
    assert (record["tile"], record["overlap"], record["tiles"]) == (40, 8, 4)
    assert 0.7 < record["seam_ratio"] < 1.2
    assert untiled.report.tiling is None
    # The intensity scale is that of the image, not of the tile.
    assert tiled.report.noise == untiled.report.noise


@pytest.mark.parametrize("chance", [1.2, 1.4])
def test_warns_about_seams_beyond_chance(monkeypatch, chance):
    monkeypatch.setattr("napari_dip.core.blocks.tiles.seam_ratio", lambda *_: (1.3, chance))
    warnings = finish(restore(noisy_waves(), config=TILED)).report.warnings
    assert [("gradient 1.30" in text) for text in warnings] == [True] * (chance < 1.3)


def test_order_of_tiles_does_not_change_the_result(monkeypatch):
    forwards = finish(restore(noisy_waves(), config=TILED)).image.data
    plan = plan_module.plan_blocks
    monkeypatch.setattr(plan_module, "plan_blocks", lambda *args: plan(*args)[::-1])
    backwards = finish(restore(noisy_waves(), config=TILED)).image.data
    np.testing.assert_allclose(backwards, forwards, rtol=1e-5)


def test_stopping_keeps_the_observation_in_unfitted_tiles():
    requests = []
    progress = restore(noisy_waves(), config=TILED, stop_requested=lambda: bool(requests))
    result = finish(progress, lambda state: requests.append(1) if state.block == 1 else None)
    assert result.report.blocks_left == 2
    assert result.report.tiling.seam_ratio is None
    observed = noisy_waves().astype(np.float32)
    np.testing.assert_array_equal(result.image.data[36:], observed[36:])
    assert (result.image.data[:36] != observed[:36]).mean() > 0.99


def test_missing_pixels_in_overlaps_count_once():
    values = noisy_waves()
    values[28:36, 28:36] = np.nan
    result = finish(restore(values, config=TILED))
    assert np.isfinite(result.image.data).all()
    assert result.report.input.invalid_pixels == 64


def test_warns_about_a_hole_larger_than_a_tile():
    mask = np.zeros((64, 64), bool)
    mask[:42, :42] = True
    result = finish(restore(noisy_waves(), Inpaint(mask), TILED))
    assert result.report.tiling.skipped == 1
    assert any("larger than a tile of 40 pixels" in text for text in result.report.warnings)


def test_dark_tile_has_the_intensity_scale_of_the_image():
    values = np.pad(noisy_waves((32, 64)), ((0, 32), (0, 0)))
    result = finish(restore(values, config=TILED))
    assert np.abs(result.image.data[40:]).max() < 60


@pytest.mark.parametrize("choice", [{"runs": 2}, {"posterior_samples": 5}])
def test_uncertainty_of_tiles_is_blended(choice):
    config = tiny_config(10, tile=40, overlap=8, **choice)
    _, spread = finish(restore(noisy_waves(), config=config)).uncertainty
    assert spread.shape == (64, 64)
    assert spread.min() > 0


def test_best_psnr_combines_all_tiles():
    config = tiny_config(20, tile=40, overlap=8)
    report = finish(restore(noisy_waves(), config=config, reference=waves())).report
    assert report.best_psnr > 10


# Choice of tiles by memory


def choose(image_shape, free, task=None, operator=None, **choices):
    task, operator = task or Denoise(), operator or Identity()
    config = DipConfig(**choices).complete()
    image = Image(np.broadcast_to(np.float32(0), image_shape), "ZYX"[-len(image_shape) :])
    return find_tiling(image, task, operator, "YX", config, free)


def test_seams_are_the_blended_zones_in_result_pixels():
    image = Image(np.zeros((2, 11, 6)), "ZYX")
    assert Tiling(6, overlap=2).seams(image) == {1: [(3, 5), (6, 8)], 2: []}
    # Weights are 0 in the margin; the tiles extend from 0 to 8 and from 4 to 11.
    finer = Tiling(8, overlap=2, margins={"Y": 1}, factors={"Y": 3})
    assert finer.spans("Y", 11) == [(0, 8), (4, 11)]
    assert finer.seams(image) == {1: [(15, 21)], 2: []}
    assert Tiling(1, axes="ZYX").seams(image)[0] == [(1, 1)]


def test_overlapping_weights_follow_a_half_cosine():
    first, second = Tiling(12, overlap=4, margins={"X": 2}).weights("X", 16)
    # The overlap is eight pixels; the weight of the outer two is 0.
    rise = np.sin(np.pi / 2 * (np.arange(4) + 0.5) / 4) ** 2
    np.testing.assert_allclose(second, [0, 0, *rise, *np.ones(6)], atol=1e-6)
    np.testing.assert_allclose(first, second[::-1], atol=1e-6)


def test_record_has_seams_only_for_a_complete_result(monkeypatch):
    calls = []
    monkeypatch.setattr(
        "napari_dip.core.blocks.tiles.seam_ratio", lambda *args: calls.append(args) or (1.3, 1.1)
    )
    image, tiling = Image(np.zeros((11, 6)), "YX"), Tiling(6, overlap=2)
    record = tiling.record(image, image.data, tiles=3, skipped=0)
    assert (record.tile, record.overlap, record.tiles, record.skipped) == (6, 2, 3, 0)
    assert (record.seam_ratio, record.seam_chance) == (1.3, 1.1)
    assert calls == [(image.data, tiling.seams(image))]
    record = tiling.record(image, None, tiles=3, skipped=2)
    assert (record.skipped, record.seam_ratio, record.seam_chance) == (2, None, None)


def test_plane_that_fits_into_memory_has_no_tiles():
    assert choose((4096, 4096), 10**12) is None


def test_large_plane_gets_tiles_that_fit_into_memory():
    needed = fit_memory(preset_of("balanced"), 4096**2)
    assert choose((4096, 4096), needed).side == MAX_TILE
    free = int(2e9)
    side = choose((4096, 4096), free).side
    assert fit_memory(preset_of("balanced"), side**2) < free
    assert choose((4096, 4096), free, preset="paper").side < side
    assert choose((4096, 4096), free, preset="fast").side >= side


def test_tile_as_large_as_the_image_is_no_tiling():
    assert choose((64, 48), 0, tile=64) is None
    assert choose((64, 48), 0, tile=63).side == 63


def test_tiles_are_at_least_twice_the_overlap():
    assert choose((4096, 4096), 0, overlap=100).side == 256


def test_tiles_depend_on_magnification_and_psf_width():
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


def test_rejects_tiles_for_operators_that_need_the_complete_image():
    class NeedsCompleteImage(Identity):
        local = False

    assert choose((4096, 4096), 0, operator=NeedsCompleteImage()) is None
    with pytest.raises(UsageError, match="tiles of 64 pixels for denoise.*Leave them out"):
        choose((4096, 4096), 0, operator=NeedsCompleteImage(), tile=64)


def test_rejects_tiles_smaller_than_the_overlap():
    with pytest.raises(UsageError, match="Got tiles of 32 pixels.*expected tiles of at least 64"):
        finish(restore(noisy_waves(), RemoveJpeg(), tiny_config(2, tile=32)))


@pytest.mark.parametrize("wrong", [{"tile": 0}, {"overlap": -1}])
def test_rejects_invalid_tile_sizes(wrong):
    with pytest.raises(ValidationError):
        DipConfig(**wrong)
