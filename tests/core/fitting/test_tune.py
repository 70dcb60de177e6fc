from __future__ import annotations

import sys
from itertools import count

import numpy as np
import pytest

from napari_dip.api import finish
from napari_dip.core.fitting import tune as tune_module
from napari_dip.core.image.image import Image
from napari_dip.core.operators.kspace import KSpace
from napari_dip.core.restoration.restore import restore
from napari_dip.core.tasks import (
    Deconvolve,
    Denoise,
    Guided,
    Inpaint,
    ReconstructKSpace,
    SuperResolve,
)
from napari_dip.errors import UsageError
from tests.tiny import noisy_waves, tiny_config, waves

try:
    import optuna  # noqa: F401
except ImportError:
    pytestmark = pytest.mark.skip("needs the extra tune")

LONG = 1e6  # seconds; five trials end before


@pytest.fixture
def five_trials(monkeypatch):
    """End the tuning after five trials."""
    original, made = tune_module._heldout_error, []

    def count(problem, *args):
        if len(made) == 5:
            return None
        made.append((problem, original(problem, *args)))
        return made[-1][1]

    monkeypatch.setattr(tune_module, "_heldout_error", count)
    return made


def report_of(image, task=None, **choices):
    return finish(restore(image, task, tiny_config(6, tune=LONG, **choices))).report


def test_run_uses_the_configuration_of_the_best_trial(five_trials):
    report = report_of(noisy_waves())
    trials = report.diagnostics["trials"]
    assert len(trials) == 5
    assert trials[0] == {"width": 1.0, "learning_rate": 1.0, "heldout_error": five_trials[0][1]}
    best = min(trials, key=lambda trial: trial["heldout_error"])
    given = tiny_config().fit
    assert report.config.fit.learning_rate == best["learning_rate"] * given.learning_rate
    assert report.config.fit.network.channels[0] == best["width"] * given.network.channels[0]
    assert report.config.tune is None  # a repeated run uses the choice
    assert report.iterations == 6
    assert report.config.stop == "auto"


def test_seed_determines_the_trials(five_trials):
    found = []
    for seed in (0, 0, 1):
        found.append(report_of(noisy_waves((40, 40)), seed=seed).diagnostics["trials"])
        five_trials.clear()
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize(
    ("task", "observed"),
    [
        pytest.param(Denoise(), (16, 16), id="denoise"),
        pytest.param(Inpaint(np.eye(64)), (16, 16), id="inpaint"),
        pytest.param(SuperResolve(2), (16, 16), id="super-resolve"),
        pytest.param(Deconvolve(sigma=1.0), (16, 16), id="deconvolve"),
        pytest.param(Guided(waves()), (16, 16), id="guided"),
        pytest.param(ReconstructKSpace(np.arange(64) % 2 == 0), (64, 64), id="fourier"),
    ],
)
def test_trials_fit_the_middle_of_a_block(five_trials, monkeypatch, task, observed):
    monkeypatch.setattr(tune_module, "_CROP", 16)
    # A crop of so few pixels needs a larger held-out share.
    config = tiny_config(6, tune=LONG)
    stopping = config.fit.stopping.model_copy(update={"heldout_fraction": 0.3})
    fitting = config.fit.model_copy(update={"stopping": stopping})
    stack = Image(np.stack([noisy_waves(), noisy_waves() + 1]), "ZYX")
    config = config.model_copy(update={"fit": fitting})
    report = finish(restore(stack, task, config)).report
    assert len(report.diagnostics["trials"]) == 5
    problem = five_trials[0][0]
    assert problem.observation.shape[2:] == problem.valid.shape[2:] == observed


def test_leaves_half_of_the_time_limit_for_the_result(five_trials, monkeypatch):
    left = []
    count = tune_module._heldout_error
    monkeypatch.setattr(
        tune_module, "_heldout_error", lambda *args: left.append(args[3]) or count(*args)
    )
    report_of(noisy_waves(), time_limit=1000.0)
    assert 0 < max(left) <= 500


def test_ignores_an_unfinished_trial():
    report = finish(restore(noisy_waves(), None, tiny_config(6, tune=1e-6))).report
    assert "trials" not in report.diagnostics
    assert report.config.fit == tiny_config(6).fit


def test_keeps_the_preset_if_too_few_pixels_can_be_held_out():
    report = report_of(noisy_waves((16, 16)))
    assert "trials" not in report.diagnostics


def test_error_names_the_extra_that_installs_optuna(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(UsageError, match="napari-dip.tune."):
        report_of(noisy_waves())


@pytest.mark.parametrize("why", ["stop_requested", "time_limit"])
def test_stop_ends_a_kspace_trial_while_its_latent_is_built(monkeypatch, why):
    calls, polls = [], count()
    zero_filled = KSpace.zero_filled
    monkeypatch.setattr(KSpace, "zero_filled", lambda *args: calls.append(1) or zero_filled(*args))
    limit = 1e-6 if why == "time_limit" else None
    run = restore(
        waves(),
        ReconstructKSpace(np.arange(64) % 2 == 0),
        tiny_config(6, tune=LONG, time_limit=limit),
        stop_requested=lambda: why == "stop_requested" and next(polls) > 3,
    )
    report = finish(run).report
    assert report.stop_reason == why
    assert "trials" not in report.diagnostics
    assert len(calls) < 50  # one image takes 100
