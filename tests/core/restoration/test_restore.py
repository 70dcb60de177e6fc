from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_dip import restore
from napari_dip.api import finish
from napari_dip.config import DipConfig
from napari_dip.core.fitting.solvers import SOLVERS
from napari_dip.core.hardware.device import find_runtime
from napari_dip.core.image.image import Image
from napari_dip.core.tasks import Inpaint
from napari_dip.errors import DeviceError, InputError, MemoryExhaustedError
from tests.tiny import noisy_waves, tiny_config, waves


def restored(image, config=None, **options):
    return finish(restore(image, config=config or tiny_config(), **options))


@pytest.mark.parametrize(
    ("shape", "axes", "blocks"),
    [
        ((16, 20), "YX", 1),
        ((3, 16, 20), "ZYX", 3),
        ((2, 16, 20), "CYX", 2),
        ((2, 3, 2, 16, 20), "TZCYX", 12),
        ((16, 20, 3), "YXS", 1),
        ((16, 20, 4), "YXS", 1),
        ((1, 20), "YX", 1),
        ((3, 3), "YX", 1),
        ((1, 1, 17, 31), "TZYX", 1),
    ],
)
def test_restores_every_plane_and_keeps_the_axes(shape, axes, blocks):
    values = np.random.default_rng(0).integers(100, 4000, shape).astype(np.uint16)
    image = Image(values, axes, {"Y": 0.2, "X": 0.2}, {"Y": "micrometer", "X": "micrometer"})
    result = restored(image, tiny_config(2))
    assert result.image.shape == shape
    assert (result.image.axes, result.image.voxel_size) == (axes, image.voxel_size)
    assert result.image.data.dtype == np.float32
    assert len(result.report.blocks) == blocks
    colour = np.s_[..., :3] if axes.endswith("S") else np.s_[...]
    assert (result.image.data[colour] != values[colour]).mean() > 0.9
    if shape[-1] == 4:
        np.testing.assert_array_equal(result.image.data[..., 3], values[..., 3])


@pytest.mark.parametrize("channels", ["joint", "separate"])
def test_restores_each_channel_on_its_own_scale(channels):
    dim, bright = noisy_waves(), 100 * noisy_waves() + 5000
    result = restored(Image(np.stack([dim, bright]), "CYX"), tiny_config(150, channels=channels))
    for channel, truth in zip(result.image.data, (waves(), 100 * waves() + 5000), strict=True):
        assert np.corrcoef(channel.ravel(), truth.ravel())[0, 1] > 0.95
    assert len(result.report.noise_by_channel) == 2


@pytest.mark.parametrize(
    "dtype",
    ["bool", "uint8", "int8", "uint16", "int32", "int64", "uint64", "float16", "float64", ">u2"],
)
def test_any_dtype_comes_back_as_float32_on_its_scale(dtype):
    values = noisy_waves((24, 24)) / 2 > 50 if dtype == "bool" else noisy_waves((24, 24)) / 2
    values = values.astype(dtype)
    result = restored(values, tiny_config(30))
    assert result.image.data.dtype == np.float32
    low, high = float(values.min()), float(values.max())
    margin = 0.5 * (high - low)
    assert low - margin < result.image.data.mean() < high + margin


@pytest.mark.parametrize(
    "view",
    [
        lambda a: a[::-1, ::-1],
        np.asfortranarray,
        lambda a: a[::2, ::3],
        lambda a: np.broadcast_to(a, a.shape),
    ],
    ids=["negative strides", "fortran", "strided", "read-only"],
)
def test_memory_layout_does_not_change_the_result(view):
    values = view(noisy_waves((32, 33)))
    np.testing.assert_array_equal(
        restored(values).image.data, restored(np.ascontiguousarray(values)).image.data
    )


@pytest.mark.parametrize("shape", [(1, 2), (1, 9), (3, 3), (5, 4)])
@pytest.mark.parametrize("seed", range(3))
def test_tiny_image_is_fitted_without_rollback(shape, seed):
    values = np.random.default_rng(seed).normal(0, 1, shape)
    result = restored(values, tiny_config(60, seed=seed))
    assert np.isfinite(result.image.data).all()
    assert result.report.blocks[0].rollbacks == 0


def test_does_not_change_the_input():
    values = noisy_waves((16, 16))
    values[0, 0] = np.nan
    before = values.copy()
    restored(values)
    np.testing.assert_array_equal(values, before)


def test_fills_and_counts_missing_pixels():
    values = noisy_waves()
    values[5:9, 5:9] = np.nan
    values[0, :2] = np.inf
    result = restored(values, tiny_config(150))
    assert np.isfinite(result.image.data).all()
    assert result.report.input.invalid_pixels == 18
    assert np.abs(result.image.data[5:9, 5:9] - waves()[5:9, 5:9]).mean() < 30


@pytest.mark.parametrize("value", [0, 7, 65535])
def test_constant_image_comes_back_unchanged(value):
    result = restored(np.full((2, 9, 9), value, np.uint16))
    assert (result.image.data == value).all()
    assert result.report.stop_reason == "constant_image"
    assert result.report.blocks_left == 0


def test_fills_holes_of_a_constant_image():
    values = np.full((9, 9), 4.0)
    values[2, 2] = np.nan
    assert (restored(values).image.data == 4).all()


SQUARE = np.zeros((64, 64))
SQUARE[20:40, 20:40] = 1


@pytest.mark.parametrize("image", [SQUARE, SQUARE > 0, (500 * SQUARE).astype(np.uint16)])
@pytest.mark.parametrize("noise", ["auto", "poisson-gaussian"])
def test_does_not_diverge_on_a_drawing_without_noise(image, noise):
    result = restored(image, tiny_config(150, noise=noise))
    assert np.corrcoef(result.image.data.ravel(), SQUARE.ravel())[0, 1] > 0.9


def test_missing_plane_stays_missing_and_others_are_restored():
    empty = np.full((32, 32), np.nan)
    stack = np.stack([noisy_waves((32, 32)), empty, noisy_waves((32, 32))])
    result = restored(Image(stack, "ZYX"))
    assert np.isnan(result.image.data[1]).all()
    assert np.isfinite(result.image.data[[0, 2]]).all()
    assert [block.index for block in result.report.blocks] == [0, 2]
    assert result.report.blocks_left == 0


@pytest.mark.parametrize("order", [[0, 1], [1, 0]], ids=["first", "last"])
def test_constant_channel_does_not_disturb_jointly_fitted_ones(order):
    channels = np.stack([np.full((64, 64), 7.0), noisy_waves()])[order]
    result = restored(Image(channels, "CYX"), tiny_config(200, channels="joint"))
    constant, waved = result.image.data[order]
    assert (constant == 7).all()
    assert np.mean((waved - waves()) ** 2) < 0.3 * np.mean((noisy_waves() - waves()) ** 2)


def test_rejects_an_image_without_a_finite_pixel():
    with pytest.raises(InputError, match="no finite pixel"):
        restored(np.full((4, 4), np.nan))


def test_each_block_has_its_own_repeatable_seed():
    stack = np.stack([noisy_waves((16, 16)), noisy_waves((16, 16)) + 1, noisy_waves((16, 16))])
    first = restored(Image(stack, "ZYX")).image.data
    again = restored(Image(stack, "ZYX")).image.data
    np.testing.assert_array_equal(first, again)
    # The planes are equal, but each block has its own seed.
    assert not np.array_equal(first[0], first[2])


def test_reference_adds_quality_to_the_report_and_changes_no_pixel():
    config = tiny_config(100)
    plain = restored(noisy_waves(), config)
    compared = restored(noisy_waves(), config, reference=waves())
    np.testing.assert_array_equal(plain.image.data, compared.image.data)
    report = compared.report
    error = np.mean((compared.image.data - waves()) ** 2)
    assert report.psnr == pytest.approx(10 * np.log10(np.ptp(waves()) ** 2 / error), abs=0.01)
    assert report.best_psnr >= report.psnr
    assert 1 <= report.best_iteration <= 100
    assert "psnr" not in plain.report.as_json()


def test_rejects_a_reference_of_another_shape():
    with pytest.raises(InputError, match="same shape"):
        restored(noisy_waves(), reference=waves((8, 8)))


def test_stop_keeps_finished_blocks_and_the_observation_elsewhere():
    stack = np.stack([noisy_waves((16, 16))] * 3)
    stops = []
    steps = restore(Image(stack, "ZYX"), config=tiny_config(50), stop_requested=lambda: bool(stops))

    def stop_in_second_block(progress):
        if progress.block == 1:
            stops.append(True)

    result = finish(steps, stop_in_second_block)
    assert result.report.stop_reason == "stop_requested"
    assert result.report.blocks_left == 1
    assert [block.iterations for block in result.report.blocks] == [50, 1]
    np.testing.assert_array_equal(result.image.data[2], stack[2].astype(np.float32))
    assert not np.array_equal(result.image.data[1], stack[1].astype(np.float32))


def test_time_limit_is_shared_among_planes():
    stack = np.stack([noisy_waves((16, 16))] * 3)
    result = restored(Image(stack, "ZYX"), tiny_config(100_000, time_limit=0.6, stop="none"))
    assert {block.stop_reason for block in result.report.blocks} == {"time_limit"}
    assert len(result.report.blocks) == 3


def test_interrupted_runs_have_no_deviation():
    result = finish(
        restore(noisy_waves((16, 16)), config=tiny_config(20, runs=3), stop_requested=lambda: True)
    )
    assert result.run_std is None


def test_averages_runs_and_keeps_their_deviation():
    result = restored(noisy_waves((16, 16)), tiny_config(20, runs=3))
    assert result.run_std.shape == (16, 16)
    assert result.run_std.mean() > 0
    assert result.report.iterations == 60
    assert restored(noisy_waves((16, 16))).run_std is None


def test_posterior_std_is_on_the_scale_of_the_image():
    values = noisy_waves((16, 16))
    small, larger = (
        restored(factor * values, tiny_config(20, posterior_samples=10)) for factor in (1, 100)
    )
    assert small.posterior_std.shape == (16, 16)
    assert small.posterior_std.min() > 0
    np.testing.assert_allclose(larger.posterior_std, 100 * small.posterior_std, rtol=0.05)
    assert small.uncertainty[0] == "posterior_std"
    assert small.report.diagnostics["posterior_scale"] >= 0.5
    assert restored(values).uncertainty is None


def test_kept_pixels_have_no_deviation():
    missing = np.zeros((16, 16), bool)
    missing[4:9, 4:9] = True
    config = tiny_config(5, posterior_samples=5)
    result = finish(restore(noisy_waves((16, 16)), Inpaint(missing), config))
    np.testing.assert_array_equal(result.posterior_std > 0, missing)


def test_progress_covers_each_block_up_to_its_last_iteration():
    stack = np.stack([noisy_waves((16, 16))] * 2)
    seen = []
    finish(restore(Image(stack, "ZYX"), config=tiny_config(5)), seen.append)
    assert [s.block for s in seen] == sorted(s.block for s in seen)
    assert {s.block for s in seen} == {0, 1}
    last = seen[-1]
    assert (last.iteration, last.max_iterations, last.blocks) == (5, 5, 2)
    assert last.estimate.shape == (16, 16)
    assert last.seconds_left == pytest.approx(0.0)


def test_report_is_complete_json():
    result = restored(noisy_waves((16, 16)).astype(np.float32), tiny_config(3))
    report = json.loads(json.dumps(result.report.as_json()))
    assert report["schema"] == 1
    assert report["input"]["shape"] == [16, 16]
    assert report["config"]["fit"]["max_iterations"] == 3
    assert report["blocks"][0]["iterations"] == 3
    assert report["parameters"] > 0
    assert report["peak_memory_bytes"] > 1e7
    assert {"napari_dip", "torch", "python"} <= set(report["versions"])
    assert report["noise"]["sigma"] > 0
    assert report["diagnostics"]["residual_whiteness"] > 1


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), MemoryExhaustedError),
        (MemoryError(), MemoryExhaustedError),
        (RuntimeError("cuDNN error: EXECUTION_FAILED"), DeviceError),
        (RuntimeError("upsample does not have a deterministic implementation"), DeviceError),
    ],
)
def test_errors_of_torch_become_device_errors(monkeypatch, raised, expected):
    def failing(*args, **options):
        raise raised
        yield

    monkeypatch.setitem(SOLVERS, "fit", failing)
    with pytest.raises(expected, match="^Got") as caught:
        restored(noisy_waves((16, 16)))
    assert not isinstance(caught.value, RuntimeError)


def test_error_lists_the_devices_of_the_machine():
    with pytest.raises(DeviceError, match="cuda:99.*cpu"):
        restored(noisy_waves((16, 16)), tiny_config(device="cuda:99"))


def test_uses_deterministic_algorithms_only_on_demand():
    used = []
    for deterministic in (True, False):
        config = tiny_config(2, deterministic=deterministic)
        for _ in restore(noisy_waves((16, 16)), config=config):
            used.append(torch.are_deterministic_algorithms_enabled())
        assert not torch.are_deterministic_algorithms_enabled()
    assert set(used[: len(used) // 2]) == {True}
    assert set(used[len(used) // 2 :]) == {False}


def test_report_has_the_chosen_precision_and_threads():
    chosen = (find_runtime("cpu").precision, 1)
    for deterministic in (False, True):
        config = tiny_config(2, precision="auto", deterministic=deterministic)
        report = restored(noisy_waves((16, 16)), config).report
        assert (report.precision, report.threads) == chosen
        settings = report.config.precision, report.config.threads
        assert settings == (chosen if deterministic else ("auto", None))


def test_restores_threads_and_denormals():
    before = torch.get_num_threads()
    restored(noisy_waves((16, 16)), tiny_config(threads=1))
    assert torch.get_num_threads() == before
    assert float(torch.tensor(1e-40) * 1) > 0


def test_discrepancy_stops_at_the_known_noise_level():
    config = tiny_config(2000, "noise", stop="discrepancy", noise="gaussian", sigma_noise=20.0)
    result = finish(restore(noisy_waves(), config=config))
    assert result.report.stop_reason == "discrepancy"
    residual = noisy_waves() - result.image.data
    assert float(residual.std()) == pytest.approx(20, rel=0.1)


def test_laplace_noise_model_ignores_impulses():
    picture = waves()
    hit = np.random.default_rng(0).random(picture.shape) < 0.15
    recorded = np.where(hit, 400.0, picture)
    errors = {}
    for noise in ("gaussian", "laplace"):
        result = finish(restore(recorded, config=tiny_config(400, noise=noise)))
        errors[noise] = float(np.sqrt(np.mean((result.image.data - picture) ** 2)))
    assert errors["laplace"] < 0.5 * errors["gaussian"]


def test_warns_of_correlated_noise():
    smooth = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(64, 64)), 1)
    report = finish(restore(waves() + 150 * smooth, config=tiny_config(30))).report
    (warning,) = report.warnings
    assert "correlated" in warning
    assert report.noise.correlation > 0.3
    white = finish(restore(noisy_waves(), config=tiny_config(200))).report
    assert white.warnings == ()


def test_correlated_noise_changes_automatic_rule_and_latent():
    grain = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(64, 64)), 1)
    noisy = waves() + 25 * grain / grain.std()
    automatic = restored(noisy, tiny_config(3)).report.config
    assert (automatic.stop, automatic.fit.latent) == ("sure", "noise")
    chosen = restored(noisy, tiny_config(3, stop="heldout")).report.config
    assert (chosen.stop, chosen.fit.latent) == ("heldout", "observation")


def salted_waves():
    """Return waves with little noise and a tenth of the pixels white, and the random numbers."""
    draw = np.random.default_rng(0).random((64, 64))
    return np.where(draw < 0.1, 250.0, noisy_waves(sigma=2.0)), draw


def test_salt_and_pepper_count_as_missing():
    recorded, _ = salted_waves()
    automatic = restored(recorded, tiny_config(200))
    errors = [
        float(np.sqrt(np.mean((result.image.data - waves()) ** 2)))
        for result in (automatic, restored(recorded, tiny_config(200, noise="gaussian")))
    ]
    assert errors[0] < 0.5 * errors[1]
    assert automatic.report.noise.impulses == pytest.approx(0.1, rel=0.1)
    assert automatic.report.input.invalid_pixels == 0


def test_searches_impulses_only_in_noisy_tasks():
    recorded, draw = salted_waves()
    report = finish(restore(recorded, Inpaint(draw > 0.9), tiny_config(2))).report
    assert report.noise.impulses == 0


def test_reports_the_agreement_of_two_rules():
    alike = restored(noisy_waves(), tiny_config(300)).report.diagnostics["stopping_agreement"]
    assert 0.8 < alike <= 1
    early = tiny_config(20).complete()
    assert restored(noisy_waves(), early).report.diagnostics["stopping_agreement"] is None


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(tiny_config(3), id="planes"),
        pytest.param(tiny_config(3, tile=24, overlap=8), id="tiles"),
        pytest.param(tiny_config(3, runs=2), id="runs"),
        pytest.param(tiny_config(3, warm_start="on"), id="warm starts"),
        pytest.param(DipConfig(preset="fast", device="cpu", max_iterations=0), id="neighbours"),
    ],
)
def test_result_does_not_depend_on_the_plane_that_comes_first(config):
    values = np.stack([noisy_waves((32, 40), sigma) for sigma in range(5, 5 + 4)])
    values[3] = 7.0  # a blank plane needs no fit
    first = restored(Image(values, "ZYX"), config)
    other = restored(Image(values, "ZYX"), config, start_at={"Z": 2})
    np.testing.assert_array_equal(first.image.data, other.image.data)
    assert first.report.constant == other.report.constant
    assert [record.index for record in first.report.blocks] == [
        record.index for record in other.report.blocks
    ]
    assert first.report.stop_reason == other.report.stop_reason


def test_plane_that_is_asked_for_is_restored_first():
    image = Image(np.stack([noisy_waves((32, 40), sigma) for sigma in range(5, 5 + 4)]), "ZYX")
    steps = restore(image, config=tiny_config(2), start_at={"Z": 2})
    assert list(dict.fromkeys(progress.selection[0] for progress in steps)) == [2, 1, 3, 0]


def test_time_left_counts_the_planes_that_are_still_to_come():
    image = Image(np.stack([noisy_waves((32, 40), sigma) for sigma in range(5, 5 + 3)]), "ZYX")
    left = [
        step.iterations_left for step in restore(image, config=tiny_config(2), start_at={"Z": 2})
    ]
    assert left[0] <= 5
    assert left[-1] == 0
    assert left == sorted(left, reverse=True)


def test_request_to_stop_is_the_reason_also_if_another_plane_came_first():
    image = Image(np.stack([noisy_waves((32, 40), sigma) for sigma in range(5, 5 + 3)]), "ZYX")
    calls = []

    def stop_requested():
        calls.append(1)
        return len(calls) > 60  # during the fit of the second plane

    result = restored(image, tiny_config(50), start_at={"Z": 1}, stop_requested=stop_requested)
    assert [record.index for record in result.report.blocks] == [0, 1]
    assert result.report.stop_reason == "stop_requested"


@pytest.mark.parametrize("channels", [(0,), (0, 2)], ids=["one", "two"])
def test_blank_channels_of_a_colour_image_do_not_hide_the_others(channels):
    truth = np.zeros((64, 64, 3))
    truth[..., channels] = np.where(np.hypot(*np.mgrid[-32:32, -32:32]) < 20, 200.0, 80.0)[
        ..., None
    ]
    noisy = 8.0 * np.random.default_rng(0).poisson(truth / 8)
    result = finish(restore(Image(noisy, "YXS"), config=DipConfig(max_iterations=0, device="cpu")))
    restored = np.asarray(result.image.data)
    blank = [channel for channel in range(3) if channel not in channels]
    np.testing.assert_array_equal(restored[..., blank], 0)
    errors = [np.mean((picture - truth) ** 2) for picture in (noisy, restored)]
    assert errors[1] < 0.2 * errors[0]


def test_black_region_of_one_channel_does_not_hide_the_others():
    truth = np.full((64, 64, 3), 120.0)
    truth[:, :32] = (220.0, 180.0, 0.0)
    noisy = 8.0 * np.random.default_rng(0).poisson(truth / 8)
    result = finish(restore(Image(noisy, "YXS"), config=DipConfig(max_iterations=0, device="cpu")))
    error = np.asarray(result.image.data)[:, :32] - truth[:, :32]
    assert np.sqrt(np.mean(error**2)) < 8
