"""Learned start: who gets it, the first estimate, and what it must not invent or lose."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_dip.api import finish
from napari_dip.config import DipConfig
from napari_dip.core.fitting.fit import fit
from napari_dip.core.image.image import Image
from napari_dip.core.restoration.forecast import forecast
from napari_dip.core.restoration.restore import restore
from napari_dip.core.stopping.rules import StopReason
from tests.core.fitting.test_fit import problem_of, rmse
from tests.tiny import noisy_waves, waves

SIZE, SIGMA = 64, 10.0


def learned(iterations=2, start="learned", **choices):
    return DipConfig(
        start=start,
        max_iterations=iterations,
        device="cpu",
        precision="float32",
        warm_start="off",
        **choices,
    )


def with_fit(config, **changes):
    return config.model_copy(update={"fit": config.complete().fit.model_copy(update=changes)})


def snapshots_of(values, config, **options):
    problem, scaling = problem_of(values)
    steps, run = [], fit(problem, config, interval=0.0, **options)
    while True:
        try:
            steps.append(next(run))
        except StopIteration as end:
            return steps, end.value, scaling


def first_estimate(values):
    steps, _, scaling = snapshots_of(values, learned(1))
    return scaling.unscale(steps[0].estimate)[0]


def noise(seed=0):
    return np.random.default_rng(seed).normal(0, SIGMA, (SIZE, SIZE))


def test_first_estimate_is_denoised_before_any_step():
    noisy = noisy_waves()
    steps, outcome, scaling = snapshots_of(noisy, learned())
    assert steps[0].iteration == 0
    assert rmse(scaling.unscale(steps[0].estimate)[0], waves()) < 0.35 * rmse(noisy, waves())
    assert outcome.learned
    assert len(outcome.weights_sha256) == 64


def test_random_start_shows_iteration_1_first():
    steps, outcome, _ = snapshots_of(noisy_waves(), learned(start="random"))
    assert steps[0].iteration == 1
    assert not outcome.learned
    assert outcome.weights_sha256 is None


def test_same_seed_gives_the_same_result():
    first, second = (snapshots_of(noisy_waves(), learned(3))[1] for _ in range(2))
    np.testing.assert_array_equal(first.estimate, second.estimate)


def test_fit_that_gets_worse_returns_the_first_estimate():
    config = with_fit(learned(12, stop="heldout"), learning_rate=3.0, averaging=0.0)
    config = with_fit(
        config,
        max_iterations=12,
        stopping=config.fit.stopping.model_copy(update={"heldout_margin": 0.0}),
    )
    steps, outcome, _ = snapshots_of(noisy_waves(), config)
    assert steps[-1].heldout_error > steps[0].heldout_error
    assert outcome.selected_iteration == 0
    np.testing.assert_array_equal(outcome.estimate, steps[0].estimate)


def test_held_out_pixels_do_not_reach_the_first_estimate():
    # All pixels but the held-out ones are visible; their error is as large as the noise.
    config = learned(1, stop="heldout")
    steps, _, _ = snapshots_of(noisy_waves((96, 96)), config)
    assert steps[0].heldout_error > steps[0].loss


def test_stop_request_at_the_first_estimate_returns_it():
    asked = [False]
    problem, _ = problem_of(noisy_waves())
    run = fit(problem, learned(50), stop_requested=lambda: asked[0])
    next(run)
    asked[0] = True
    outcome = finish(run)
    assert outcome.stop_reason is StopReason.STOP_REQUESTED
    assert outcome.iterations <= 1


@pytest.mark.parametrize(
    "config",
    [
        learned(1, preset="paper"),
        learned(1, preset="fast"),
        learned(2, posterior_samples=2),
        with_fit(learned(1), filling="biharmonic", max_iterations=1),
        with_fit(learned(1), latent="meshgrid", max_iterations=1),
    ],
    ids=["paper", "no weights", "posterior samples", "another filling", "another latent"],
)
def test_start_is_random_where_the_weights_do_not_suit(config):
    _, outcome, _ = snapshots_of(noisy_waves((32, 32)), config)
    assert not outcome.learned
    assert outcome.weights_sha256 is None


def test_start_is_random_for_colour_and_volumes():
    colour = np.random.default_rng(0).normal(100, 10, (32, 32, 3))
    volume = np.random.default_rng(0).normal(100, 10, (4, 32, 32))
    for image, dims in ((Image(colour, "YXS"), 2), (Image(volume, "ZYX"), 3)):
        report = finish(restore(image, config=learned(1, dims=dims))).report
        assert [block.learned for block in report.blocks] == [False]


def test_report_has_the_start_of_each_plane():
    planes = np.stack([noisy_waves((32, 32)), noisy_waves((32, 32))])
    config = learned(2).model_copy(update={"warm_start": "on"})
    report = finish(restore(Image(planes, "ZYX"), config=config)).report
    assert [(block.learned, block.warm) for block in report.blocks] == [
        (True, False),
        (False, True),
    ]
    assert report.config.start == "learned"
    assert report.weights_sha256 is not None


def test_resumed_fit_equals_one_long_fit():
    noisy = noisy_waves((32, 32))
    long = finish(restore(noisy, config=learned(6)))
    short = finish(restore(noisy, config=learned(3), keep_state=True))
    resumed = finish(restore(noisy, config=learned(3), continue_from=short))
    np.testing.assert_array_equal(resumed.image.data, long.image.data)
    assert resumed.report.blocks[0].learned


def test_forecast_counts_the_iterations_after_the_first_estimate():
    forecasted = forecast(noisy_waves((32, 32)), config=learned(5))
    assert forecasted.iterations == 5
    assert np.isfinite(forecasted.seconds_per_iteration)


def test_progress_of_the_first_estimate_has_a_finite_time_left():
    first = next(restore(noisy_waves((32, 32)), config=learned(5)))
    assert (first.iteration, first.iterations_left) == (0, 5)
    assert 0 < first.seconds_left < np.inf


def test_pure_noise_becomes_flat():
    estimate = first_estimate(100 + noise())
    assert estimate.std() < 0.2 * SIGMA
    assert estimate.mean() == pytest.approx(100, abs=1)


@pytest.fixture(scope="module")
def contrasts():
    """Return contrasts after a learned and after a random start, relative to the truth."""
    clean = np.full((SIZE, SIZE), 100.0)
    clean[8:32:8, 8:56:8] += 8 * SIGMA  # single pixels
    clean[40:60, 8:56:2] += 4 * SIGMA  # grating of 2 pixels
    problem, scaling = problem_of(clean + noise(1))

    def contrast(start):
        fitted = finish(fit(problem, learned(100, start)))
        estimate = scaling.unscale(fitted.estimate)[0]
        pixels = estimate[8:32:8, 8:56:8].mean() - np.median(estimate[:36])
        stripes = estimate[40:60, 8:56:2].mean() - estimate[40:60, 9:57:2].mean()
        return {"single pixels": pixels / (8 * SIGMA), "grating": stripes / (4 * SIGMA)}

    return contrast("learned"), contrast("random")


@pytest.mark.parametrize("feature", ["single pixels", "grating"])
def test_fit_keeps_at_least_the_contrast_of_a_random_start(contrasts, feature):
    after_learned, after_random = (contrast[feature] for contrast in contrasts)
    assert after_learned > after_random - 0.02
    assert after_learned > 0.8


def test_first_estimate_keeps_puncta():
    puncta = np.zeros((SIZE, SIZE))
    puncta[8:56:8, 8:56:8] = 1
    puncta = ndimage.gaussian_filter(puncta, 1.0)
    clean = 100 + 8 * SIGMA * puncta / puncta.max()
    estimate = first_estimate(clean + noise(1))
    assert estimate[8:56:8, 8:56:8].mean() - np.median(estimate) > 0.7 * 8 * SIGMA


def test_fit_of_pure_noise_is_as_flat_as_from_a_random_start():
    problem, scaling = problem_of(100 + noise())
    flat, cold = (
        scaling.unscale(finish(fit(problem, learned(60, start))).estimate).std()
        for start in ("learned", "random")
    )
    assert flat < max(cold, 0.25 * SIGMA)
