from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_dip.config import LEARNED_GREY, NEIGHBOURS, DipConfig, preset_of
from napari_dip.core.image.image import as_image
from napari_dip.core.restoration import plan as plan_module
from napari_dip.core.restoration.plan import resolve
from napari_dip.core.restoration.restore import restore
from napari_dip.core.tasks import Denoise, Inpaint, ReconstructKSpace
from napari_dip.errors import UsageError
from tests.tiny import noisy_waves, tiny_config, waves


def planned(image, task=None, config=None, axes=None):
    return resolve(as_image(image, axes), task or Denoise(), config or tiny_config())


def correlated():
    grain = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(64, 64)), 1)
    return waves() + 25 * grain / grain.std()


def test_a_plan_is_complete_frozen_and_leaves_its_arguments_alone():
    image, config = as_image(noisy_waves()), DipConfig(device="cpu", preset="fast")
    before = config.model_copy()
    plan = resolve(image, Denoise(), config)
    assert config == before
    assert plan.config.fit == LEARNED_GREY["fast"]
    assert plan.config.max_iterations == LEARNED_GREY["fast"].max_iterations
    assert plan.config.warm_start == "off"
    assert (plan.runtime.device, plan.threads) == (torch.device("cpu"), 1)
    assert len(plan.blocks) == len(plan.channels) == 1
    with pytest.raises(FrozenInstanceError):
        plan.config = config


def test_random_start_has_the_settings_of_the_preset_and_warm_starts():
    plan = planned(noisy_waves(), config=DipConfig(device="cpu", preset="fast", start="random"))
    assert plan.config.fit == preset_of("fast", "denoise")
    assert plan.config.max_iterations == 400
    assert plan.config.warm_start == "on"


def test_coarse_noise_gets_the_first_answer_of_the_learned_start():
    config = planned(correlated(), config=DipConfig(device="cpu")).config
    assert (config.stop, config.fit.latent) == ("none", "recorrupted")
    assert config.max_iterations == config.fit.max_iterations == 0


@pytest.mark.parametrize(
    ("axes", "choices", "expected"),
    [
        ("ZYX", {}, NEIGHBOURS),
        ("TYX", {}, NEIGHBOURS),
        ("CYX", {}, 0),
        ("ZYX", {"neighbours": False}, 0),
        ("ZYX", {"start": "random"}, 0),
    ],
)
def test_planes_with_a_learned_start_see_their_neighbours(axes, choices, expected):
    stack = np.stack([noisy_waves()] * 3)
    config = DipConfig(device="cpu", **choices)
    assert planned(stack, config=config, axes=axes).config.fit.neighbours == expected


@pytest.mark.parametrize("task", [Denoise(), Inpaint(waves() > 120)])
def test_rejects_no_iterations_from_random_weights(task):
    config = DipConfig(device="cpu", max_iterations=0, start="random")
    with pytest.raises(UsageError, match="Got 0 iterations"):
        planned(noisy_waves(), task, config)


def test_chooses_sure_and_a_noise_latent_for_correlated_noise_only_if_automatic():
    automatic = planned(correlated()).config
    assert (automatic.stop, automatic.fit.latent) == ("sure", "noise")
    for choices in ({"stop": "variance"}, {"latent": "meshgrid"}):
        config = planned(correlated(), config=tiny_config(**choices)).config
        assert config.stop == choices.get("stop", "auto")
        assert config.fit.latent == choices.get("latent", "observation")
    white = planned(noisy_waves()).config
    assert (white.stop, white.fit.latent) == ("auto", "observation")


def with_nan_hole():
    picture = noisy_waves()
    picture[10:50, 10:50] = np.nan
    return picture


@pytest.mark.parametrize("complete", [False, True])
def test_a_large_hole_of_nan_is_fitted_and_not_filled_by_the_denoiser(complete):
    config = DipConfig(device="cpu", preset="fast")
    config = config.complete(Inpaint().preset) if complete else config
    plan = planned(with_nan_hole(), Inpaint(), config)
    assert plan.config.fit == preset_of("fast", "inpaint-holes")
    assert plan.config.max_iterations == plan.config.fit.max_iterations


@pytest.mark.parametrize("complete", [False, True])
def test_chosen_settings_stay_with_a_large_hole(complete):
    chosen = preset_of("fast", "inpaint").model_copy(update={"learning_rate": 0.02})
    for choices in ({"fit": chosen}, {"max_iterations": 7, "preset": "fast"}):
        config = DipConfig.model_validate({"device": "cpu", "start": "random", **choices})
        config = config.complete(Inpaint().preset) if complete else config
        plan = planned(with_nan_hole(), Inpaint(), config)
        assert plan.config.max_iterations == choices.get("max_iterations", chosen.max_iterations)
        assert "fit" not in choices or plan.config.fit == chosen


def test_many_pixels_of_nan_that_are_restored_are_filled_by_plug_and_play():
    picture = noisy_waves()
    picture[np.random.default_rng(0).random(picture.shape) < 0.5] = np.nan
    for known in ("keep", "restore"):
        fit = planned(picture, Inpaint(known=known), DipConfig(device="cpu")).config.fit
        assert fit.solver == "plug-and-play"


def test_fits_channels_jointly_if_the_task_needs_it():
    coils = np.stack([noisy_waves()] * 2) + 1j * 0
    task = ReconstructKSpace(np.ones(64, bool))
    plan = planned(np.abs(coils), task, axes="CYX")
    assert (plan.config.channels == "joint") is task.joint


@pytest.mark.parametrize("deterministic", [False, True])
def test_writes_out_precision_and_threads_for_deterministic_runs_only(deterministic):
    plan = planned(noisy_waves(), config=tiny_config(deterministic=deterministic, precision="auto"))
    chosen = (plan.runtime.precision, plan.threads)
    found = (plan.config.precision, plan.config.threads)
    assert found == (chosen if deterministic else ("auto", None))


def test_writes_out_the_tile_size_that_the_memory_demands(monkeypatch):
    monkeypatch.setattr(plan_module, "free_memory", lambda device: 0)
    plan = planned(np.zeros((256, 256)) + noisy_waves((256, 256)))
    assert plan.tiling.side == plan.config.tile == plan.possible_tiling.side < 256
    assert len(plan.blocks) > 1


def test_searches_blocks_for_impulses_only_if_the_channels_are_not_known_to_be_clean():
    assert not planned(noisy_waves()).searches_impulses  # all of it was searched
    salted = noisy_waves(sigma=2.0)
    salted[np.random.default_rng(0).random(salted.shape) < 0.1] = 250
    assert planned(salted).searches_impulses
    assert not planned(salted, Inpaint(waves() > 120)).searches_impulses


def test_returns_noiseless_images_only_where_the_residual_guard_is_on():
    guarded = tiny_config()
    fit = guarded.fit.model_copy(update={"residual_guard": True})
    guarded = guarded.model_copy(update={"fit": fit})
    assert planned(noisy_waves(), config=guarded).returns_noiseless
    assert not planned(noisy_waves()).returns_noiseless
    assert not planned(noisy_waves(), Inpaint(waves() > 120), guarded).returns_noiseless


@pytest.mark.parametrize("channels", [None, "joint"])
def test_samples_of_rgb_with_coarse_noise_are_restored_one_by_one_unless_joint(channels):
    rgb = np.stack([correlated(), correlated()[::-1], correlated()[:, ::-1]], axis=-1)
    config = planned(rgb, config=DipConfig(device="cpu", channels=channels), axes="YXS").config
    assert config.channels == (channels or "separate")
    assert (config.fit.latent == "recorrupted") is (channels is None)


@pytest.mark.parametrize(("start", "first"), [("learned", "learned"), ("random", "variation")])
def test_k_space_gets_the_learned_start_of_the_preset(start, first):
    mask = np.random.default_rng(0).random((64, 64)) < 0.5
    mask[32, 32] = True
    config = DipConfig(start=start, device="cpu", warm_start="on")
    plan = planned(noisy_waves((64, 64)), ReconstructKSpace(mask), config)
    assert plan.config.fit.kspace_start == first
    # A result without a fit has no weights for its neighbour.
    assert plan.config.warm_start == ("off" if first == "learned" else "on")


def test_a_start_that_needs_no_fit_leaves_no_iterations():
    mask = np.hypot(*np.mgrid[-32:32, -32:32]) < 20
    mask[::2] = True
    task, config = ReconstructKSpace(mask), DipConfig(device="cpu", preset="fast")
    image = task.observe(as_image(waves((64, 64)), "YX"))
    *_, last = restore(image, task, config)
    assert (last.iteration, last.iterations_left, last.seconds_left) == (0, 0, 0)


def striped():
    return noisy_waves((192, 96), 3.0) + np.random.default_rng(4).normal(0, 10, (192, 1))


def test_stripes_are_subtracted_before_the_noise_is_measured():
    plan = planned(striped())
    record = plan.channels[0].record
    assert record.stripes is not None
    assert record.stripes.direction == "rows"
    assert record.sigma == pytest.approx(3, rel=0.3)
    assert np.asarray(plan.observation.data).std() < striped().std()
    assert planned(striped(), config=tiny_config(stripes="none")).channels[0].record.stripes is None


def test_a_task_without_noise_refuses_stripes_and_searches_none():
    mask = np.eye(192, 96)
    assert planned(striped(), Inpaint(mask)).channels[0].record.stripes is None
    with pytest.raises(UsageError, match=r"expected auto or none"):
        planned(striped(), Inpaint(mask), tiny_config(stripes="rows"))
