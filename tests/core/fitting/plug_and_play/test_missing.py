"""Missing pixels: plug and play, or the smoothest surface."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_dip import DipConfig, Image, restore
from napari_dip.api import finish
from napari_dip.core.fitting.plug_and_play import missing as missing_module
from napari_dip.core.fitting.plug_and_play.alternation import alternate, filled
from napari_dip.core.fitting.plug_and_play.missing import fill
from napari_dip.core.latents.denoiser import LearnedDenoiser
from napari_dip.core.noise.model import NoiseModel
from napari_dip.core.problem import make_problem
from napari_dip.core.stopping.rules import StopReason
from napari_dip.core.tasks import Inpaint

CPU = torch.device("cpu")
DENOISE = LearnedDenoiser(1, volumes=False, device=CPU)
SIDE, ITERATIONS = 64, 12


def discs():
    """Return bright discs on a dark background, (Y, X)."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    picture = np.full((SIDE, SIDE), 0.1, np.float32)
    for y, x, radius in ((18, 20, 11), (44, 40, 14), (14, 50, 7)):
        picture[np.hypot(rows - y, columns - x) < radius] = 0.9
    return picture


def scattered(share=0.5):
    return np.random.default_rng(0).random((SIDE, SIDE)) < share


def noise(sigma):
    return sigma * np.random.default_rng(1).standard_normal((SIDE, SIDE)).astype(np.float32)


def problem_of(picture, missing, variance=1e-8):
    models = [NoiseModel(0.0, variance, 1e-8)]
    return make_problem(picture[None], ~missing[None], models, (-0.2, 1.2), CPU)


def last(problem, **options):
    options = {"noise_is_known": False, **options}
    filling = fill(problem, DENOISE, ITERATIONS, **options)
    steps = list(filling.steps)
    assert len(steps) == filling.iterations
    return steps[-1].finished(DENOISE)[0, 0].numpy(), filling.iterations


def rms(values):
    return float(np.sqrt(np.mean(np.square(values))))


def test_fills_better_than_the_smoothest_surface():
    problem = problem_of(discs(), scattered())
    image, _ = last(problem)
    surface = filled(problem)[0, 0].numpy()
    assert rms(image - discs()) < 0.8 * rms(surface - discs())


def test_exact_pixels_keep_their_values():
    missing = scattered()
    image, _ = last(problem_of(discs(), missing))
    np.testing.assert_allclose(image[~missing], discs()[~missing], atol=2e-3)


def test_noise_is_removed_from_known_and_missing_pixels():
    missing = scattered()
    problem = problem_of(discs() + noise(0.1), missing, 0.1**2)
    image, _ = last(problem)
    assert rms((image - discs())[~missing]) < 0.06
    assert rms((image - discs())[missing]) < 0.8 * rms(
        (filled(problem)[0, 0].numpy() - discs())[missing]
    )


def test_texture_measured_as_noise_does_not_blur_exact_pixels():
    overestimated, exact = (
        last(problem_of(discs(), scattered(), variance))[0] for variance in (0.0025, 1e-8)
    )
    np.testing.assert_allclose(overestimated, exact, atol=1e-3)


def test_a_known_noise_level_is_used():
    given, _ = last(problem_of(discs(), scattered(), 0.05), noise_is_known=True)
    assert rms((given - discs())[~scattered()]) > 0.01


def test_the_surface_is_the_result_where_it_predicts_better():
    random = np.random.default_rng(0).random((SIDE, SIDE)).astype(np.float32)
    smooth = np.add.outer(np.arange(SIDE), np.arange(SIDE)).astype(np.float32) / (2 * SIDE)
    image, count = last(problem_of(smooth, scattered()))
    assert count == 1
    assert rms(image - smooth) < 1e-3 * rms(random)


@pytest.mark.parametrize("best", [9, ITERATIONS])
def test_ends_where_held_out_pixels_are_predicted_best(monkeypatch, best):
    def alternate_with_errors(*arguments):
        *_, last_step = alternate(*arguments)
        for count in range(1, ITERATIONS + 1):
            yield last_step._replace(image=last_step.image + 0.005 * abs(count - best))

    monkeypatch.setattr(missing_module, "alternate", alternate_with_errors)
    filling = fill(problem_of(discs(), scattered()), DENOISE, ITERATIONS, noise_is_known=True)
    assert filling.iterations == best
    assert (filling.reason is StopReason.HELD_OUT_MINIMUM) == (best < ITERATIONS)


@pytest.mark.parametrize(
    ("missing", "options"),
    [
        pytest.param(np.zeros((SIDE, SIDE), bool), {}, id="complete"),
        pytest.param(scattered(), {"ended": lambda: True}, id="stopped"),
    ],
)
def test_returns_the_surface_at_once(missing, options):
    problem = problem_of(discs(), missing)
    image, count = last(problem, **options)
    assert count == 1
    np.testing.assert_array_equal(image, filled(problem)[0, 0].numpy())


def test_few_known_pixels_are_not_held_out():
    missing = np.ones((SIDE, SIDE), bool)
    missing[::8, ::8] = False
    assert last(problem_of(discs(), missing))[1] == ITERATIONS


@pytest.mark.parametrize("axes", ["YX", "YXS", "CYX", "TYX"])
def test_restores_every_kind_of_plane(axes):
    missing, truth = scattered(0.4), 200 * discs()
    count = {"YXS": 3, "CYX": 2, "TYX": 2}.get(axes, 1)
    copies = [truth * (1 - 0.2 * n) for n in range(count)]
    truth = truth if axes == "YX" else np.stack(copies, -1 if axes == "YXS" else 0)
    hidden = np.broadcast_to(missing[..., None] if axes == "YXS" else missing, truth.shape)
    config = DipConfig(preset="fast", device="cpu")
    result = finish(restore(Image(np.where(hidden, 0, truth), axes), Inpaint(missing), config))
    assert result.report.config.fit.solver == "plug-and-play"
    np.testing.assert_array_equal(result.image.data[~hidden], truth[~hidden])
    assert rms((result.image.data - truth)[hidden]) < 15
