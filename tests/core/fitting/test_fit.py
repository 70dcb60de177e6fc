from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from itertools import islice, pairwise
from typing import get_args

import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_dip.api import finish
from napari_dip.config import LatentName
from napari_dip.core.fitting import fit as fit_module
from napari_dip.core.fitting import timer as timer_module
from napari_dip.core.fitting.fit import fit
from napari_dip.core.fitting.posterior import Posterior
from napari_dip.core.fitting.state import FitState
from napari_dip.core.image.scaling import find_scaling
from napari_dip.core.latents.build import LATENTS
from napari_dip.core.noise.estimation import estimate_mean_variance
from napari_dip.core.noise.model import noise_model
from napari_dip.core.operators.blur import GaussianBlur
from napari_dip.core.problem import Problem, make_problem
from napari_dip.core.stopping.rules import StopReason
from napari_dip.errors import DivergedError
from tests.tiny import noisy_waves, tiny_config, waves


def problem_of(values, valid=None, guide=None, device=None):
    scaling = find_scaling(values)
    noise = noise_model(estimate_mean_variance(values[None]), scaling)
    valid = np.isfinite(values) if valid is None else valid
    problem = make_problem(
        scaling.scale(np.where(valid, values, 0))[None],
        valid[None],
        [noise],
        (scaling.low, scaling.high),
        device or torch.device("cpu"),
        guide=None if guide is None else guide[None].astype(np.float32),
    )
    return problem, scaling


def run(values, config, guide=None, **options):
    problem, scaling = problem_of(values, guide=guide)
    outcome = finish(fit(problem, config, **options))
    return outcome, scaling.unscale(outcome.estimate)[0]


def rmse(estimate, truth):
    return float(np.sqrt(np.mean((estimate - truth) ** 2)))


@pytest.mark.parametrize("latent", get_args(LatentName))
def test_fit_removes_most_of_the_noise_and_stops_early(latent):
    guide = waves() if latent == "guide" else None
    outcome, estimate = run(noisy_waves(), tiny_config(800, latent), guide)
    assert outcome.stop_reason is StopReason.HELD_OUT_MINIMUM
    assert outcome.selected_iteration < outcome.iterations < 800
    assert rmse(estimate, waves()) < 0.4 * rmse(noisy_waves(), waves())


@pytest.mark.parametrize("shape", [(1, 9), (3, 3), (64, 64), (37, 71)])
def test_estimate_has_the_size_of_the_image(shape):
    _, estimate = run(noisy_waves(shape), tiny_config(2))
    assert estimate.shape == shape
    assert np.isfinite(estimate).all()


def test_same_seed_gives_the_same_estimate_and_another_seed_another():
    first, again, other = (run(noisy_waves(), tiny_config(3, seed=seed))[1] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert rmse(first, other) > 0


def test_leaves_the_global_random_state_alone():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    run(noisy_waves(), tiny_config(2))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("latent", get_args(LatentName))
def test_missing_pixels_do_not_change_the_estimate(latent):
    values, valid = noisy_waves(), np.ones((64, 64), bool)
    valid[10:20, 10:20] = False
    estimates = []
    for filler in (0.0, 1e6):
        problem, _ = problem_of(values, valid, waves() if latent == "guide" else None)
        problem.observation[:, :, 10:20, 10:20] = filler
        estimates.append(finish(fit(problem, tiny_config(5, latent))).estimate)
    np.testing.assert_array_equal(*estimates)


def test_stop_request_ends_the_fit_with_the_estimate_so_far():
    problem, _ = problem_of(noisy_waves())
    stops = []
    snapshots = fit(problem, tiny_config(500), interval=0, stop_requested=lambda: bool(stops))
    list(islice(snapshots, 5))
    stops.append(True)
    outcome = finish(snapshots)
    assert outcome.stop_reason is StopReason.STOP_REQUESTED
    assert outcome.iterations == 6
    assert np.isfinite(outcome.estimate).all()


def test_time_limit_ends_the_fit():
    outcome, _ = run(noisy_waves(), tiny_config(10_000), time_limit=0.0)
    assert (outcome.stop_reason, outcome.iterations) == (StopReason.TIME_LIMIT, 1)


@pytest.mark.parametrize("when", ["at a yield", "in stop_requested"])
def test_pause_counts_neither_as_time_nor_as_pace(monkeypatch, when):
    clock = [0.0]
    monkeypatch.setattr(timer_module.time, "perf_counter", lambda: clock[0])
    problem, _ = problem_of(noisy_waves())

    def pause(_=None):
        clock[0] += 1000.0
        return False

    options = {"stop_requested": pause} if when == "in stop_requested" else {}
    steps = fit(problem, tiny_config(5), time_limit=10.0, interval=0, **options)
    outcome = finish(steps, pause)
    assert outcome.stop_reason is StopReason.MAX_ITERATIONS
    assert (outcome.seconds, outcome.seconds_per_iteration) == (0.0, 0.0)


def test_returns_the_last_average_without_a_rule():
    outcome, _ = run(noisy_waves(), tiny_config(5, stop="none"))
    assert (outcome.selected_iteration, outcome.iterations) == (5, 5)
    assert outcome.stop_reason is StopReason.MAX_ITERATIONS


def test_posterior_std_matches_the_error_and_leaves_the_estimate_alone():
    fitted, estimate = run(noisy_waves(), tiny_config(300))
    problem, scaling = problem_of(noisy_waves())
    sampled = finish(fit(problem, tiny_config(300, posterior_samples=60)))
    np.testing.assert_array_equal(sampled.estimate, fitted.estimate)
    assert sampled.stop_reason is fitted.stop_reason
    assert sampled.iterations == fitted.iterations + 60
    deviation = sampled.posterior_std[0] * scaling.gain
    error = np.abs(estimate - waves())
    assert (error < deviation).mean() > 0.4
    assert (error < 2 * deviation).mean() > 0.75
    assert 0.5 <= sampled.posterior_scale <= 3


def test_sample_equals_the_previous_one_outside_its_shifted_view(monkeypatch):
    samples = []
    add = Posterior._add

    def spy(posterior, estimate, prediction):
        samples.append(estimate.clone())
        add(posterior, estimate, prediction)

    monkeypatch.setattr(Posterior, "_add", spy)
    problem, _ = problem_of(noisy_waves((32, 32)))
    config = tiny_config(4, posterior_samples=16, stop="none")
    network = config.fit.network.model_copy(update={"pixel_shuffle": 2})
    config = config.model_copy(update={"fit": config.fit.model_copy(update={"network": network})})
    finish(fit(problem, config))
    last_rows = [sample[..., -1, :] for sample in samples]
    same = [torch.equal(before, after) for before, after in pairwise(last_rows)]
    assert sum(same) == 8  # half of the views are shifted along y


@pytest.mark.parametrize("time_limit", [None, 0.0])
def test_interrupted_sampling_gives_no_deviation(time_limit):
    problem, _ = problem_of(noisy_waves())
    config = tiny_config(4, posterior_samples=50)
    seen = []
    steps = fit(
        problem,
        config,
        interval=0,
        time_limit=time_limit,
        stop_requested=lambda: len(seen) > 8,
    )
    outcome = finish(steps, seen.append)
    assert outcome.posterior_std is None
    expected = StopReason.STOP_REQUESTED if time_limit is None else StopReason.TIME_LIMIT
    assert outcome.stop_reason is expected


def test_snapshots_are_copies():
    problem, _ = problem_of(noisy_waves())
    first, second = islice(fit(problem, tiny_config(5), interval=0), 2)
    assert rmse(first.estimate, second.estimate) > 0
    assert (first.iteration, second.iteration) == (1, 2)
    assert first.estimate.flags.owndata


@dataclass(frozen=True)
class Failing(Problem):
    """A problem whose nll is NaN, or too large, at chosen iterations."""

    failures: frozenset = frozenset()
    factor: float = float("nan")
    calls: list = field(default_factory=list)

    def nll(self, estimate):
        errors = super().nll(estimate)
        if not estimate.requires_grad:  # the held-out error
            return errors
        self.calls.append(1)
        return errors * (self.factor if len(self.calls) in self.failures else 1.0)


def failing(problem, failures, factor=float("nan")):
    parts = {part.name: getattr(problem, part.name) for part in fields(problem)}
    return Failing(**parts, failures=frozenset(failures), factor=factor)


def test_rolls_back_after_a_collapse_and_continues():
    problem, scaling = problem_of(noisy_waves())
    outcome = finish(fit(failing(problem, {150, 151}), tiny_config(250, stop="none")))
    assert outcome.rollbacks == 2
    assert outcome.iterations == 250
    estimate = scaling.unscale(outcome.estimate)[0]
    assert rmse(estimate, waves()) < 0.5 * rmse(noisy_waves(), waves())


def test_collapse_at_the_last_iteration_returns_the_checkpoint():
    problem, scaling = problem_of(noisy_waves())
    outcome = finish(fit(failing(problem, {150}), tiny_config(150, stop="none")))
    assert (outcome.rollbacks, outcome.iterations) == (1, 150)
    assert outcome.stop_reason is StopReason.MAX_ITERATIONS
    assert outcome.selected_iteration == 100  # a checkpoint every 100 iterations
    assert rmse(scaling.unscale(outcome.estimate)[0], waves()) < 20


@pytest.mark.parametrize(
    ("failures", "rollbacks"),
    [
        pytest.param({2, 3, 20, 21}, 0, id="while the first steps settle"),
        pytest.param({22}, 1, id="soon after"),
        pytest.param({120}, 1, id="later"),
        pytest.param({120, 121, 140}, 1, id="while a rollback settles"),
        pytest.param({120, 141}, 2, id="again"),
    ],
)
def test_rising_loss_is_a_collapse_only_after_settling(failures, rollbacks):
    problem, _ = problem_of(noisy_waves())
    rising = failing(problem, failures, 100.0)
    assert finish(fit(rising, tiny_config(150, stop="none"))).rollbacks == rollbacks


def test_rollback_restores_network_optimiser_average_and_rule_together(monkeypatch):
    problem, _ = problem_of(noisy_waves())
    seen = []
    original = FitState.roll_back

    def spy(state, iteration):
        state.selected.fill_(float("nan"))
        original(state, iteration)
        seen.append(state)

    monkeypatch.setattr(FitState, "roll_back", spy)
    snapshots = fit(failing(problem, {130}), tiny_config(200), interval=0)
    snapshot = next(snapshot for snapshot in snapshots if seen)
    (state,) = seen
    assert all(bool(torch.isfinite(p).all()) for p in state.network.parameters())
    moments = [moment for part in state.optimiser.parts for moment in part.moments]
    assert all(bool(torch.isfinite(m).all()) for m in moments)
    assert bool(torch.isfinite(state.average.value).all())
    assert bool(torch.isfinite(state.selected).all())
    assert snapshot.iteration == 131
    assert state.selected_iteration == state.rule.selected
    assert state.optimiser.rates == pytest.approx([0.005])


def test_rollback_restores_the_width_of_a_refined_psf(monkeypatch):
    problem, _ = problem_of(noisy_waves())
    seen = []
    original = FitState.roll_back

    def spy(state, iteration):
        (width,) = state.extra_parameters
        width.data.fill_(float("nan"))
        original(state, iteration)
        seen.append(float(width.detach()))

    monkeypatch.setattr(FitState, "roll_back", spy)
    blurred = replace(problem, operator=GaussianBlur((1.0, 0.0), "YX"))
    outcome = finish(fit(failing(blurred, {130}), tiny_config(140, stop="none")))
    assert outcome.rollbacks == 1
    assert seen[0] == pytest.approx(0.0, abs=0.2)
    assert outcome.findings["psf_sigma_y"] == pytest.approx(1.0, abs=0.2)


@pytest.mark.parametrize("latent", LATENTS)
def test_optimises_the_latent_together_with_the_network(latent, monkeypatch):
    built = []
    original = fit_module.build_latent
    monkeypatch.setattr(
        fit_module, "build_latent", lambda *args: built.append(original(*args)) or built[-1]
    )
    guide = waves() if latent == "guide" else None
    config = tiny_config(20, latent=latent)
    for optimise in (False, True):
        changes = {"optimise_latent": optimise, "latent_noise": 0.0}
        settings = config.fit.model_copy(update=changes)
        run(noisy_waves(), config.model_copy(update={"fit": settings}), guide)
    fixed, optimised = (latent.draw().latent.detach() for latent in built)
    moved = (optimised - fixed).abs().mean()
    assert 0 < float(moved) < 20 * settings.learning_rate


def test_raises_diverged_error_if_the_loss_is_never_finite():
    problem, _ = problem_of(noisy_waves())
    with pytest.raises(DivergedError, match="^Got a loss .*expected"):
        finish(fit(failing(problem, set(range(1000))), tiny_config(50)))


def test_biharmonic_filling_starts_from_the_smoothest_surface_and_improves_it():
    values = waves()
    values[::2] += 8.0  # a smooth surface cannot follow these lines
    missing = np.random.default_rng(0).random(values.shape) < 0.5
    problem, scaling = problem_of(values, ~missing)
    changes = {"filling": "biharmonic", "reveal_every": 3}
    settings = tiny_config(150).fit.model_copy(update=changes)

    def error(iterations):
        config = tiny_config(stop="none", fit=settings, max_iterations=iterations)
        outcome = finish(fit(problem, config))
        estimate = scaling.unscale(outcome.estimate)[0]
        return rmse(estimate[missing], values[missing])

    first, later = error(1), error(150)
    assert first < 8
    assert later < 0.8 * first


def test_stops_early_at_a_texture_without_noise():
    rng = np.random.default_rng(0)
    texture = 100 + 50 * ndimage.gaussian_laplace(rng.normal(size=(96, 96)), 0.9)
    config = tiny_config(600)
    guarded = config.fit.model_copy(update={"residual_guard": True})
    outcome, estimate = run(texture, config.model_copy(update={"fit": guarded}))
    assert outcome.stop_reason is StopReason.NO_NOISE
    assert outcome.iterations == 50
    assert outcome.findings["returned_area"] > 0.95
    assert rmse(estimate, texture) < 0.02 * texture.std()
