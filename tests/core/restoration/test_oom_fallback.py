from __future__ import annotations

import logging

import numpy as np
import pytest
import torch

from napari_dip import restore
from napari_dip.api import finish
from napari_dip.core.blocks.plan import block_shape, plan_blocks, split_block
from napari_dip.core.blocks.stitch import outer
from napari_dip.core.blocks.tiles import Tiling
from napari_dip.core.fitting.solvers import SOLVERS
from napari_dip.core.hardware.device import Runtime
from napari_dip.core.image.image import Image, as_image
from napari_dip.core.restoration.oom_fallback import OomFallback
from napari_dip.core.tasks import InvertFeatures, SuperResolve
from napari_dip.errors import MemoryExhaustedError
from tests.tiny import noisy_waves, tiny_config, tiny_features

CONFIG = tiny_config(3, overlap=4)
ERRORS = [
    torch.OutOfMemoryError("CUDA out of memory. Tried"),
    MemoryError(),
    RuntimeError("DefaultCPUAllocator: can't allocate memory"),
]


@pytest.fixture
def short_of_memory(monkeypatch):
    """Return a function that makes fits of more pixels fail, at most a number of times."""
    original = SOLVERS["fit"]

    def limit(pixels, times=1000, error=ERRORS[0]):
        failures = []

        def fit(problem, *args, **options):
            if np.prod(problem.shape) > pixels and len(failures) < times:
                failures.append(problem.shape)
                raise error
            return (yield from original(problem, *args, **options))

        monkeypatch.setitem(SOLVERS, "fit", fit)
        return failures

    return limit


def restored(image, task=None, config=CONFIG):
    return finish(restore(image, task, config))


@pytest.mark.parametrize("error", ERRORS, ids=["cuda", "python", "cpu"])
def test_retry_after_one_failure_gives_the_same_result(short_of_memory, caplog, error):
    expected = restored(noisy_waves())
    short_of_memory(0, times=1, error=error)
    with caplog.at_level(logging.WARNING, "napari_dip"):
        result = restored(noisy_waves())
    np.testing.assert_array_equal(result.image.data, expected.image.data)
    warning = result.report.warnings[0]
    assert "unused memory was freed" in warning
    assert caplog.messages == [warning]


def test_halves_tiles_until_they_fit_and_keeps_finished_planes(short_of_memory):
    stack = np.stack([noisy_waves(), noisy_waves()[::-1]])
    expected = restored(Image(stack, "ZYX")).image.data
    short_of_memory(64 * 64)
    steps = restore(Image(stack, "ZYX"), config=CONFIG)
    assert next(steps).block == 0
    failures = short_of_memory(32 * 32)
    seen = []
    result = finish(steps, lambda progress: seen.append((progress.block, progress.estimate.shape)))
    np.testing.assert_array_equal(result.image.data[0], expected[0])
    assert failures == [(64, 64)] * 2
    assert {max(shape) for block, shape in seen if block == 1} <= set(range(33))
    assert (result.image.data[1] != stack[1]).mean() > 0.9
    _, halved = result.report.warnings
    assert "tiles of 32 pixels" in halved
    assert result.report.blocks_left == 0
    assert [block.index for block in result.report.blocks] == [0] + [1] * 9


def test_halves_tiles_then_uses_the_cpu_then_gives_up():
    image = as_image(np.zeros((64, 64)))
    (block,) = plan_blocks(image, None)
    oom_fallback = OomFallback(image, Tiling(64, 4), Runtime(torch.device("meta"), torch.bfloat16))
    steps = 0
    while oom_fallback.use_less(block, "none"):
        steps += 1
    words = ["freed", "tiles of 32", "tiles of 16", "the CPU"]
    assert all(word in warning for word, warning in zip(words, oom_fallback.warnings, strict=True))
    assert steps == 4
    assert oom_fallback.runtime == Runtime(torch.device("cpu"), torch.float32)


def test_raises_memory_exhausted_error_if_nothing_helps(short_of_memory):
    short_of_memory(0)
    with pytest.raises(MemoryExhaustedError, match="^Got no more memory .*expected"):
        restored(noisy_waves())


def test_does_not_retry_after_another_error(short_of_memory):
    failures = short_of_memory(0, error=ValueError("a bug"))
    with pytest.raises(ValueError, match="a bug"):
        restored(noisy_waves())
    assert len(failures) == 1


def test_does_not_cut_a_task_that_needs_the_whole_image(short_of_memory):
    short_of_memory(0)
    config = tiny_config(2, "noise", overlap=4)
    task = InvertFeatures(tiny_features().module, "2")
    with pytest.raises(MemoryExhaustedError):
        restored(noisy_waves((32, 32)), task, config)


@pytest.mark.parametrize("axes", ["YX", "ZYX", "CYX"])
def test_weights_of_the_parts_add_up_to_those_of_the_block(axes):
    shape = (3, 40, 50)[-len(axes) :]
    image = as_image(np.zeros(shape), axes)
    for block in plan_blocks(image, "joint", 2, Tiling(30, 6)):
        total = np.zeros(shape)
        for part in split_block(block, image, Tiling(12, 4)):
            total[part.target] += outer(part.weights)
            assert max(block_shape(part, image)) <= 12
        expected = np.zeros(shape)
        expected[block.target] = outer(block.weights)
        np.testing.assert_allclose(total, expected, atol=1e-6)


def test_stitches_an_enlarged_image_from_smaller_tiles(short_of_memory):
    short_of_memory(70 * 70)
    config = tiny_config(2, "noise", overlap=4)
    result = restored(noisy_waves((48, 48)), SuperResolve(2), config)
    assert result.image.shape == (96, 96)
    assert np.isfinite(result.image.data).all()
