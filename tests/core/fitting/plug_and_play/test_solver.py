from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_dip import DipConfig, Image, restore
from napari_dip.api import finish
from napari_dip.core.fitting.plug_and_play.solver import plug_and_play
from napari_dip.core.hardware.device import find_runtime
from napari_dip.core.noise.model import NoiseModel
from napari_dip.core.operators.downsample import Downsample
from napari_dip.core.problem import make_problem
from napari_dip.core.stopping.rules import StopReason
from napari_dip.core.tasks import Deconvolve, Inpaint, SuperResolve

RUNTIME = find_runtime("cpu", "float32")


def discs(side=64):
    """Return bright discs with sharp edges on a dark background, (Y, X)."""
    rows, columns = np.mgrid[:side, :side]
    picture = np.full((side, side), 0.1, np.float32)
    for y, x, radius in ((18, 20, 11), (44, 40, 14), (14, 50, 7)):
        picture[np.hypot(rows - y, columns - x) < radius] = 0.9
    return picture


def enlargement(factor=2, sigma=0.0, valid=None):
    truth = torch.from_numpy(discs())[None, None]
    operator = Downsample((factor, factor), "box")
    coarse = operator(truth)[0].numpy()
    coarse = coarse + sigma * np.random.default_rng(0).standard_normal(coarse.shape)
    coarse = coarse.astype(np.float32)
    noise = [NoiseModel(0.0, sigma**2, 1e-8)]
    known = np.ones(coarse.shape, bool) if valid is None else valid
    return make_problem(coarse, known, noise, (-0.2, 1.2), RUNTIME.device, operator), truth


def run(problem, iterations=12, **options):
    config = DipConfig(max_iterations=iterations).complete("super-resolve")
    return finish_fit(plug_and_play(problem, config, runtime=RUNTIME, **options))


def finish_fit(steps):
    snapshots = []
    while True:
        try:
            snapshots.append(next(steps))
        except StopIteration as end:
            return end.value, snapshots


def rms(values):
    return float(np.sqrt(np.mean(np.square(np.asarray(values)))))


@pytest.mark.parametrize(("factor", "share"), [(2, 0.6), (4, 0.7)])
def test_enlarges_better_than_cubic_interpolation_and_explains_the_observation(factor, share):
    problem, truth = enlargement(factor)
    outcome, _ = run(problem)
    cubic = problem.operator.lift(problem.observation)
    assert rms(outcome.estimate - truth[0].numpy()) < share * rms(cubic - truth)
    again = problem.operator(torch.from_numpy(outcome.estimate)[None])
    assert rms(again - problem.observation) < 0.01
    assert (outcome.stop_reason, outcome.learned) == (StopReason.MAX_ITERATIONS, True)


def test_noise_is_not_enlarged():
    problem, truth = enlargement(sigma=0.1)
    outcome, _ = run(problem)
    assert rms(outcome.estimate - truth[0].numpy()) < 0.08


def test_photons_of_a_flat_scene_are_not_enlarged_as_spots():
    gain, photons = 0.05, 2.0
    counts = np.random.default_rng(0).poisson(photons, (1, 48, 48))
    noise = [NoiseModel(gain, 0.0, 1e-6)]
    flat = (gain * counts).astype(np.float32)
    operator = Downsample((2, 2), "box")
    problem = make_problem(flat, flat >= 0, noise, (-1, 2), RUNTIME.device, operator)
    outcome, _ = run(problem)
    assert outcome.estimate.mean() == pytest.approx(gain * photons, rel=0.05)
    assert outcome.estimate.std() < 0.15 * flat.std()


def test_missing_pixels_do_not_matter():
    valid = np.ones((1, 32, 32), bool)
    valid[0, 3:5, 10:13] = False
    problem, truth = enlargement(valid=valid)
    spoiled = problem.observation.clone()
    spoiled[0, ~torch.from_numpy(valid)] = 50.0
    outcome, _ = run(problem)
    other, _ = run(make_problem(
        spoiled[0].numpy(), valid, [problem.noise], problem.bounds, RUNTIME.device, problem.operator
    ))  # fmt: skip
    np.testing.assert_allclose(outcome.estimate, other.estimate, atol=1e-4)
    assert rms(outcome.estimate - truth[0].numpy()) < 0.1


def test_a_request_ends_it_with_the_present_image():
    problem, _ = enlargement()
    outcome, snapshots = run(problem, stop_requested=lambda: True)
    assert (outcome.iterations, outcome.stop_reason) == (1, StopReason.STOP_REQUESTED)
    np.testing.assert_array_equal(snapshots[-1].estimate, outcome.estimate)


def test_the_time_limit_ends_it():
    outcome, _ = run(enlargement()[0], time_limit=0.0)
    assert (outcome.iterations, outcome.stop_reason) == (1, StopReason.TIME_LIMIT)


def test_each_iteration_is_shown_if_asked():
    _, snapshots = run(enlargement()[0], 5, interval=0.0)
    assert [snapshot.iteration for snapshot in snapshots] == [1, 2, 3, 4, 5]
    assert [snapshot.stop_reason for snapshot in snapshots[:-1]] == [None] * 4


def test_deblurs_a_plane_in_its_first_answer():
    truth = 200 * discs()
    blurred = ndimage.gaussian_filter(truth, 1.5).astype(np.float32)
    blurred += np.random.default_rng(0).normal(0, 2, truth.shape)
    config = DipConfig(preset="fast", device="cpu")
    result = finish(restore(Image(blurred, "YX"), Deconvolve(sigma=1.5), config))
    assert result.report.config.fit.solver == "plug-and-play"
    assert rms(result.image.data - truth) < 0.7 * rms(blurred - truth)


@pytest.mark.parametrize(
    ("task", "changes", "solver"),
    [
        (SuperResolve(2), {}, "plug-and-play"),
        (SuperResolve(2), {"preset": "fast"}, "plug-and-play"),
        (SuperResolve(2), {"start": "random"}, "fit"),
        (SuperResolve(2), {"preset": "paper"}, "fit"),
        (SuperResolve(2), {"runs": 2}, "fit"),
        (SuperResolve(2), {"stop": "variance"}, "fit"),
        (SuperResolve(8), {}, "fit"),
        (Deconvolve(sigma=1.0), {}, "fit"),
        (Inpaint(np.eye(16)), {}, "plug-and-play"),
        (Inpaint(np.eye(16)), {"preset": "fast"}, "plug-and-play"),
        (Inpaint(np.eye(16)), {"start": "random"}, "fit"),
        (Inpaint(np.eye(16)), {"preset": "paper"}, "fit"),
        (Deconvolve(sigma=1.0), {"preset": "fast"}, "plug-and-play"),
        (Deconvolve(sigma=1.0, refine_psf=True), {"preset": "fast"}, "fit"),
    ],
)
def test_settings_decide_who_solves_the_task(task, changes, solver):
    config = DipConfig(device="cpu", max_iterations=1, **changes)
    observed = discs(16).astype(np.float32)
    result = finish(restore(Image(observed, "YX"), task, config))
    assert result.report.config.fit.solver == solver
    assert result.report.blocks[0].learned is (solver == "plug-and-play")
