"""Training: resumable, logged, and written as weights of a network."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from training.bank import BANKS, BankPlan
from training.examples import draw_batch, estimate
from training.network import new_network, start_from
from training.scenes import make_scene
from training.stacks import PLANES, make_stack
from training.state import TrainingState
from training.train import Budget, train

from napari_dip.config import LEARNED_NETWORK, NetworkConfig
from napari_dip.core.networks.build import build_network
from napari_dip.core.networks.load_weights import load_weights
from training import train as training

TINY = LEARNED_NETWORK.model_copy(update={"channels": (4, 6), "blocks": 1})


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Train a tiny network on a few small crops."""
    monkeypatch.setattr(training, "LEARNED_NETWORK", TINY)
    monkeypatch.setattr(training, "_CROPS", [(32, 2), (16, 4)])
    monkeypatch.setattr(training, "_VALIDATION_SCENES", 2)
    monkeypatch.setattr(training, "_VALIDATION_IMAGES", 2)
    monkeypatch.setattr(training, "_VALIDATION_SIZE", 32)
    monkeypatch.setitem(BANKS, "grey", BankPlan(make_scene, seed=11, channels=1, count=6, size=64))
    stacks = BankPlan(make_stack, 13, channels=PLANES, count=6, size=64, neighbours=PLANES - 1)
    monkeypatch.setitem(BANKS, "stack", stacks)


def steps(number):
    return Budget(number, "steps")


def test_interrupted_training_equals_an_uninterrupted_one(tmp_path, monkeypatch):
    whole = load_file(train("grey", tmp_path / "whole", steps(6), every=2))
    advance = TrainingState.advance

    def interrupt(state, *given):
        if state.step == 3:
            raise KeyboardInterrupt
        return advance(state, *given)

    with monkeypatch.context() as patch:
        patch.setattr(TrainingState, "advance", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train("grey", tmp_path / "parts", steps(6), every=2)
    resumed = load_file(train("grey", tmp_path / "parts", steps(6), every=2))
    assert whole.keys() == resumed.keys()
    for name, values in whole.items():
        assert torch.equal(values, resumed[name]), name


def test_training_raises_the_gain_on_scenes_it_does_not_see(tmp_path):
    train("grey", tmp_path, steps(90), every=30)
    first, *_, last = (record["gain_db"] for record in records(tmp_path))
    assert last > first + 1


def test_log_has_a_line_for_each_checkpoint(tmp_path):
    train("grey", tmp_path, steps(3), every=2)
    assert [record["step"] for record in records(tmp_path)] == [2, 3]
    assert all(
        {"seconds", "loss", "gain_db", "gain_coarse_db"} < record.keys()
        for record in records(tmp_path)
    )


def test_training_ends_when_the_processor_time_is_used(tmp_path):
    train("grey", tmp_path, Budget(0.5, "seconds"), every=1000)
    (record,) = records(tmp_path)
    assert record["seconds"] >= 0.5
    assert record["step"] > 1


@pytest.mark.parametrize("unit", ["steps", "seconds"])
def test_rejects_a_training_without_a_length(unit):
    with pytest.raises(ValueError, match=f"Got a training of 0 {unit}"):
        Budget(0, unit)


def test_rejects_a_checkpoint_of_another_seed(tmp_path):
    train("grey", tmp_path, steps(1))
    with pytest.raises(ValueError, match="expected 0, the seed of"):
        train("grey", tmp_path, steps(2), seed=1)


def test_weights_are_packed_with_the_network_they_belong_to(tmp_path):
    file = train("grey", tmp_path, steps(2), seed=3)
    with safe_open(file, "pt") as opened:
        metadata = opened.metadata()
    assert NetworkConfig.model_validate_json(metadata["network"]) == TINY
    expected = {"channels": "1", "neighbours": "0", "noise": "fine", "steps": "2", "seed": "3"}
    assert expected.items() <= metadata.items()
    kernels = {name: values for name, values in load_file(file).items() if values.ndim == 4}
    packed = {name for name, values in kernels.items() if values.dtype == torch.int8}
    assert {name + ".scale" for name in packed} == kernels.keys() - packed


def test_weights_are_read_back_into_a_network_that_estimates_the_same(tmp_path):
    file = train("grey", tmp_path, steps(5))
    bank = np.load(tmp_path / "grey.npy")
    batch = draw_batch(np.random.default_rng(0), bank, 32, 3, range(6))
    state = TrainingState(new_network(TINY, 1, 0), 0, torch.device("cpu"))
    state.load(tmp_path / "grey.checkpoint.pt")
    network = build_network(TINY, 4 * 1 + 5, 1)
    load_weights(network, str(file))
    with torch.no_grad():
        expected, read = (estimate(one, batch) for one in (state.average, network))
    torch.testing.assert_close(read, expected, rtol=2e-2, atol=2e-2)
    assert not torch.allclose(read, batch.observation, atol=0.1)


@pytest.mark.parametrize(("channels", "latent_channels"), [(1, 9), (3, 17)])
def test_network_has_the_channels_that_the_package_expects(channels, latent_channels):
    expected = build_network(LEARNED_NETWORK, latent_channels, channels).state_dict()
    made = new_network(LEARNED_NETWORK, channels, 0).state_dict()
    assert {name: values.shape for name, values in made.items()} == {
        name: values.shape for name, values in expected.items()
    }


def test_stack_starts_from_grey_weights_and_ignores_the_neighbours_at_first(tmp_path):
    file = train("grey", tmp_path, steps(3))
    network = new_network(TINY, 1, 7, PLANES - 1)
    start_from(network, file)
    grey = new_network(TINY, 1, 7)
    load_weights(grey, str(file))
    bank = np.load(tmp_path / "grey.npy").repeat(PLANES, 1)
    batch = draw_batch(np.random.default_rng(0), bank, 32, 3, range(6), neighbours=PLANES - 1)
    without = batch._replace(neighbours=batch.neighbours[:, :0])
    with torch.no_grad():
        torch.testing.assert_close(estimate(network, batch), estimate(grey, without))


def test_trains_on_stacks_from_the_weights_of_a_file(tmp_path):
    grey = train("grey", tmp_path, steps(3))
    file = train("stack", tmp_path, steps(2), start=grey)
    with safe_open(file, "pt") as opened:
        assert opened.metadata()["neighbours"] == str(PLANES - 1)


def test_rejects_the_weights_of_another_network(tmp_path, monkeypatch):
    grey = train("grey", tmp_path, steps(1))
    monkeypatch.setattr(training, "LEARNED_NETWORK", TINY.model_copy(update={"blocks": 2}))
    with pytest.raises(ValueError, match="expected those of the same network"):
        train("stack", tmp_path, steps(1), start=grey)


def records(folder):
    lines = (folder / "grey.log.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]
