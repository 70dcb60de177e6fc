"""Operations of an iteration on a device, counted on the CPU."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from napari_dip.config import DipConfig, LatentName, preset_of
from napari_dip.core.fitting.fit import fit
from napari_dip.core.hardware import device
from tests.core.fitting.test_fit import problem_of
from tests.tiny import noisy_waves, tiny_config, waves

# Methods of a tensor that wait for a device.
READS = ("item", "tolist", "numpy", "cpu")
# Operations inside torch that wait for a device.
WAITS = {"_local_scalar_dense", "nonzero", "masked_select", "equal", "_unique2"}
# Operations that compute nothing.
VIEWS = {
    "alias", "as_strided", "detach", "diagonal", "empty", "empty_like", "empty_strided", "expand",
    "permute", "select", "slice", "split", "squeeze", "t", "transpose", "unsqueeze", "view",
    "_unsafe_view",
}  # fmt: skip


class Calls(TorchDispatchMode):
    """Counts the operations that a device would receive."""

    def __init__(self):
        super().__init__()
        self.names = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.names[function.overloadpacket.__name__] += 1
        return function(*args, **(kwargs or {}))

    @property
    def launches(self):
        return sum(count for name, count in self.names.items() if name not in VIEWS)


@pytest.mark.parametrize("latent", ["noise", "observation", "guide"])
@pytest.mark.parametrize("stop", ["auto", "none"])
def test_only_assessments_wait_for_the_device(latent: LatentName, stop, monkeypatch):
    monkeypatch.setattr(device, "_ASSESS_EVERY", {"cpu": 10})
    problem, _ = problem_of(noisy_waves(), guide=waves() if latent == "guide" else None)
    steps = fit(problem, tiny_config(60, latent, stop=stop), interval=0)
    assert [next(steps).iteration, next(steps).iteration] == [1, 10]
    reads = Counter()

    def watched(name):
        method = getattr(torch.Tensor, name)

        def read(self, *args, **kwargs):
            reads[name] += 1
            return method(self, *args, **kwargs)

        return read

    for name in READS:
        monkeypatch.setattr(torch.Tensor, name, watched(name))
    with Calls() as calls:
        assert next(steps).iteration == 20
    # One read for all numbers of an assessment, and one for the snapshot.
    assert reads == {"tolist": 1, "cpu": 1, "numpy": 1}
    waits = {name: calls.names[name] for name in WAITS & calls.names.keys()}
    # The variance rule reads the variance once.
    assert sum(waits.values()) <= 1


@pytest.mark.parametrize(("preset", "bound"), [("balanced", 480), ("fast", 480), ("paper", 400)])
def test_iteration_has_a_bounded_number_of_launches(preset, bound):
    problem, _ = problem_of(np.asarray(noisy_waves()))
    config = DipConfig(fit=preset_of(preset), device="cpu", precision="float32")
    steps = fit(problem, config, interval=0)
    assert [next(steps).iteration, next(steps).iteration] == [1, 2]
    with Calls() as calls:
        next(steps)
    assert calls.launches <= bound, calls.names


@pytest.mark.parametrize(
    ("instructions", "expected"),
    [
        ({"avx512_bf16": True, "amx_bf16": False}, "bfloat16"),
        ({"avx512_bf16": False, "amx_bf16": True}, "bfloat16"),
        ({"avx512_bf16": False, "avx512_f": True}, "float32"),
    ],
)
def test_precision_of_a_cpu_follows_its_instructions(monkeypatch, instructions, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: instructions, raising=False)
    assert device.find_runtime("cpu", "auto").precision == expected


def test_cpu_uses_float32_if_torch_does_not_list_its_instructions(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert device.find_runtime("cpu", "auto").precision == "float32"
