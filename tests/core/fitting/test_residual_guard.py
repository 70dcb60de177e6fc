from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_dip import metrics
from napari_dip.config import preset_of
from napari_dip.core.fitting.residual_guard import ResidualGuard, build_guard
from napari_dip.core.noise.model import NoiseModel
from napari_dip.core.operators.downsample import Downsample
from napari_dip.core.problem import make_problem
from tests.tiny import waves

CPU = torch.device("cpu")
RNG = np.random.default_rng(0)
CLEAN = (waves((128, 128))[None] / 255).astype(np.float32)
SIGMA = 0.1


def problem_of(observation: np.ndarray, sigma: float = SIGMA, valid: np.ndarray | None = None):
    valid = np.ones(observation.shape, bool) if valid is None else valid
    noise = [NoiseModel(0.0, sigma**2, 1e-8)] * len(observation)
    return make_problem(observation.astype(np.float32), valid, noise, (0.0, 1.0), CPU)


def guarded(problem, estimate: np.ndarray) -> np.ndarray:
    return ResidualGuard(problem)(torch.from_numpy(estimate)[None])[0].numpy()


def test_keeps_an_estimate_that_removes_only_noise():
    noisy = CLEAN + RNG.normal(0, SIGMA, CLEAN.shape)
    np.testing.assert_allclose(guarded(problem_of(noisy), CLEAN), CLEAN, atol=0.01)


def test_blends_removed_structure_back():
    blank = np.full_like(CLEAN, CLEAN.mean())
    noisy = CLEAN + RNG.normal(0, 0.02, CLEAN.shape).astype(np.float32)
    result = guarded(problem_of(noisy, sigma=0.02), blank)
    assert metrics.psnr(result, CLEAN) > metrics.psnr(blank, CLEAN) + 10
    assert metrics.psnr(result, CLEAN) > metrics.psnr(noisy, CLEAN) - 0.05


@pytest.mark.parametrize(("strength", "kept"), [(1.0, False), (0.25, False), (3.0, True)])
def test_keeps_what_a_strength_above_1_asks_for(strength, kept):
    noisy = CLEAN + RNG.normal(0, 3 * SIGMA, CLEAN.shape)
    guard = ResidualGuard(problem_of(noisy), knows_noise=True, strength=strength)
    shares = guard.removed(torch.from_numpy(CLEAN)[None], heldout_error=9.0)
    assert (float(shares.mean()) > 0.95) == kept


def test_changes_only_the_region_that_lost_structure():
    lost = CLEAN.copy()
    lost[:, :, 96:] = CLEAN.mean()
    noisy = (CLEAN + RNG.normal(0, 0.02, CLEAN.shape)).astype(np.float32)
    result = guarded(problem_of(noisy, sigma=0.02), lost)
    np.testing.assert_allclose(result[:, :, :24], lost[:, :, :24], atol=1e-3)
    there = (..., slice(112, None))
    assert np.abs(result[there] - noisy[there]).max() < 0.02


def test_compares_photon_noise_at_its_own_intensity():
    light = np.tile(np.linspace(0.05, 0.9, 128, dtype=np.float32), (1, 128, 1))
    noisy = (RNG.poisson(light * 50) / 50).astype(np.float32)
    camera = [NoiseModel(1 / 50, 0.0, 1e-8)]
    problem = make_problem(noisy, np.ones(noisy.shape, bool), camera, (0.0, 1.0), CPU)
    np.testing.assert_allclose(guarded(problem, light), light, atol=0.01)
    flat = replace(problem, noise=NoiseModel(0.0, torch.tensor(0.009), torch.tensor(0.0)))
    assert np.abs(guarded(flat, light) - light)[..., 100:].max() > 0.01


def test_missing_pixels_keep_the_estimate():
    valid = RNG.random(CLEAN.shape) > 0.3
    result = guarded(problem_of(CLEAN, sigma=0.01, valid=valid), np.zeros_like(CLEAN))
    assert (result[~valid] == 0).all()
    assert np.abs(result[valid] - CLEAN[valid]).max() < 0.02


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 3, 50), (3, 20, 17), (2, 5, 20, 17)])
def test_guards_any_shape(shape):
    noisy = RNG.normal(0.5, SIGMA, shape).astype(np.float32)
    result = guarded(problem_of(noisy, sigma=1e-3), np.zeros(shape, np.float32))
    np.testing.assert_allclose(result, noisy, atol=0.01)


def test_reports_the_share_of_power_and_area_blended_back():
    noisy = (CLEAN + RNG.normal(0, SIGMA, CLEAN.shape)).astype(np.float32)
    truth = ResidualGuard(problem_of(noisy)).findings(torch.from_numpy(CLEAN)[None])
    assert truth == pytest.approx({"returned_power": 0.0, "returned_area": 0.0}, abs=1e-2)
    blank = torch.zeros(1, *CLEAN.shape)
    lost = ResidualGuard(problem_of(noisy, sigma=0.01)).findings(blank)
    assert lost["returned_power"] > 0.99
    assert lost["returned_area"] == 1.0


def test_guards_only_denoising():
    problem, settings = problem_of(CLEAN), preset_of("fast")
    assert isinstance(build_guard(problem, settings), ResidualGuard)
    assert build_guard(problem, preset_of("paper")) is None
    enlarging = replace(problem, operator=Downsample([2, 2]))
    assert build_guard(enlarging, settings) is None


def test_most_removed_is_measured_in_the_region_with_most_noise():
    noisy = (CLEAN + RNG.normal(0, 0.02, CLEAN.shape)).astype(np.float32)
    estimate = CLEAN.copy()
    estimate[:, :, 64:] = CLEAN.mean()
    guard = ResidualGuard(problem_of(noisy, sigma=0.02))
    assert guard.most_removed(torch.from_numpy(estimate)[None]) == pytest.approx(1, abs=0.01)
    everywhere = torch.full((1, *CLEAN.shape), float(CLEAN.mean()))
    assert guard.most_removed(everywhere) < 0.1


@pytest.mark.parametrize(
    ("knows_noise", "heldout_error", "most"),
    [(True, 1.2, 1.0), (True, 2.0, 0.875), (True, 9.0, 0.75), (True, None, 1.0), (False, 9.0, 1.0)],
)
def test_texture_that_neighbours_do_not_predict_casts_doubt_on_the_noise(
    knows_noise, heldout_error, most
):
    noisy = CLEAN + np.random.default_rng(0).normal(0, 0.02, CLEAN.shape)
    guard = ResidualGuard(problem_of(noisy), knows_noise=knows_noise)
    removed = guard.removed(torch.from_numpy(CLEAN)[None], heldout_error)
    assert float(removed.max()) == pytest.approx(most)
