from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from napari_dip import restore
from napari_dip.api import finish
from napari_dip.config import LatentName
from napari_dip.core.image.image import Image
from napari_dip.core.restoration import resume as resume_module
from napari_dip.core.stopping.held_out import HeldOut
from napari_dip.core.stopping.limits import MaxIterations
from napari_dip.core.stopping.rules import AnyOf, Evidence, StopReason
from napari_dip.core.tasks import Denoise, Guided, Inpaint
from napari_dip.errors import UsageError
from tests.tiny import noisy_waves, tiny_config, waves

NOISY = noisy_waves((24, 24))


def restored(config, image=NOISY, task=None, **options):
    return finish(restore(image, task, config, **options))


@pytest.mark.parametrize("latent", sorted(set(get_args(LatentName)) - {"guide"}))
@pytest.mark.parametrize("reveal_every", [0, 3])
def test_resume_equals_one_long_run(latent, reveal_every):
    config = tiny_config(7, latent)
    fit = config.fit.model_copy(update={"reveal_every": reveal_every})
    config = config.model_copy(update={"fit": fit})
    first = restored(config, keep_state=True)
    continued = restored(
        config.model_copy(update={"max_iterations": 5}), keep_state=True, continue_from=first
    )
    again = restored(None, continue_from=continued)
    once = restored(config.model_copy(update={"max_iterations": 17}))
    np.testing.assert_array_equal(again.image.data, once.image.data)
    (block,) = again.report.blocks
    assert (block.iterations, block.continued) == (17, 12)
    assert block.selected_iteration == once.report.blocks[0].selected_iteration


@pytest.mark.parametrize(
    ("image", "task"),
    [
        (Image(np.stack([NOISY, NOISY.T]), "ZYX"), Denoise()),
        (NOISY, Guided(waves((24, 24)))),
        (NOISY, Inpaint(waves((24, 24)) > 120)),
    ],
    ids=["stack", "guided", "inpainted"],
)
def test_resumes_every_block_task_and_run(image, task):
    config = tiny_config(4, runs=2)
    first = restored(config, image, task, keep_state=True)
    continued = restored(config, image, task, continue_from=first)
    once = restored(config.model_copy(update={"max_iterations": 8}), image, task)
    np.testing.assert_array_equal(continued.image.data, once.image.data)
    np.testing.assert_array_equal(continued.run_std, once.run_std)


def test_resumes_twice_from_one_restoration():
    first = restored(tiny_config(4), keep_state=True)
    results = [restored(tiny_config(4), continue_from=first).image.data for _ in range(2)]
    np.testing.assert_array_equal(*results)


def test_resume_starts_before_the_posterior_samples():
    first = restored(tiny_config(6, posterior_samples=5), keep_state=True)
    continued = restored(tiny_config(6), continue_from=first)
    once = restored(tiny_config(12))
    np.testing.assert_array_equal(continued.image.data, once.image.data)


def test_resume_fits_blocks_that_were_not_reached():
    stack = Image(np.stack([NOISY] * 3), "ZYX")
    asked = []
    steps = restore(
        stack, config=tiny_config(6), keep_state=True, stop_requested=lambda: bool(asked)
    )
    first = finish(steps, lambda state: asked.append(True) if state.block == 1 else None)
    assert first.report.blocks_left == 1
    blocks = restored(tiny_config(6), stack, continue_from=first).report.blocks
    assert [block.iterations for block in blocks] == [12, blocks[1].continued + 6, 6]
    assert [block.continued for block in blocks] == [6, blocks[1].iterations - 6, 0]


def test_progress_of_a_resumed_run_continues_the_count():
    first = restored(tiny_config(6), keep_state=True)
    seen = []
    finish(restore(NOISY, config=tiny_config(4), continue_from=first), seen.append)
    assert (seen[-1].iteration, seen[-1].max_iterations) == (10, 10)
    assert seen[-1].seconds_left == pytest.approx(0)


def evidence(iteration, error):
    return Evidence(iteration, 0.0, error, pixels=None)


@pytest.mark.parametrize("ended", [True, False])
def test_resumed_rule_keeps_its_minimum_and_renews_its_patience(ended):
    earlier = AnyOf([HeldOut(5, 0.0, 0), MaxIterations(20)])
    for iteration in range(1, 7):
        reason = earlier.update(evidence(iteration, 1.0 if iteration == 1 else 2.0))
    assert reason is StopReason.HELD_OUT_MINIMUM
    later = AnyOf([HeldOut(5, 0.0, 0), MaxIterations(40)])
    later.take_over(earlier.memory, renewed_at=6 if ended else None)
    reasons = [later.update(evidence(iteration, 2.0)) for iteration in range(7, 12)]
    assert later.selected == 1
    assert reasons.index(StopReason.HELD_OUT_MINIMUM) == (4 if ended else 0)
    assert later.update(evidence(40, 0.5)) is StopReason.MAX_ITERATIONS


def test_rejects_a_restoration_without_checkpoints_or_of_something_else():
    first = restored(tiny_config(3), keep_state=True)
    for config, image, task, named in (
        (tiny_config(3), NOISY + 1, None, "pixels"),
        (tiny_config(3), NOISY[:20], None, "shape, pixels"),
        (tiny_config(3, seed=1), NOISY, None, "seed"),
        (tiny_config(3, "noise"), NOISY, None, "latent"),
        (tiny_config(3), NOISY, Inpaint(NOISY > 150), "task"),
    ):
        with pytest.raises(UsageError, match=f"another {named}; expected"):
            restored(config, image, task, continue_from=first)
    with pytest.raises(UsageError, match="keep_state"):
        restored(tiny_config(3), continue_from=replace(first, checkpoints=None))
    assert restored(tiny_config(3)).checkpoints is None


def test_drops_checkpoints_beyond_their_share_of_the_memory(monkeypatch):
    stack = np.stack([NOISY] * 3)
    kept = restored(tiny_config(2), stack, keep_state=True).checkpoints
    assert list(kept) == [0, 1, 2]
    needed = sum(checkpoint.nbytes for (checkpoint,) in kept.values())
    assert needed > 3 * 3 * NOISY.size * 4
    for share, expected in ((0.11, True), (0.09, False)):
        monkeypatch.setattr(resume_module, "free_memory", lambda device, f=share: needed / f)
        result = restored(tiny_config(2), stack, keep_state=True)
        assert (result.checkpoints is None) == expected
