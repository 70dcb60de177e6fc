"""Training: resumable, logged, and written as weights that a fit can find."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from training.examples import make_example
from training.train import train

from napari_dip.config import NetworkConfig
from napari_dip.config.presets import preset_of
from training import train as training


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Train on few small crops."""
    monkeypatch.setattr(training, "_SIZES", (64, 64))
    monkeypatch.setattr(training, "_VALIDATION", 1)


def test_interrupted_training_resumes_to_the_same_weights(tmp_path, monkeypatch):
    whole = load_file(train("fast", tmp_path / "whole", steps=4, every=2))

    def interrupt(seed, *options):
        if seed == (0, 2, 0):
            raise KeyboardInterrupt
        return make_example(seed, *options)

    with monkeypatch.context() as patch:
        patch.setattr(training, "make_example", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train("fast", tmp_path / "parts", steps=4, every=2)
    resumed = load_file(train("fast", tmp_path / "parts", steps=4, every=2))
    assert whole.keys() == resumed.keys()
    for name, values in whole.items():
        assert torch.equal(values, resumed[name]), name


def test_training_changes_the_weights_and_logs_the_gain(tmp_path):
    first = load_file(train("fast", tmp_path / "1", steps=1))
    file = train("fast", tmp_path / "2", steps=2, every=1)
    assert any(not torch.equal(values, first[name]) for name, values in load_file(file).items())
    lines = (tmp_path / "2" / "fast.log.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    assert [record["step"] for record in records] == [1, 2]
    assert {"gain_hidden_db", "gain_shown_db", "seconds"} < records[0].keys()


def test_weights_are_half_precision_with_what_a_fit_has_to_know(tmp_path):
    file = train("fast", tmp_path, steps=1, seed=3)
    with safe_open(file, "pt") as opened:
        metadata = opened.metadata()
    network = NetworkConfig.model_validate_json(metadata["network"])
    assert network == preset_of("fast", "denoise").network
    expected = {"channels": "1", "step": "1", "steps": "1", "seed": "3", "license": "BSD-3-Clause"}
    assert expected.items() <= metadata.items()
    assert {values.dtype for values in load_file(file).values()} == {torch.float16}
