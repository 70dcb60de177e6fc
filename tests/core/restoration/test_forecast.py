from __future__ import annotations

import numpy as np
import pytest

from napari_dip import forecast, restore
from napari_dip.api import finish
from napari_dip.core.restoration import forecast as forecast_module
from tests.tiny import noisy_waves, tiny_config


@pytest.fixture
def short(monkeypatch):
    """Let a forecast measure three iterations."""
    monkeypatch.setattr("napari_dip.core.restoration.run._PREVIEW_INTERVAL", 0.0)
    monkeypatch.setattr(forecast_module, "_SECONDS", 0.0)
    monkeypatch.setattr(forecast_module, "_ITERATIONS", 2)


@pytest.mark.parametrize(
    ("shape", "choices", "iterations", "blocks"),
    [
        ((32, 32), {}, 50, 1),
        ((32, 32), {"runs": 3}, 150, 1),
        ((4, 32, 32), {"warm_start": "off"}, 200, 4),
        ((32, 48), {"tile": 32, "overlap": 16}, 100, 2),
    ],
)
def test_counts_the_iterations_of_all_blocks_and_runs(short, shape, choices, iterations, blocks):
    image = np.broadcast_to(noisy_waves(shape[-2:]), shape)
    found = forecast(image, config=tiny_config(50, **choices))
    assert (found.iterations, found.blocks) == (iterations, blocks)
    assert found.seconds > found.seconds_per_iteration * (iterations - 1) > 0


def test_counts_fewer_iterations_for_warm_starts(short):
    stack = np.stack([noisy_waves((32, 32))] * 3)
    config = tiny_config(50, warm_start="on", stop="none")
    quick = config.fit.model_copy(update={"warm_iterations": 10})
    config = config.model_copy(update={"fit": quick})
    report = finish(restore(stack, config=config)).report
    assert [record.iterations for record in report.blocks] == [50, 10, 10]
    assert forecast(stack, config=config).iterations == 70


def test_time_limit_bounds_the_forecast(short):
    limited = forecast(noisy_waves(), config=tiny_config(10_000, time_limit=1e-3))
    assert limited.seconds == 1e-3
    assert limited.iterations == 10_000


def test_includes_the_time_of_sampling_and_tuning(short):
    plain = forecast(noisy_waves(), config=tiny_config(20))
    sampled = forecast(noisy_waves(), config=tiny_config(20, posterior_samples=10**6))
    assert sampled.seconds > 1000 * plain.seconds
    assert forecast(noisy_waves(), config=tiny_config(20, tune=500.0)).seconds > 500


def test_fits_no_more_iterations_than_it_measures(short, monkeypatch):
    seen = []
    original = forecast_module.restore

    def watched(*args, **kwargs):
        for progress in original(*args, **kwargs):
            seen.append(progress.iteration)
            yield progress

    monkeypatch.setattr(forecast_module, "restore", watched)
    forecast(noisy_waves(), config=tiny_config(1000))
    assert seen == [1, 2, 3]


def test_constant_image_gives_no_forecast():
    assert forecast(np.ones((16, 16)), config=tiny_config(5)) is None


def test_stopped_run_gives_no_forecast():
    assert forecast(noisy_waves(), config=tiny_config(5), stop_requested=lambda: True) is None


def test_memory_is_the_peak_of_the_process(short):
    found = forecast(noisy_waves(), config=tiny_config(20))
    report = finish(restore(noisy_waves(), config=tiny_config(20))).report
    assert found.memory == pytest.approx(report.peak_memory_bytes, rel=0.25)
