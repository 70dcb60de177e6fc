"""Banks of scenes: made once, whole or not at all, and without pickle."""

from __future__ import annotations

import numpy as np
import pytest
from training.bank import BANKS, BankPlan, open_bank
from training.colours import make_colour_scene
from training.scenes import make_scene


def plan(**changes):
    return BankPlan(
        **({"make": make_scene, "seed": 1, "channels": 1, "count": 3, "size": 32} | changes)
    )


def test_bank_holds_the_scene_of_each_seed(tmp_path):
    colour = plan(make=make_colour_scene, channels=3)
    bank = open_bank(colour, tmp_path / "bank.npy")
    assert bank.shape == (3, 3, 32, 32)
    for index in range(3):
        expected = make_colour_scene(np.random.default_rng((1, index)), 32).astype(np.float16)
        np.testing.assert_array_equal(bank[index], expected)


def test_bank_is_made_once(tmp_path):
    file = tmp_path / "bank.npy"
    open_bank(plan(), file)
    before = file.stat().st_mtime_ns

    def refuse(random, size):
        raise AssertionError("a scene was made again")

    assert open_bank(plan(make=refuse), file).shape == (3, 1, 32, 32)
    assert file.stat().st_mtime_ns == before


def test_interrupted_bank_leaves_no_file(tmp_path):
    made = []

    def interrupt(random, size):
        if made:
            raise KeyboardInterrupt
        made.append(make_scene(random, size))
        return made[0]

    with pytest.raises(KeyboardInterrupt):
        open_bank(plan(make=interrupt), tmp_path / "bank.npy")
    assert list(tmp_path.iterdir()) == []


def test_several_processes_make_the_same_bank(tmp_path):
    one = open_bank(plan(), tmp_path / "one.npy")
    two = open_bank(plan(), tmp_path / "two.npy", workers=2)
    np.testing.assert_array_equal(one, two)


def test_rejects_a_bank_of_another_shape(tmp_path):
    open_bank(plan(), tmp_path / "bank.npy")
    with pytest.raises(ValueError, match=r"expected \(4, 1, 32, 32\)"):
        open_bank(plan(count=4), tmp_path / "bank.npy")


@pytest.mark.parametrize("kind", BANKS)
def test_scenes_of_each_kind_have_their_channels(kind):
    scene = BANKS[kind].scene(0)
    assert scene.shape == (BANKS[kind].channels, 192, 192)
    assert scene.dtype == np.float16
