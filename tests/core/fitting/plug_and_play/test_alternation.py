"""A denoiser and the observation in turn."""

from __future__ import annotations

import numpy as np
import torch

from napari_dip.core.fitting.plug_and_play.alternation import DataStep, alternate
from napari_dip.core.latents.denoiser import LearnedDenoiser
from napari_dip.core.noise.model import NoiseModel
from napari_dip.core.operators.downsample import Downsample
from napari_dip.core.problem import make_problem

SIGMA, CPU = 0.1, torch.device("cpu")


def stripes():
    """Return the problem of noisy stripes at half resolution."""
    truth = torch.full((1, 1, 64, 64), 0.1)
    truth[..., ::8] = truth[..., 1::8] = 0.9
    operator = Downsample((2, 2), "box")
    noise = SIGMA * np.random.default_rng(0).standard_normal((1, 32, 32))
    coarse = (operator(truth)[0].numpy() + noise).astype(np.float32)
    models = [NoiseModel(0.0, SIGMA**2, 1e-8)]
    return make_problem(coarse, coarse < 9, models, (-0.2, 1.2), CPU, operator)


def rms(values):
    return float(values.square().mean().sqrt())


def test_data_step_solves_its_normal_equations():
    problem = stripes()
    image = problem.operator.lift(problem.observation)
    moved = DataStep(problem, problem.operator, image)(image, 0.2)
    values = moved.clone().requires_grad_()
    misfit = (problem.operator(values) - problem.observation).square().sum() / SIGMA**2
    (misfit + 0.25 / 0.2**2 * (values - image).square().sum()).backward()
    assert rms(values.grad) < 1e-2 * rms(problem.observation / SIGMA**2)


def test_levels_fall_to_the_noise_and_the_last_image_is_denoised():
    problem = stripes()
    denoise = LearnedDenoiser(1, volumes=False, device=CPU)
    steps = list(alternate(problem, problem.operator, denoise, 6))
    levels = [step.level for step in steps]
    assert levels == sorted(levels, reverse=True)
    assert levels[-1] > 0.5 * SIGMA
    noisy = [step.is_noisy for step in steps]
    assert noisy == sorted(noisy)
    assert noisy[-1]
    assert not noisy[0]
    assert not torch.equal(steps[-1].finished(denoise), steps[-1].image)
    assert torch.equal(steps[0].finished(denoise), steps[0].image)
