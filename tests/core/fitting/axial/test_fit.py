"""Planes between planes: the corrected interpolation, its decision, previews and limits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_dip.config import DipConfig, FitConfig, NetworkConfig
from napari_dip.core.fitting.axial.fit import fit_axial
from napari_dip.core.fitting.axial.interpolation import interpolate
from napari_dip.core.fitting.result import Fit
from napari_dip.core.hardware.device import find_runtime
from napari_dip.core.noise.model import NoiseModel
from napari_dip.core.operators.downsample import Downsample
from napari_dip.core.problem import make_problem
from napari_dip.core.restoration.progress import finish

CPU = torch.device("cpu")


def settings(iterations=120):
    fit = FitConfig(
        network=NetworkConfig(name="resnet", channels=(12,) * 3),
        solver="axial",
        learning_rate=0.004,
        max_iterations=iterations,
    )
    return DipConfig(fit=fit).complete("super-resolve-z", 3)


def cells(shape=(32, 64, 64)):
    """Return a volume (Z, Y, X) of bright cells with sharp edges."""
    noise = np.random.default_rng(0).standard_normal(shape)
    return (ndimage.gaussian_filter(noise, 2.5, mode="wrap") > 0.02).astype(np.float32)


def problem_of(stack, sigma=1e-3, kernel="box", factor=4, valid=None):
    noise = NoiseModel(slope=0.0, intercept=sigma**2, floor=1e-8, equal=sigma**2)
    valid = np.ones(stack.shape, bool) if valid is None else valid
    operator = Downsample((factor, 1, 1), kernel)
    return make_problem(stack[None], valid[None], [noise], (0.0, 1.0), CPU, operator)


def coarse_of(truth, kernel="box", factor=4):
    return Downsample((factor, 1, 1), kernel)(torch.from_numpy(truth)[None, None])[0, 0].numpy()


def fitted(problem, config=None, each=lambda _: None, **options) -> Fit:
    runtime = find_runtime("cpu", "float32")
    return finish(
        fit_axial(problem, config or settings(), runtime=runtime, seed=0, **options), each
    )


def cubic_of(stack, factor=4):
    return interpolate(stack.reshape(1, len(stack), -1), factor).reshape(-1, *stack.shape[1:])


def error(estimate, truth):
    return float(np.square(estimate - truth).mean())


def test_correction_is_better_than_cubic_interpolation_where_planes_show_the_structure():
    truth = cells()
    stack = coarse_of(truth)
    fit = fitted(problem_of(stack))
    assert fit.findings["corrected"] == 1
    assert fit.findings["correction_gain"] > 1
    assert error(fit.estimate[0], truth) < 0.8 * error(cubic_of(stack), truth)
    # The result explains the observed planes.
    np.testing.assert_allclose(coarse_of(fit.estimate[0]), stack, atol=2e-3)


def test_pure_noise_comes_back_as_cubic_interpolation():
    stack = np.random.default_rng(0).normal(0.5, 0.1, (8, 64, 64)).astype(np.float32)
    fit = fitted(problem_of(stack, sigma=0.1))
    assert fit.findings["corrected"] == 0
    assert fit.findings["structured"] == 0
    assert fit.selected_iteration == 0
    np.testing.assert_allclose(fit.estimate[0], cubic_of(stack), atol=1e-5)


def test_untrained_correction_comes_back_as_cubic_interpolation():
    stack = coarse_of(cells())
    # A network of zeros changes nothing: only the consistency with thick planes is left.
    fit = fitted(problem_of(stack, kernel="none", factor=3), settings(iterations=1))
    assert fit.findings["corrected"] == 0
    np.testing.assert_allclose(fit.estimate[0], cubic_of(stack, 3), atol=1e-5)


@pytest.mark.parametrize("shape", [(32, 12, 12), (28, 64, 64)])
def test_planes_that_are_too_small_or_few_come_back_as_cubic_interpolation(shape):
    stack = coarse_of(cells(shape))
    fit = fitted(problem_of(stack))
    assert (fit.iterations, fit.findings) == (0, {"corrected": 0.0})
    np.testing.assert_allclose(fit.estimate[0], cubic_of(stack), atol=1e-5)


def test_first_preview_is_the_cubic_interpolation_and_the_last_one_the_result():
    stack, shown = coarse_of(cells()), []
    fit = fitted(problem_of(stack), settings(10), shown.append, interval=0.0)
    np.testing.assert_allclose(shown[0].estimate[0], cubic_of(stack), atol=1e-5)
    assert len(shown) > 2
    assert [snapshot.stop_reason for snapshot in shown[:-1]] == [None] * (len(shown) - 1)
    assert shown[-1].stop_reason == "max_iterations"
    np.testing.assert_array_equal(shown[-1].estimate, fit.estimate)


def test_request_to_stop_and_time_limit_end_the_fit():
    problem = problem_of(coarse_of(cells()))
    stopped = fitted(problem, stop_requested=lambda: True)
    assert (stopped.iterations, stopped.stop_reason) == (1, "stop_requested")
    late = fitted(problem, time_limit=1e-3)
    assert (late.iterations, late.stop_reason) == (1, "time_limit")


def test_same_seed_gives_the_same_result():
    problem = problem_of(coarse_of(cells()))
    first, again = (fitted(problem, settings(20)) for _ in range(2))
    np.testing.assert_array_equal(first.estimate, again.estimate)
    assert first.findings == again.findings


def test_missing_pixels_do_not_reach_the_result():
    stack = coarse_of(cells())
    valid = np.ones(stack.shape, bool)
    valid[3, 10:20, 10:20] = False
    problem = problem_of(np.where(valid, stack, 1e6), valid=valid)
    fit = fitted(problem, settings(20))
    assert np.abs(fit.estimate).max() < 3


def test_channels_share_a_network():
    stack = coarse_of(cells())
    problem = problem_of(stack)
    both = torch.cat([problem.observation, 1 - problem.observation], dim=1)
    noise = replace(problem.noise, intercept=torch.full((2, 1, 1, 1), 1e-6), equal=None)
    two = replace(
        problem,
        observation=both,
        valid=problem.valid.expand_as(both),
        noise=noise,
        image_shape=None,
    )
    assert fitted(two, settings(10)).estimate.shape == (2, 32, 64, 64)


@pytest.mark.parametrize("kernel", ["lanczos2", "gaussian", "none"])
def test_every_low_pass_is_corrected(kernel):
    truth = cells()
    stack = coarse_of(truth, kernel)
    fit = fitted(problem_of(stack, kernel=kernel))
    assert fit.findings["corrected"] == 1
    assert error(fit.estimate[0], truth) < error(cubic_of(stack), truth)
