"""Properties of any image: identities of functions, and relations between restorations."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import napari_dip
from napari_dip import DipConfig
from napari_dip.config import Preset
from napari_dip.core.blocks.plan import plan_blocks
from napari_dip.core.blocks.stitch import stitch
from napari_dip.core.blocks.tiles import Tiling
from napari_dip.core.image.image import as_image
from napari_dip.core.image.scaling import restore_dtype
from napari_dip.core.restoration.progress import finish
from napari_dip.core.restoration.restore import restore
from napari_dip.core.tasks import Inpaint
from napari_dip.errors import NapariDipError
from tests.tiny import noisy_waves, tiny_config, waves

FEW = settings(max_examples=20, deadline=None)
CONFIG = tiny_config(3, threads=1)


@settings(max_examples=8, deadline=None)
@given(st.permutations("TCZYX"))
def test_order_of_axes_does_not_change_the_restoration(order):
    sizes = {"T": 2, "C": 1, "Z": 2, "Y": 8, "X": 7}
    usual = np.random.default_rng(0).normal(size=tuple(sizes.values()))
    moved = usual.transpose([list(sizes).index(axis) for axis in order])
    one = tiny_config(1, threads=1)
    expected = finish(restore(as_image(usual, "TCZYX"), config=one)).image
    found = finish(restore(as_image(moved, "".join(order)), config=one)).image
    assert found.axes == "".join(order)
    assert found.shape == moved.shape
    back = found.data.transpose([order.index(axis) for axis in sizes])
    # Blocks are numbered in the order of the array, so only the first plane has the same seed.
    np.testing.assert_allclose(back[0, 0, 0], expected.data[0, 0, 0], rtol=1e-3, atol=1e-3)


@FEW
@given(
    shape=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    side=st.integers(16, 40),
    overlap=st.integers(0, 30),
)
def test_tiles_of_any_size_and_overlap_stitch_to_the_image(shape, side, overlap):
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    image, tiling = as_image(values), Tiling(side, overlap)
    try:
        plan = plan_blocks(image, None, 2, tiling)
    except NapariDipError:
        assume(False)
    result = np.full(shape, np.nan, np.float32)
    laid = []
    for block in plan:
        stitch(result, block, values[block.selection], laid)
        laid.append(block)
    np.testing.assert_allclose(result, values, rtol=1e-5, atol=1e-5)


@FEW
@given(
    hnp.arrays(np.float64, (5, 4), elements=st.floats(-1e12, 1e12)),
    st.sampled_from(["uint8", "uint16", "int8", "int16", "uint32", "float32", "float64", "bool"]),
)
def test_conversion_to_dtype_never_wraps(values, dtype):
    back = restore_dtype(values, np.dtype(dtype))
    assert back.dtype == dtype
    if np.dtype(dtype).kind in "iu":
        limits = np.iinfo(dtype)
        np.testing.assert_allclose(back, np.clip(np.rint(values), limits.min, limits.max), atol=1)


CHOICES = st.fixed_dictionaries(
    {},
    optional={
        "preset": st.sampled_from(get_args(Preset)),
        "stop": st.sampled_from(["auto", "heldout", "variance", "none"]),
        "max_iterations": st.integers(1, 10**6),
        "time_limit": st.floats(1e-3, 1e6),
        "runs": st.integers(1, 9),
        "noise": st.sampled_from(["auto", "gaussian", "poisson", "laplace"]),
        "gain": st.floats(1e-6, 1e6),
        "axes": st.sampled_from(["YX", "TZCYX", "YXS"]),
        "voxel_size": st.dictionaries(st.sampled_from("zyx"), st.floats(1e-3, 1e3)),
        "tile": st.integers(16, 4096),
        "device": st.sampled_from(["auto", "cpu", "cuda:1"]),
        "seed": st.integers(0, 2**40),
    },
)


@FEW
@given(CHOICES)
def test_configuration_survives_json(choices):
    config = DipConfig.model_validate(choices)
    assert DipConfig.model_validate_json(config.model_dump_json()) == config
    complete = config.complete()
    assert DipConfig.model_validate_json(complete.model_dump_json()) == complete


@FEW
@given(hnp.arrays(np.int64, (6, 5), elements=st.integers(0, 3)), st.sets(st.integers(1, 3)))
def test_mask_with_labels_and_inverse_selects_missing_pixels(mask, labels):
    labels = tuple(sorted(labels))
    painted = np.isin(mask, labels) if labels else mask != 0
    assume(painted.any() and not painted.all())
    image = as_image(np.ones(mask.shape))
    for inverse in (False, True):
        task = Inpaint(mask, labels=labels, inverse=inverse)
        missing = np.isnan(task.observe(image).data[...])
        np.testing.assert_array_equal(missing, painted != inverse)


# Relations between restorations of related images

IMAGE = noisy_waves((32, 24))


def denoise(image, **choices):
    return napari_dip.denoise(image, config=tiny_config(20, threads=1, **choices))


@pytest.mark.parametrize(("gain", "offset"), [(2.0, 0.0), (0.25, 1000.0), (1e6, -3e7), (1e-9, 0)])
def test_linear_scaling_of_intensities_only_scales_the_result(gain, offset):
    expected, found = denoise(IMAGE), (denoise(gain * IMAGE + offset) - offset) / gain
    assert np.abs(found - expected).max() < 0.02 * np.ptp(IMAGE)


def test_same_seed_gives_same_bits_and_other_thread_count_similar_ones():
    # Few iterations, because two threads that share a core wait for each other.
    image, config = IMAGE[:16, :16], tiny_config(3, threads=1)
    first = napari_dip.denoise(image, config=config)
    np.testing.assert_array_equal(napari_dip.denoise(image, config=config), first)
    two = napari_dip.denoise(image, config=tiny_config(3, threads=2))
    assert np.abs(two - first).max() < 0.02 * np.ptp(IMAGE)


def test_separate_channels_do_not_depend_on_each_other():
    both = np.stack([IMAGE, 3 * IMAGE[::-1] + 7])
    config = tiny_config(3, threads=1, channels="separate", axes="CYX")
    alone = [napari_dip.denoise(both[n : n + 1], config=config)[0] for n in (0, 1)]
    np.testing.assert_array_equal(napari_dip.denoise(both, config=config)[0], alone[0])
    np.testing.assert_array_equal(napari_dip.denoise(both[::-1], config=config)[0], alone[1])


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda a: a[:, ::-1], id="upside down"),
        pytest.param(lambda a: a[..., ::-1], id="mirrored"),
        pytest.param(lambda a: a.transpose(0, 2, 1), id="rotated"),
        pytest.param(lambda a: a[::-1], id="channels changed"),
    ],
)
def test_flipped_image_or_channels_are_restored_equally_well(change):
    # Initial weights and held-out pixels differ, so only the quality is the same.
    truth = np.stack([waves((32, 24)), 250 - waves((32, 24))[::-1]])
    noisy = truth + np.random.default_rng(0).normal(0, 20, truth.shape)
    config = tiny_config(60, threads=1, axes="CYX", channels="joint")

    def error(change):
        restored = napari_dip.denoise(change(noisy), config=config)
        return np.sqrt(np.mean((restored - change(truth)) ** 2))

    usual = error(lambda image: image)
    assert usual < 12
    assert usual / 1.3 < error(change) < 1.3 * usual


def test_values_of_missing_pixels_have_no_influence():
    hole = np.zeros(IMAGE.shape, bool)
    hole[10:16, 8:15] = True
    expected = napari_dip.inpaint(IMAGE, hole, config=CONFIG)
    other = np.where(hole, 1e6, IMAGE)
    np.testing.assert_array_equal(napari_dip.inpaint(other, hole, config=CONFIG), expected)
    np.testing.assert_array_equal(
        napari_dip.inpaint(np.where(hole, np.nan, IMAGE), None, config=CONFIG), expected
    )
