"""Initial weights: loading, checksum and clear errors."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from napari_dip.api import finish
from napari_dip.core.networks.build import build_network
from napari_dip.core.restoration.restore import restore
from napari_dip.errors import InputError
from tests.tiny import NETWORK, noisy_waves, tiny_config

PICTURE = noisy_waves((24, 20))


@pytest.fixture
def weights():
    """Return a state dict of the tiny network with one latent channel."""
    torch.manual_seed(7)
    state = build_network(NETWORK, 1, 1).state_dict()
    return {key: tensor.contiguous() for key, tensor in state.items()}


@pytest.fixture
def restored(tmp_path):
    """Return a function that restores an image with initial weights from a file."""
    file = tmp_path / "start.safetensors"

    def run(weights=None, **choices):
        config = tiny_config(1, **choices)
        fit = config.fit
        if weights is not None:
            save_file(weights, file)
        fit = fit.model_copy(update={"network_weights": str(file), "learning_rate": 1e-9})
        return finish(restore(PICTURE, config=config.model_copy(update={"fit": fit})))

    run.file = file
    return run


def test_fit_starts_from_the_weights_of_the_file(restored, weights):
    # With zero weights in the head the estimate is flat.
    flat = {
        key: torch.zeros_like(tensor) if key.startswith("head") else tensor
        for key, tensor in weights.items()
    }
    result = restored(flat)
    assert np.ptp(result.image.data) < 1e-3 * np.ptp(PICTURE)
    assert np.ptp(restored(weights).image.data) > 0
    digest = hashlib.sha256(restored.file.read_bytes()).hexdigest()
    assert restored(None).report.weights_sha256 == digest


def test_report_has_no_checksum_for_random_weights():
    report = finish(restore(PICTURE, config=tiny_config(1))).report
    assert report.weights_sha256 is None


def test_rejects_weights_of_another_network(restored, weights):
    (key, *_) = weights
    for wrong, words in [
        ({**weights, key: weights[key][:1].clone()}, f"{key} of shape"),
        ({name: tensor for name, tensor in weights.items() if name != key}, f"without {key}"),
        ({**weights, "extra": torch.zeros(1)}, "unknown tensor extra"),
    ]:
        with pytest.raises(InputError, match=words):
            restored(wrong)


def test_rejects_files_without_weights(restored):
    with pytest.raises(InputError, match="cannot be read"):
        restored(None)
    restored.file.write_bytes(b"no tensors at all")
    with pytest.raises(InputError, match="cannot be read"):
        restored(None)
