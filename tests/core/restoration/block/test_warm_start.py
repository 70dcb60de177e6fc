from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_dip import restore
from napari_dip.api import finish
from napari_dip.config import StoppingConfig
from napari_dip.core.blocks.plan import plan_blocks
from napari_dip.core.blocks.tiles import Tiling
from napari_dip.core.image.image import Image, as_image
from napari_dip.core.restoration.block import warm_start
from napari_dip.core.restoration.block.data import BlockData
from napari_dip.core.restoration.block.warm_start import WarmStarts
from tests.tiny import noisy_waves, tiny_config, waves


def plane(seed):
    noise = np.random.default_rng(seed).normal(0, 20, (32, 32))
    return waves((32, 32)) + noise


class Lazy:
    """An array that is not in memory."""

    def __init__(self, values):
        self._values, self.shape, self.dtype = values, values.shape, values.dtype

    def __getitem__(self, selection):
        return self._values[selection]

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self._values, dtype)


def warm_config(iterations=6, warm=3, **choices):
    config = tiny_config(iterations, warm_start="on", **choices)
    fit = config.fit.model_copy(
        update={"warm_iterations": warm, "stopping": StoppingConfig(guard=2)}
    )
    return config.model_copy(update={"fit": fit})


def restored(image, config, **options):
    return finish(restore(image, config=config, **options))


@pytest.mark.parametrize(
    ("axes", "shape", "before"),
    [
        ("ZYX", (3, 8, 8), [None, 0, 1]),
        ("TZYX", (2, 2, 8, 8), [None, 0, 0, 2]),
        ("ZTYX", (2, 2, 8, 8), [None, 0, 0, 2]),
        ("ZCYX", (2, 2, 8, 8), [None, None, 0, 1]),
        ("CYX", (3, 8, 8), [None, None, None]),
        ("YX", (8, 8), [None]),
    ],
)
def test_plane_follows_the_previous_one_of_its_channel(axes, shape, before):
    image = as_image(np.zeros(shape), axes)
    plan = plan_blocks(image, None)
    chain = WarmStarts(plan, axes)
    assert [chain._predecessor.get(block.index) for block in plan] == before
    assert [chain.has_predecessor(block) for block in plan] == [one is not None for one in before]


def test_each_tile_follows_its_own_and_frees_unneeded_checkpoints():
    image = as_image(np.zeros((3, 8, 16)), "ZYX")
    plan = plan_blocks(image, None, 2, Tiling(8))
    chain = WarmStarts(plan, "ZYX")
    picture = np.random.default_rng(0).normal(size=(1, 8, 8))
    held = []

    class Checkpoint:
        def as_warm_start(self):
            return self

    for block in plan:
        data = BlockData(block, picture, None, np.zeros(picture.shape, bool), (), False, 0)
        assert len(chain.starts(data)) == (block.index >= 2)
        chain.add(data, [Checkpoint()])
        chain.release(block)
        held.append(len(chain._finished))
    assert held == [1, 2, 2, 2, 1, 0]


def test_later_planes_start_warm_with_fewer_iterations():
    result = restored(Image(np.stack([plane(n) for n in range(3)]), "ZYX"), warm_config())
    assert [block.warm for block in result.report.blocks] == [False, True, True]
    assert [block.iterations for block in result.report.blocks] == [6, 3, 3]


def test_warm_start_is_as_good_in_fewer_iterations():
    stack = Image(np.stack([plane(n) for n in range(3)]), "TYX")
    errors = {}
    for iterations, warm in ((200, "on"), (200, "off"), (30, "off")):
        config = warm_config(iterations, 30).model_copy(update={"warm_start": warm})
        found = restored(stack, config).image.data[1:]
        errors[iterations, warm] = float(np.sqrt(np.mean((found - waves((32, 32))) ** 2)))
    assert errors[200, "on"] < 1.1 * errors[200, "off"]
    assert errors[200, "on"] < 0.8 * errors[30, "off"]


def test_no_warm_start_after_a_scene_cut():
    other = ndimage.rotate(plane(1), 90) - plane(5)
    stack = np.stack([plane(0), plane(1), other, other + plane(3) / 50])
    result = restored(Image(stack, "TYX"), warm_config())
    assert [block.warm for block in result.report.blocks] == [False, True, False, True]
    alone = restored(Image(stack, "TYX"), warm_config().model_copy(update={"warm_start": "off"}))
    np.testing.assert_array_equal(result.image.data[[0, 2]], alone.image.data[[0, 2]])


def test_planes_hidden_in_noise_are_no_scene_cut():
    dim = np.stack([waves((32, 32)) / 100 + plane(n) - waves((32, 32)) for n in range(3)])
    result = restored(Image(dim, "ZYX"), warm_config())
    assert [block.warm for block in result.report.blocks] == [False, True, True]


@pytest.mark.parametrize("value", [0.0, np.nan])
@pytest.mark.parametrize("lazy", [False, True])
def test_warm_start_after_a_blank_plane_uses_the_last_fitted_plane(value, lazy):
    stack = np.stack([plane(0), *np.full((2, 32, 32), value), plane(2), plane(3)])
    image = Image(Lazy(stack) if lazy else stack, "ZYX")
    blocks_ = restored(image, warm_config()).report.blocks
    assert [(block.index, block.warm) for block in blocks_] == [(0, False), (3, True), (4, True)]


def test_first_plane_after_blank_ones_starts_cold():
    stack = np.stack([np.zeros((32, 32)), plane(1), plane(2)])
    blocks_ = restored(Image(stack, "ZYX"), warm_config()).report.blocks
    assert [(block.index, block.warm) for block in blocks_] == [(1, False), (2, True)]
    assert [block.iterations for block in blocks_] == [6, 3]


def test_warm_start_after_a_dark_frame_uses_the_last_lit_frame():
    dark = np.random.default_rng(9).normal(0, 20, (32, 32)) + 50
    stack = np.stack([plane(0), dark, plane(2), plane(3)])
    blocks_ = restored(Image(stack, "TYX"), warm_config()).report.blocks
    assert [block.warm for block in blocks_] == [False, False, True, True]


@pytest.mark.parametrize("latent", ["noise", "meshgrid", "observation"])
def test_each_run_and_channel_has_its_own_series(latent):
    stack = np.stack([np.stack([plane(n), 3 * plane(n + 9)]) for n in range(2)])
    config = warm_config(5, 2, latent=latent, runs=2)
    both = restored(Image(stack, "ZCYX"), config)
    assert [block.warm for block in both.report.blocks] == [False, False, True, True]
    assert [block.iterations for block in both.report.blocks] == [10, 10, 4, 4]
    assert both.run_std.min() >= 0
    assert np.isfinite(both.image.data).all()


def test_posterior_samples_do_not_change_the_next_warm_start():
    stack = Image(np.stack([plane(n) for n in range(3)]), "ZYX")
    plain = restored(stack, warm_config(stop="none"))
    sampled = restored(stack, warm_config(stop="none", posterior_samples=4))
    np.testing.assert_array_equal(plain.image.data, sampled.image.data)


def test_first_plane_of_a_series_runs_to_its_last_iteration():
    stopping = StoppingConfig(
        guard=2, heldout_fraction=0.2, heldout_patience=1, heldout_tolerance=0.9
    )
    config = warm_config(20, 2)
    fit = config.fit.model_copy(update={"stopping": stopping})
    config = config.model_copy(update={"fit": fit})
    stack = Image(np.stack([plane(n) for n in range(3)]), "ZYX")
    blocks_ = restored(stack, config).report.blocks
    assert [block.iterations for block in blocks_] == [20, 2, 2]
    alone = restored(stack, config.model_copy(update={"warm_start": "off"})).report.blocks
    assert max(block.iterations for block in alone) < 20


def test_resumes_every_plane_of_a_series():
    stack = Image(np.stack([plane(n) for n in range(2)]), "ZYX")
    first = restored(stack, warm_config(), keep_state=True)
    again = restored(stack, warm_config(), continue_from=first)
    assert [block.iterations for block in again.report.blocks] == [12, 9]
    assert [block.warm for block in again.report.blocks] == [False, False]


@pytest.mark.parametrize(
    ("latent", "chosen", "warm"),
    [
        ("observation", "auto", True),
        ("noise", "auto", False),
        ("noise", "on", True),
        ("observation", "off", False),
    ],
)
def test_automatic_warm_start_needs_an_observation_latent(latent, chosen, warm):
    config = warm_config(3, 2, latent=latent).model_copy(update={"warm_start": chosen})
    report = restored(Image(np.stack([plane(0), plane(1)]), "ZYX"), config).report
    assert [block.warm for block in report.blocks] == [False, warm]
    assert report.config.warm_start == ("on" if warm else "off")


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (64, 64), (100, 37)])
@pytest.mark.parametrize("sigma", [0, 50])
def test_plane_is_similar_to_itself_with_noise(shape, sigma):
    values = np.add.outer(np.arange(shape[0]), 3.0 * np.arange(shape[1]))[None]
    noise = np.random.default_rng(0).normal(0, sigma * (values.size > 1000), values.shape)
    thumbnail = warm_start._thumbnail(values)
    expected = values.size > 1
    assert warm_start.is_similar(thumbnail, warm_start._thumbnail(values + noise)) == expected
    assert not warm_start.is_similar(thumbnail, warm_start._thumbnail(-values))


def test_missing_pixels_do_not_make_planes_dissimilar():
    values = noisy_waves((64, 64))[None]
    holed = np.where(np.random.default_rng(0).random(values.shape) < 0.2, np.nan, values)
    assert warm_start.is_similar(warm_start._thumbnail(values), warm_start._thumbnail(holed))
