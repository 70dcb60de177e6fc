from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_dip import restore
from napari_dip.api import finish
from napari_dip.core.fitting import fit as fit_module
from napari_dip.core.hardware.device import find_runtime
from napari_dip.core.stopping.evaluation import Evaluator
from tests.core.fitting.test_fit import problem_of
from tests.tiny import noisy_waves, tiny_config, waves

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_gpu_fit_removes_noise_and_reports_the_device(precision):
    config = tiny_config(400, device="cuda", precision=precision)
    result = finish(restore(noisy_waves(), config=config))
    before, after = (np.mean((x - waves()) ** 2) for x in (noisy_waves(), result.image.data))
    assert after < 0.2 * before
    assert (result.report.device, result.report.precision) == ("cuda:0", precision)
    assert result.report.peak_memory_bytes > 0


def test_deterministic_gpu_fit_is_reproducible():
    config = tiny_config(20, device="cuda", deterministic=True)
    first, again = (finish(restore(noisy_waves(), config=config)).image.data for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_device_auto_selects_the_gpu():
    result = finish(restore(noisy_waves((16, 16)), config=tiny_config(2, device="auto")))
    assert result.report.device == "cuda:0"


@pytest.mark.parametrize("latent", ["noise", "observation"])
def test_fit_does_not_synchronise_the_gpu_between_assessments(latent, monkeypatch):
    problem, _ = problem_of(noisy_waves(), device=torch.device("cuda"))
    config, runtime = tiny_config(60, latent, device="cuda"), find_runtime("cuda")
    read = Evaluator.read

    def assessed(*args):
        torch.cuda.set_sync_debug_mode("default")
        return read(*args)

    monkeypatch.setattr(Evaluator, "read", assessed)
    steps = fit_module.fit(problem, config, runtime=runtime, interval=0)
    reached = [next(steps).iteration]
    try:
        for _ in range(3):
            torch.cuda.set_sync_debug_mode("error")  # each synchronisation raises an error
            reached.append(next(steps).iteration)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert reached == sorted(set(reached))
