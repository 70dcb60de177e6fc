"""Learned start: the first estimate, the fit that improves it, and who gets it."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_dip.api import finish
from napari_dip.config import LEARNED, DipConfig
from napari_dip.core.fitting.fit import fit
from napari_dip.core.fitting.learned_start import first_answer
from napari_dip.core.image.image import Image
from napari_dip.core.noise.model import NoiseModel
from napari_dip.core.problem import make_problem
from napari_dip.core.restoration.forecast import forecast
from napari_dip.core.restoration.restore import restore
from napari_dip.core.stopping.evaluation import Evaluator
from napari_dip.core.stopping.rules import StopReason
from tests.core.fitting.test_fit import problem_of, rmse
from tests.tiny import noisy_waves, waves


def plain(iterations=2, **choices):
    """Return the choices of a user."""
    return DipConfig(
        max_iterations=iterations, device="cpu", precision="float32", warm_start="off", **choices
    )


def learned(iterations=2, stopping=None, start="learned", stop="auto", **changes):
    """Return a configuration with the fit settings of the learned start."""
    settings = LEARNED["balanced"]
    stops = settings.stopping.model_copy(update=stopping or {})
    settings = settings.model_copy(update={**changes, "stopping": stops})
    return plain(iterations, fit=settings, start=start, stop=stop)


def colour_problem(shape=(64, 64), sigma=0.2):
    """Return the problem of an RGB image with noise, and the clean image (3, Y, X)."""
    clean = np.stack([waves(shape), waves(shape)[::-1], waves(shape)[:, ::-1]]) / 150
    noisy = clean + np.random.default_rng(0).normal(0, sigma, clean.shape)
    problem = make_problem(
        noisy.astype(np.float32),
        np.ones_like(clean, bool),
        [NoiseModel(0.0, sigma**2, 1e-6)] * 3,
        (0.0, 1.0),
        torch.device("cpu"),
    )
    return problem, clean


def snapshots_of(problem, config, **options):
    steps, run = [], fit(problem, config, interval=0.0, **options)
    while True:
        try:
            steps.append(next(run))
        except StopIteration as end:
            return steps, end.value


def test_without_a_fit_two_passes_are_enough_where_the_noise_is_strong():
    passes = {}
    for sigma in (20.0, 2.0):  # waves have a standard deviation of 25
        problem, _ = problem_of(noisy_waves(sigma=sigma))
        passes[sigma] = snapshots_of(problem, learned(0))[0][-1].passes
    assert passes[20.0] == 2
    assert passes[2.0] > 2  # texture might look like little noise


@pytest.mark.parametrize("iterations", [0, 3])
def test_without_a_fit_the_pass_that_judges_counts_where_it_has_seen_the_pixels(iterations):
    trainer = SimpleNamespace(
        latent=None,
        problem=SimpleNamespace(observation=torch.zeros(1, 1, 1, 3)),
        settings=SimpleNamespace(max_iterations=iterations),
        views=lambda known: iter([torch.tensor([[[[1.0, 2.0, 3.0]]]])]),
        judge=lambda known: torch.tensor([[[[3.0, 8.0, 5.0]]]]),
    )
    fitted = torch.tensor([[[[1.0, 0.0, 1.0]]]])
    steps = first_answer(trainer, None, None, None, None, fitted, 1.0)
    with pytest.raises(StopIteration) as end:
        next(steps)
    mean, judged = end.value.value
    assert mean.flatten().tolist() == ([1, 2, 3] if iterations else [2, 2, 4])
    assert judged.flatten().tolist() == [3, 8, 5]


def test_first_estimate_is_denoised_before_any_step():
    noisy = noisy_waves()
    problem, scaling = problem_of(noisy)
    steps, outcome = snapshots_of(problem, learned())
    assert steps[0].iteration == 0
    assert rmse(scaling.unscale(steps[0].estimate)[0], waves()) < 0.25 * rmse(noisy, waves())
    assert outcome.learned
    assert len(outcome.weights_sha256) == 64


def test_first_estimate_of_colour_is_denoised():
    problem, clean = colour_problem()
    steps, outcome = snapshots_of(problem, learned())
    assert rmse(steps[0].estimate, clean) < 0.25 * rmse(problem.observation[0].numpy(), clean)
    assert outcome.learned


def test_random_weights_show_no_estimate_before_iteration_1():
    steps, outcome = snapshots_of(problem_of(noisy_waves())[0], learned(start="random"))
    assert steps[0].iteration >= 1
    assert not outcome.learned
    assert outcome.weights_sha256 is None


@pytest.mark.parametrize("colour", [False, True], ids=["grey", "colour"])
def test_same_seed_gives_the_same_result_and_another_seed_another(colour):
    problem = colour_problem()[0] if colour else problem_of(noisy_waves())[0]
    first, again, other = (
        finish(fit(problem, learned(11, stop="none"), seed=seed)).estimate for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert rmse(first, other) > 0


def test_fit_improves_an_image_unlike_those_of_the_training():
    # A grid of sharp squares whose pattern repeats: the fit learns it from the image.
    clean = 100 + 60.0 * np.kron(np.indices((32, 32)).sum(0) % 3 == 0, np.ones((4, 4)))
    noisy = clean + np.random.default_rng(0).normal(0, 30, clean.shape)
    problem, scaling = problem_of(noisy)
    steps, outcome = snapshots_of(problem, learned(40, stop="none"))
    first, last = (
        rmse(scaling.unscale(estimate)[0], clean)
        for estimate in (steps[0].estimate, outcome.estimate)
    )
    assert outcome.selected_iteration == 40
    assert last < first


def test_fit_that_gets_worse_returns_the_first_estimate():
    config = learned(
        20,
        {"heldout_margin": 0.0},
        stop="heldout",
        learning_rate=0.03,
        averaging=0.0,
        collaborative_filter=False,
    )
    steps, outcome = snapshots_of(problem_of(noisy_waves((96, 96)))[0], config)
    assert steps[-1].heldout_error > steps[0].heldout_error
    assert outcome.selected_iteration == 0
    np.testing.assert_array_equal(outcome.estimate, steps[0].estimate)


@pytest.mark.parametrize(("weight", "kept"), [(0.0, 0), (1.0, -1)])
def test_result_is_the_mean_of_first_answer_and_fit_by_their_weight(monkeypatch, weight, kept):
    monkeypatch.setattr(Evaluator, "weight_of", lambda *estimates: weight)
    problem, _ = problem_of(noisy_waves((96, 96)))
    steps, outcome = snapshots_of(problem, learned(16, reveal_every=8, collaborative_filter=False))
    assert outcome.findings["fit_weight"] == weight
    np.testing.assert_allclose(outcome.estimate, steps[kept].estimate, atol=1e-6)
    assert np.abs(steps[0].estimate - steps[-1].estimate).max() > 1e-3


def test_similar_patches_improve_the_estimate_of_texture_that_repeats():
    random = np.random.default_rng(0)
    tile = ndimage.gaussian_filter(random.normal(size=(12, 12)), 1, mode="wrap")
    truth = np.tile(100 + 150 * tile, (10, 10))
    problem, scaling = problem_of(truth + random.normal(0, 25, truth.shape))
    errors = [
        rmse(scaling.unscale(snapshots_of(problem, learned(1, **choice))[1].estimate)[0], truth)
        for choice in ({"collaborative_filter": False}, {})
    ]
    assert errors[1] < 0.9 * errors[0]


def test_held_out_pixels_do_not_reach_the_first_estimate():
    noisy = noisy_waves((96, 96))
    problem, _ = problem_of(noisy)
    steps, _ = snapshots_of(problem, learned(1, stop="heldout"))
    # The noise of a pixel that the network sees is partly in its estimate.
    assert steps[0].heldout_error > 1.0 > steps[0].loss


def test_plane_without_noise_ends_at_the_first_estimate():
    random = np.random.default_rng(0)
    texture = 100 + 50 * ndimage.gaussian_laplace(random.normal(size=(96, 96)), 0.9)
    problem, scaling = problem_of(texture)
    steps, outcome = snapshots_of(problem, learned(40))
    assert outcome.stop_reason is StopReason.NO_NOISE
    assert (outcome.iterations, outcome.selected_iteration, len(steps)) == (0, 0, 1)
    assert steps[0].stop_reason is StopReason.NO_NOISE
    assert rmse(scaling.unscale(outcome.estimate)[0], texture) < 0.02 * texture.std()


def test_report_of_a_plane_without_noise_has_no_time_per_iteration():
    random = np.random.default_rng(0)
    texture = 100 + 50 * ndimage.gaussian_laplace(random.normal(size=(96, 96)), 0.9)
    report = finish(restore(texture, config=plain(40, noise="gaussian"))).report
    assert report.seconds_per_iteration == 0
    assert [block.stop_reason for block in report.blocks] == ["no_noise"]
    assert [block.iterations for block in report.blocks] == [0]


def test_stop_request_at_the_first_estimate_returns_it():
    asked = [False]
    problem, _ = problem_of(noisy_waves())
    run = fit(problem, learned(50), stop_requested=lambda: asked[0])
    first = next(run)
    asked[0] = True
    outcome = finish(run)
    assert outcome.stop_reason is StopReason.STOP_REQUESTED
    assert outcome.iterations <= 1
    np.testing.assert_array_equal(outcome.estimate, first.estimate)


def test_more_strength_gives_a_smoother_first_answer():
    random = np.random.default_rng(0)
    texture = ndimage.gaussian_filter(random.normal(size=(96, 96)), 1.5)
    noisy = 100 + 20 * texture / texture.std() + random.normal(0, 10, (96, 96))
    removed = [
        rmse(finish(restore(noisy, config=plain(0, strength=strength))).image.data, noisy)
        for strength in (0.25, 0.5, 1.0, 2.0, 4.0)
    ]
    assert removed == sorted(removed)
    assert removed[0] < 0.7 * removed[2]
    # A residual beyond the noise is what was asked for: it is not blended back.
    assert removed[-1] > 1.3 * removed[2]


def test_strength_1_is_the_default():
    noisy = noisy_waves((32, 32))
    first, same = (
        finish(restore(noisy, config=config)).image.data
        for config in (plain(2), plain(2, strength=1.0))
    )
    np.testing.assert_array_equal(first, same)


def test_strength_does_not_change_a_fit_from_random_weights():
    noisy = noisy_waves((32, 32))
    weak, strong = (
        finish(restore(noisy, config=plain(2, start="random", strength=strength))).image.data
        for strength in (0.25, 4.0)
    )
    np.testing.assert_array_equal(weak, strong)


def test_report_has_the_strength():
    report = finish(restore(noisy_waves((32, 32)), config=plain(0, strength=0.5))).report
    assert report.config.strength == 0.5


@pytest.mark.parametrize("shape", [(1, 9), (3, 3), (37, 71)])
def test_estimate_has_the_size_of_the_image(shape):
    problem, _ = problem_of(noisy_waves(shape))
    outcome = finish(fit(problem, learned(3)))
    assert outcome.estimate.shape == (1, *shape)
    assert np.isfinite(outcome.estimate).all()


@pytest.mark.parametrize("start", ["learned", "random"])
def test_missing_pixels_do_not_change_the_estimate(start):
    values, valid = noisy_waves(), np.ones((64, 64), bool)
    valid[10:20, 10:20] = False
    estimates = []
    for value in (0.0, 1e6):
        problem, _ = problem_of(values, valid)
        problem.observation[~problem.valid] = value
        estimates.append(finish(fit(problem, learned(3, start=start))).estimate)
    np.testing.assert_allclose(*estimates, atol=1e-5)


@pytest.mark.parametrize(
    ("image", "config"),
    [
        pytest.param(noisy_waves((32, 32)), plain(1, preset="paper"), id="paper"),
        pytest.param(noisy_waves((32, 32)), plain(1, start="random"), id="random"),
        pytest.param(noisy_waves((32, 32)), plain(2, posterior_samples=2), id="samples"),
        pytest.param(noisy_waves((32, 32)), plain(1, stop="variance"), id="variance rule"),
        pytest.param(noisy_waves((32, 32)), plain(1, noise="laplace"), id="impulses"),
        pytest.param(
            Image(np.random.default_rng(0).normal(100, 10, (4, 32, 32)), "ZYX"),
            plain(1, dims=3),
            id="volume",
        ),
        pytest.param(
            Image(np.random.default_rng(0).normal(100, 10, (2, 32, 32)), "CYX"),
            plain(1, channels="joint"),
            id="two channels",
        ),
    ],
)
def test_start_is_random_where_the_weights_do_not_suit(image, config):
    report = finish(restore(image, config=config)).report
    assert [block.learned for block in report.blocks] == [False]
    assert report.weights_sha256 is None
    assert report.config.fit.latent != "recorrupted"


@pytest.mark.parametrize(
    ("image", "blocks"),
    [
        pytest.param(noisy_waves((32, 32)), 1, id="grey"),
        pytest.param(
            Image(np.random.default_rng(0).normal(100, 10, (32, 32, 3)), "YXS"), 1, id="RGB"
        ),
        pytest.param(
            Image(np.random.default_rng(0).normal(100, 10, (2, 32, 32)), "CYX"), 2, id="channels"
        ),
        pytest.param(
            Image(np.random.default_rng(0).normal(100, 10, (3, 32, 32)), "ZYX"), 3, id="stack"
        ),
    ],
)
@pytest.mark.parametrize("preset", ["fast", "balanced"])
def test_start_is_learned_for_each_plane_that_is_denoised(image, blocks, preset):
    config = plain(2, preset=preset).model_copy(update={"warm_start": "auto"})
    report = finish(restore(image, config=config)).report
    assert [(block.learned, block.warm) for block in report.blocks] == [(True, False)] * blocks
    assert report.config.start == "learned"
    assert report.config.fit.latent == "recorrupted"
    assert report.weights_sha256 is not None


def test_every_plane_starts_from_the_package_even_if_warm_starts_are_on():
    planes = np.stack([noisy_waves((32, 32)), noisy_waves((32, 32))])
    config = plain(2).model_copy(update={"warm_start": "on"})
    report = finish(restore(Image(planes, "ZYX"), config=config)).report
    assert [(block.learned, block.warm) for block in report.blocks] == [(True, False)] * 2
    assert report.config.warm_start == "off"


@pytest.mark.parametrize("first", [3, 10, 13])
def test_resumed_fit_equals_one_long_fit(first):
    noisy = noisy_waves((32, 32))
    long = finish(restore(noisy, config=plain(24, stop="none")))
    short = finish(restore(noisy, config=plain(first, stop="none"), keep_state=True))
    resumed = finish(restore(noisy, config=plain(24 - first, stop="none"), continue_from=short))
    np.testing.assert_array_equal(resumed.image.data, long.image.data)
    assert resumed.report.blocks[0].learned


def test_configuration_of_a_report_gives_the_same_result():
    noisy = noisy_waves((32, 32))
    first = finish(restore(noisy, config=plain(4)))
    read = DipConfig.model_validate_json(first.report.config.model_dump_json())
    again = finish(restore(noisy, config=read))
    np.testing.assert_array_equal(first.image.data, again.image.data)
    assert again.report.config.fit == first.report.config.fit


def test_tiles_agree_where_they_overlap():
    noisy = noisy_waves((96, 160))
    whole = finish(restore(noisy, config=plain(1, stop="none"))).image.data
    tiled = finish(restore(noisy, config=plain(1, stop="none", tile=96))).image.data
    assert rmse(whole, tiled) < 0.25 * rmse(whole, waves((96, 160)))


def test_forecast_counts_the_iterations_after_the_first_estimate():
    forecasted = forecast(noisy_waves((32, 32)), config=plain(5))
    assert forecasted.iterations == 5
    assert np.isfinite(forecasted.seconds_per_iteration)


def test_progress_has_a_time_left_from_the_first_estimate_on():
    config = plain(40, stop="none")
    first, *later = restore(noisy_waves((96, 96)), reference=waves((96, 96)), config=config)
    assert (first.iteration, first.iterations_left) == (0, 40)
    seconds = [progress.seconds_left for progress in (first, *later)]
    # Similar patches are filtered after the last iteration.
    assert np.inf > seconds[0] > seconds[len(seconds) // 2] > seconds[-1] > 0


def test_time_limit_bounds_the_time_left_of_the_first_estimate():
    first = next(restore(noisy_waves((32, 32)), config=plain(5, time_limit=60.0)))
    assert 0 < first.seconds_left < 60


def test_large_planes_show_glimpses_and_one_view_before_the_mean_of_all(monkeypatch):
    noisy = noisy_waves((64, 80))
    problem, scaling = problem_of(noisy)
    expected = snapshots_of(problem, learned(1))[1]
    monkeypatch.setattr("napari_dip.core.fitting.learned_start._LARGE", noisy.size)
    glimpses = (noisy.size // 16, noisy.size // 4, noisy.size)
    monkeypatch.setattr("napari_dip.core.hardware.device._GLIMPSES", glimpses)
    steps, outcome = snapshots_of(problem, learned(1))
    assert [step.iteration for step in steps] == [0] * 5 + [1]
    np.testing.assert_array_equal(outcome.estimate, expected.estimate)
    *shown, mean = (scaling.unscale(step.estimate)[0] for step in steps[:-1])
    noise = rmse(noisy, waves(noisy.shape))
    # Each shows more detail; the last glimpse is the first view.
    apart = [rmse(estimate, mean) / noise for estimate in shown]
    assert 0.5 > apart[0] > apart[1] > apart[2] == apart[3] > 0


@pytest.mark.parametrize("preset", ["fast", "balanced"])
def test_no_iterations_give_the_first_answer(preset):
    image = Image(noisy_waves(), "YX")
    none, some = (
        finish(restore(image, config=plain(iterations, preset=preset))) for iterations in (0, 2)
    )
    assert none.report.iterations == 0
    assert none.report.stop_reason == StopReason.MAX_ITERATIONS
    assert rmse(none.image.data, some.image.data) < 0.1 * rmse(none.image.data, noisy_waves())


def test_a_learned_start_at_its_bound_does_not_ask_for_more_iterations():
    result = finish(restore(Image(noisy_waves(), "YX"), config=plain(0)))
    assert result.report.stop_reason == StopReason.MAX_ITERATIONS
    assert not any("more iterations" in warning for warning in result.report.warnings)


def coarse_noise(sigma=20, shape=(128, 128)):
    noise = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=shape), 1)
    return sigma * noise / noise.std()


def test_coarse_noise_is_removed_by_the_first_answer():
    clean = waves((128, 128))
    noisy = clean + coarse_noise()
    result = finish(restore(Image(noisy, "YX"), config=DipConfig(device="cpu")))
    assert result.report.noise.correlation > 0.25
    assert result.report.iterations == 0
    assert result.report.blocks[0].learned
    (warning,) = result.report.warnings
    assert "first answer of weights for such noise" in warning
    assert rmse(result.image.data, clean) < 0.45 * rmse(noisy, clean)


def test_given_camera_noise_does_not_hide_that_noise_is_coarse():
    noisy = Image(waves((128, 128)) + coarse_noise(), "YX")
    config = DipConfig(device="cpu", noise="gaussian", sigma_noise=20.0)
    report = finish(restore(noisy, config=config)).report
    assert report.noise.correlation > 0.25
    assert report.iterations == 0


def test_neighbours_lower_the_error_of_a_still_series():
    clean = np.repeat(waves()[None], 5, axis=0)
    noisy = clean + np.random.default_rng(0).normal(0, 30, clean.shape)
    errors = {}
    for neighbours in (False, True):
        config = plain(0, neighbours=neighbours)
        result = finish(restore(Image(noisy, "TYX"), config=config))
        assert all(block.learned for block in result.report.blocks)
        errors[neighbours] = rmse(result.image.data, clean)
    assert errors[True] < 0.95 * errors[False]


def test_a_plane_whose_neighbours_are_lost_is_restored_alone():
    noisy = np.zeros((3, 64, 64))
    noisy[1] = noisy_waves()
    config = plain(0, stop="none")  # a series and a plane hold other pixels out
    series = finish(restore(Image(noisy, "TYX"), config=config))
    alone = finish(restore(Image(noisy[1], "YX"), config=config))
    assert series.report.config.fit.neighbours > 0
    np.testing.assert_allclose(series.image.data[1], alone.image.data, atol=0.1)


def test_each_sample_of_rgb_with_coarse_noise_has_its_own_level():
    clean = np.stack([waves((128, 128))] * 3, axis=-1)
    levels = (10, 20, 30)
    noisy = clean + np.stack([coarse_noise(sigma) for sigma in levels], axis=-1)
    result = finish(restore(Image(noisy, "YXS"), config=DipConfig(device="cpu")))
    assert len(result.report.blocks) == 3
    for sample, sigma in enumerate(levels):
        assert rmse(result.image.data[..., sample], clean[..., sample]) < 0.5 * sigma
