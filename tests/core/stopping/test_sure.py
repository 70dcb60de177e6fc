from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_dip.core.noise.model import NoiseModel
from napari_dip.core.problem import make_problem
from napari_dip.core.stopping.sure import Sure
from tests.tiny import waves

SIGMA = 20.0


def grainy(grain: float) -> np.ndarray:
    noise = np.random.default_rng(0).normal(size=(64, 64))
    noise = ndimage.gaussian_filter(noise, grain) if grain else noise
    return waves() + SIGMA * noise / noise.std()


def risk_of(observed: np.ndarray, valid: np.ndarray, grain: float) -> Sure:
    """Return the risk estimate for an image ([C, ]Y, X)."""
    noise = NoiseModel(0.0, SIGMA**2, 1.0, grain=grain)
    picture, valid = (part.reshape(-1, *part.shape[-2:]) for part in (observed, valid))
    noises = [noise] * len(picture)
    device = torch.device("cpu")
    return Sure(make_problem(picture.astype(np.float32), valid, noises, (0.0, 300.0), device))


@pytest.mark.parametrize("grain", [0.0, 0.7, 1.0, 1.5])
@pytest.mark.parametrize("missing", [0.0, 0.02])
def test_sure_equals_the_error_up_to_a_constant(grain, missing):
    observed = grainy(grain)
    valid = np.random.default_rng(1).random(observed.shape) >= missing
    risk = risk_of(np.where(valid, observed, 1e4), valid, grain)
    excess = []
    for width in (0.5, 1.0, 2.0, 3.0):
        estimate = ndimage.gaussian_filter(observed, width, mode="wrap")
        error = np.mean((estimate - waves()) ** 2) / SIGMA**2
        estimated = risk(torch.from_numpy(estimate)[None, None].float())
        excess.append(estimated - error)
    assert np.ptp(excess) < 0.15


def test_sure_is_higher_for_an_estimate_with_copied_noise():
    observed = grainy(1.0)
    risk = risk_of(observed, np.ones_like(observed, dtype=bool), 1.0)
    copied, smooth = (
        torch.from_numpy(np.float32(picture))[None, None] for picture in (observed, waves())
    )
    assert risk(smooth) < 0.3 < risk(copied)


@pytest.mark.parametrize("shape", [(64, 64), (40, 96)])
def test_sure_counts_only_the_fitted_frequencies(shape):
    noise = SIGMA * np.random.default_rng(0).normal(size=shape)
    risk = risk_of(noise, np.ones(shape, dtype=bool), 0.0)
    height = np.hypot(*np.meshgrid(*map(np.fft.fftfreq, shape), indexing="ij"))
    excess = []
    for cutoff in (0.05, 0.2, 0.35, 0.5):
        estimate = np.fft.ifft2(np.where(height < cutoff, np.fft.fft2(noise), 0)).real
        error = np.mean(estimate**2) / SIGMA**2
        excess.append(risk(torch.from_numpy(estimate)[None, None].float()) - error)
    assert np.ptp(excess) < 0.1


def test_sure_ignores_the_brightness_of_channels():
    flat = np.stack([grainy(1.0)] * 2)[:, :48]
    levels = np.array([0.0, 1000.0])[:, None, None]
    estimate = ndimage.gaussian_filter(flat, (0, 1, 1))
    risks = []
    for level in (0 * levels, levels):
        risk = risk_of(flat + level, np.ones(flat.shape, dtype=bool), 1.0)
        risks.append(risk(torch.from_numpy(estimate + level)[None].float()))
    assert risks[0] == pytest.approx(risks[1], rel=1e-3)
