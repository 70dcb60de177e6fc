"""Fit settings of a learned start: which restorations get them."""

from __future__ import annotations

from typing import get_args

import pytest

from napari_dip.config import (
    LEARNED,
    LEARNED_GREY,
    NEIGHBOURS,
    PRESETS,
    DipConfig,
    TaskName,
    for_correlated_noise,
    learned_fit,
    preset_of,
    suits_learned_kspace,
    suits_learned_start,
)


def complete(task="denoise", dims=2, **choices):
    return DipConfig.model_validate(choices).complete(task, dims)


def fit_of(config, **facts):
    usual = {"channels": 1, "coarse_noise": False, "neighbours": False}
    return learned_fit(config, **{**usual, **facts})


@pytest.mark.parametrize("preset", ["fast", "balanced"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("stop", ["auto", "heldout", "none"])
def test_denoising_of_planes_gets_the_learned_start(preset, channels, stop):
    config = complete(preset=preset, stop=stop)
    assert suits_learned_start(config, "denoise", channels)
    expected = LEARNED_GREY if channels == 1 else LEARNED
    assert fit_of(config, channels=channels) == expected[preset]


@pytest.mark.parametrize("presets", [LEARNED, LEARNED_GREY])
def test_fast_takes_fewer_iterations_than_balanced(presets):
    fast, balanced = (presets[name].max_iterations for name in ("fast", "balanced"))
    assert fast < balanced < PRESETS["fast"].max_iterations


def test_fast_gives_single_grey_planes_the_first_answer_corrected_by_similar_patches():
    fit = fit_of(complete(preset="fast"))
    assert fit.max_iterations == 0
    assert fit.collaborative_filter


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
def test_other_choices_get_no_learned_start(choices):
    assert not suits_learned_start(complete(**choices), "denoise", 1)


@pytest.mark.parametrize("channels", [2, 4])
def test_other_numbers_of_channels_get_no_learned_start(channels):
    assert not suits_learned_start(complete(), "denoise", channels)


@pytest.mark.parametrize("task", [task for task in get_args(TaskName) if task != "denoise"])
def test_other_tasks_get_no_learned_start(task):
    assert not suits_learned_start(complete(task), task, 1)


def test_coarse_noise_needs_weights_that_have_seen_it():
    fits = {n: suits_learned_start(complete(), "denoise", n, coarse_noise=True) for n in (1, 3)}
    assert fits == {1: True, 3: False}


def test_coarse_noise_gets_the_first_answer_because_no_pixel_can_judge_a_fit():
    assert fit_of(complete(), coarse_noise=True).max_iterations == 0


@pytest.mark.parametrize("neighbours", [False, True])
def test_planes_of_stacks_see_their_neighbours(neighbours):
    fit = fit_of(complete(), neighbours=neighbours)
    assert fit.neighbours == (NEIGHBOURS if neighbours else 0)
    expected = LEARNED if neighbours else LEARNED_GREY
    assert fit.model_copy(update={"neighbours": 0}) == expected["balanced"]


@pytest.mark.parametrize("preset", ["fast", "balanced"])
@pytest.mark.parametrize("limit", [0, 1, 7, 100])
def test_largest_number_of_iterations_of_the_user_is_kept(preset, limit):
    config = complete(preset=preset, max_iterations=limit)
    assert suits_learned_start(config, "denoise", 1)
    # The first answer is there at once: groups of similar patches would take several times as long.
    changes = {"max_iterations": limit, "collaborative_filter": limit > 0}
    assert fit_of(config) == LEARNED_GREY[preset].model_copy(update=changes)


@pytest.mark.parametrize("limit", [None, 7])
def test_configuration_of_a_report_gets_the_same_settings_again(limit):
    config = complete(max_iterations=limit)
    fit = fit_of(config)
    reported = config.model_copy(update={"fit": fit, "max_iterations": fit.max_iterations})
    read = DipConfig.model_validate_json(reported.model_dump_json()).complete()
    assert read.fit == fit
    assert not suits_learned_start(read, "denoise", 1)  # nothing is left to choose


@pytest.mark.parametrize("preset", ["fast", "balanced"])
@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("stop", ["auto", "heldout"])
def test_k_space_gets_the_learned_start(preset, dims, stop):
    config = complete("fourier", dims, preset=preset, stop=stop)
    assert suits_learned_kspace(config, "fourier")
    assert not suits_learned_kspace(config, "inpaint")


@pytest.mark.parametrize(
    "choices",
    [
        pytest.param({"start": "random"}, id="random start"),
        pytest.param({"preset": "paper"}, id="paper"),
        pytest.param({"stop": "none"}, id="nothing held out"),
        pytest.param({"noise": "laplace"}, id="impulses"),
        pytest.param({"posterior_samples": 20}, id="posterior samples"),
        pytest.param({"runs": 2}, id="runs"),
        pytest.param({"fit": PRESETS["fast"]}, id="fit settings"),
    ],
)
def test_other_choices_of_k_space_start_from_total_variation(choices):
    assert not suits_learned_kspace(complete("fourier", **choices), "fourier")
