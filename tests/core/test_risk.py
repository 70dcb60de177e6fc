from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_dip.core.noise import NoiseModel
from napari_dip.core.problem import make_problem
from napari_dip.core.risk import Risk
from tests.tiny import waves

SIGMA = 20.0


def grainy(grain: float) -> np.ndarray:
    noise = np.random.default_rng(0).normal(size=(64, 64))
    noise = ndimage.gaussian_filter(noise, grain) if grain else noise
    return waves() + SIGMA * noise / noise.std()


def risk_of(observed: np.ndarray, valid: np.ndarray, grain: float) -> Risk:
    noise = NoiseModel(0.0, SIGMA**2, 1.0, grain=grain)
    picture = observed[None].astype(np.float32)
    return Risk(make_problem(picture, valid[None], [noise], (0.0, 300.0), torch.device("cpu")))


@pytest.mark.parametrize("grain", [0.0, 0.7, 1.0, 1.5])
@pytest.mark.parametrize("missing", [0.0, 0.02])
def test_the_risk_is_the_error_but_for_a_constant(grain, missing):
    observed = grainy(grain)
    valid = np.random.default_rng(1).random(observed.shape) >= missing
    risk = risk_of(np.where(valid, observed, 1e4), valid, grain)
    excess = []
    for width in (0.5, 1.0, 2.0, 3.0):
        estimate = ndimage.gaussian_filter(observed, width, mode="wrap")
        error = np.mean((estimate - waves()) ** 2) / SIGMA**2
        told = risk(torch.from_numpy(estimate)[None, None].float())
        excess.append(told - error)
    assert np.ptp(excess) < 0.15


def test_noise_that_is_copied_is_no_success():
    observed = grainy(1.0)
    risk = risk_of(observed, np.ones_like(observed, dtype=bool), 1.0)
    copied, smooth = (
        torch.from_numpy(np.float32(picture))[None, None] for picture in (observed, waves())
    )
    assert risk(smooth) < 0.3 < risk(copied)
