"""Fit settings of a learned start: which restorations get them."""

from __future__ import annotations

from typing import get_args

import pytest

from napari_dip.config import (
    LEARNED,
    PRESETS,
    DipConfig,
    TaskName,
    for_correlated_noise,
    preset_of,
    with_learned_start,
)


def fit_of(task="denoise", channels=1, dims=2, **choices):
    config = DipConfig.model_validate(choices).complete(task, dims)
    return config.fit, with_learned_start(config, task, channels)


@pytest.mark.parametrize("preset", ["fast", "balanced"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("stop", ["auto", "heldout", "none"])
def test_denoising_of_planes_gets_the_learned_start(preset, channels, stop):
    config = DipConfig(preset=preset, stop=stop).complete()
    assert with_learned_start(config, "denoise", channels) == LEARNED[preset]


def test_fast_takes_fewer_iterations_than_balanced():
    fast, balanced = (LEARNED[name].max_iterations for name in ("fast", "balanced"))
    assert fast < balanced < PRESETS["fast"].max_iterations


@pytest.mark.parametrize(
    "choices",
    [
        pytest.param({"start": "random"}, id="random start"),
        pytest.param({"preset": "paper"}, id="paper"),
        pytest.param({"dims": 3}, id="volumes"),
        pytest.param({"stop": "variance"}, id="variance"),
        pytest.param({"stop": "sure"}, id="sure"),
        pytest.param({"stop": "discrepancy"}, id="discrepancy"),
        pytest.param({"noise": "laplace"}, id="impulses"),
        pytest.param({"posterior_samples": 20}, id="posterior samples"),
        pytest.param({"tune": 10.0}, id="tuning"),
        pytest.param({"fit": PRESETS["fast"]}, id="fit settings"),
        pytest.param(
            {"fit": preset_of("balanced", "denoise").model_copy(update={"learning_rate": 0.1})},
            id="one other fit setting",
        ),
        pytest.param(
            {"fit": for_correlated_noise(preset_of("balanced", "denoise"))}, id="correlated noise"
        ),
        pytest.param(
            {
                "fit": preset_of("balanced", "denoise").model_copy(
                    update={"network_weights": "own.safetensors"}
                )
            },
            id="weights of the user",
        ),
    ],
)
def test_other_choices_keep_their_fit_settings(choices):
    given, fit = fit_of(**choices)
    assert fit == given
    assert fit.latent != "recorrupted"


@pytest.mark.parametrize("channels", [2, 4])
def test_other_numbers_of_channels_keep_their_fit_settings(channels):
    config = DipConfig().complete()
    assert with_learned_start(config, "denoise", channels) == config.fit


@pytest.mark.parametrize("task", [task for task in get_args(TaskName) if task != "denoise"])
def test_other_tasks_keep_their_fit_settings(task):
    given, fit = fit_of(task)
    assert fit == given


@pytest.mark.parametrize("preset", ["fast", "balanced"])
@pytest.mark.parametrize("limit", [1, 7, 100])
def test_largest_number_of_iterations_of_the_user_is_kept(preset, limit):
    _, fit = fit_of(preset=preset, max_iterations=limit)
    assert fit == LEARNED[preset].model_copy(update={"max_iterations": limit})


@pytest.mark.parametrize("limit", [None, 7])
def test_configuration_of_a_report_gets_the_same_settings_again(limit):
    config = DipConfig(max_iterations=limit).complete()
    fit = with_learned_start(config, "denoise", 1)
    reported = config.model_copy(update={"fit": fit, "max_iterations": fit.max_iterations})
    read = DipConfig.model_validate_json(reported.model_dump_json()).complete()
    assert read.fit == fit
    assert with_learned_start(read, "denoise", 1) == fit
