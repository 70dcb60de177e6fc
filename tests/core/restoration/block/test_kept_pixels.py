from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from napari_dip.core.blocks.plan import plan_blocks
from napari_dip.core.blocks.read import read_block
from napari_dip.core.blocks.tiles import Tiling
from napari_dip.core.image.image import Image
from napari_dip.core.restoration.block.kept_pixels import (
    KeptPixels,
    as_observed,
    constant_planes,
    differ,
    enlarged,
)

NOISE = np.random.default_rng(0).normal(size=(2, 3, 16, 16))


def test_keeps_constant_channels_and_planes_with_their_holes():
    values = NOISE.copy()
    values[0], values[1, 2] = 7, 3
    values[1, 2, 4, 4] = values[0, 1, 1, 1] = np.nan
    kept = constant_planes(values, [1.0, 1.0])
    assert kept[0].all()
    assert kept[1, 2].all()
    assert not kept[1, :2].any()
    observed = as_observed(values, kept)
    assert (observed[0] == 7).all()
    assert (observed[1, 2] == 3).all()
    np.testing.assert_array_equal(observed[1, :2], values[1, :2].astype(np.float32))


def test_missing_plane_of_a_constant_volume_gets_its_value():
    values = np.full((1, 3, 16, 16), 5.0)
    values[0, 1] = np.nan
    kept = constant_planes(values, [1.0])
    assert kept.all()
    assert (as_observed(values, kept) == 5).all()


def test_does_not_keep_missing_planes_and_tiny_planes_of_volumes():
    values = NOISE.copy()
    values[0, 1] = np.nan
    assert not constant_planes(values, [1.0, 1.0]).any()
    tiny = NOISE[..., :8].copy()
    tiny[0, 0] = 0
    assert not constant_planes(tiny, [1.0, 1.0]).any()
    assert constant_planes(np.zeros((1, 2, 3, 3)), [1.0]).all()


def test_differ_if_valid_pixels_of_any_channel_differ():
    values = np.zeros((2, 4, 4))
    values[1, 0, 0] = 1
    everywhere, elsewhere = np.ones((2, 4, 4), bool), np.ones((2, 4, 4), bool)
    elsewhere[1, 0, 0] = False
    assert differ(values, everywhere, [1.0, 1.0])
    assert not differ(values, elsewhere, [1.0, 1.0])
    assert not differ(values, everywhere, [1.0, 1e9])
    assert not differ(values, np.zeros((2, 4, 4), bool), [1.0, 1.0])


def test_repeats_pixels_to_the_shape_of_an_estimate():
    values = np.array([[[1, 2], [3, 4]]])
    assert enlarged(values, (1, 4, 2)).tolist() == [[[1, 2], [1, 2], [3, 4], [3, 4]]]
    assert enlarged(values, (1, 2, 2)) is values


def counted(image, kept, **options):
    counts = KeptPixels()
    ordered = image.with_data(kept)
    for block in plan_blocks(image, **options):
        values = read_block(image, block)
        data = SimpleNamespace(block=block, values=values, kept=read_block(ordered, block))
        counts.add(data.block, data.values, data.kept, image.axes)
    return counts.record()


@pytest.mark.parametrize(
    "options",
    [
        {"channels": "joint"},
        {"channels": "separate"},
        {"channels": "joint", "dims": 3},
        {"channels": "separate", "dims": 3},
        {"channels": "joint", "tiling": Tiling(10, overlap=4)},
        {"channels": "separate", "dims": 3, "tiling": Tiling(10, overlap=4, axes="YX")},
    ],
)
def test_records_constant_planes_for_any_tiling(options):
    image = Image(np.zeros((2, 3, 2, 16, 16)), "TZCYX")
    kept = np.zeros(image.shape, bool)
    kept[1, 2, 0] = kept[0, 0, 1] = kept[0, 1, 0, :4] = True
    record = counted(image, kept, **options)
    assert sorted(map(str, record.planes)) == [
        "{'T': 0, 'Z': 0, 'C': 1}",
        "{'T': 1, 'Z': 2, 'C': 0}",
    ]
    assert record.of_planes == 12
    assert record.pixels == pytest.approx(0.25 / 10, rel=1e-5)


def test_missing_pixels_are_not_counted():
    data = np.zeros((2, 8, 8))
    data[0, :4] = np.nan
    data[1] = np.nan
    kept = np.zeros(data.shape, bool)
    kept[0] = True
    record = counted(Image(data, "ZYX"), kept, channels="joint")
    assert record.planes == ({"Z": 0},)
    assert record.of_planes == 2
    assert record.pixels == 0


def test_has_no_record_if_no_pixel_was_kept():
    assert (
        counted(Image(np.zeros((2, 8, 8)), "ZYX"), np.zeros((2, 8, 8), bool), channels=None) is None
    )
