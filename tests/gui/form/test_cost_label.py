"""Estimated time and memory of a run."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import QLabel

from napari_dip.config import LEARNED, DipConfig
from napari_dip.core.hardware.fit_cost import fit_memory, fit_work, iteration_work
from napari_dip.core.image.image import as_image
from napari_dip.gui.form.cost_label import CostLabel, cost, remember_pace, remembered_pace
from napari_dip.gui.form.form import Form
from napari_dip.gui.job.choices import TaskChoice
from napari_dip.render.text import at_most
from tests.tiny import noisy_waves, tiny_config

PLANE, STACK = as_image(np.zeros((256, 256))), as_image(np.zeros((4, 256, 256)))
DENOISE, ENLARGE = TaskChoice(), TaskChoice("super-resolve", {"factor": 2})
CONFIG = tiny_config(100)


def pace_for(seconds, config=CONFIG, pixels=256**2):
    """Return the pace at which an iteration takes the given time."""
    return seconds / iteration_work(config.fit, pixels)


@pytest.mark.parametrize(
    ("image", "task", "config", "words"),
    [
        pytest.param(PLANE, DENOISE, CONFIG, "at most 10 s", id="plane"),
        pytest.param(STACK, DENOISE, CONFIG, "at most 40 s", id="stack"),
        pytest.param(PLANE, ENLARGE, CONFIG, "at most 40 s", id="enlarged"),
        pytest.param(
            PLANE, DENOISE, CONFIG.model_copy(update={"runs": 2}), "at most 20 s", id="runs"
        ),
        pytest.param(
            STACK, DENOISE, CONFIG.model_copy(update={"time_limit": 5.0}), "at most 5 s", id="limit"
        ),
    ],
)
def test_time_is_proportional_to_work(image, task, config, words):
    assert cost(image, task, config, pace_for(0.1)).endswith(words)


@pytest.mark.parametrize("start", ["learned", "random"])
def test_memory_is_that_of_the_fit(start):
    config = DipConfig(preset="balanced", start=start)
    settings = LEARNED["balanced"] if start == "learned" else config.complete().fit
    for shape, channels in (((2048, 2048), 1), ((2048, 2048, 3), 3)):
        gigabytes = fit_memory(settings, 2048**2, channels) / 1e9
        large = as_image(np.broadcast_to(np.float32(0), shape), "YXS"[: len(shape)])
        assert cost(large, DENOISE, config, None) == f"{gigabytes:.1f} GB of memory"


def test_time_with_a_learned_start_is_that_of_its_iterations_and_estimates():
    settings = LEARNED["balanced"]
    pace = pace_for(0.1, DipConfig(fit=settings), settings.window**2)
    large = as_image(np.broadcast_to(np.float32(0), (2048, 2048)))
    seconds = pace * fit_work(settings, 2048**2)
    assert seconds > 0.1 * settings.max_iterations
    assert cost(large, DENOISE, DipConfig(), pace).endswith(f"at most {at_most(seconds)}")


def test_label_is_empty_without_a_layer_and_follows_the_form(qtbot, remembered):
    viewer = ViewerModel()
    remember_pace(pace_for(0.1, pixels=32**2))
    form = Form(viewer)
    qtbot.addWidget(form)
    label = CostLabel(form)
    qtbot.addWidget(label)
    assert label.text() == ""
    viewer.add_image(np.stack([noisy_waves((32, 32))] * 3))
    form.reset_choices()
    form.config = CONFIG
    assert label.text().endswith("at most 30 s")
    form.region.region = "current"
    assert label.text().endswith("at most 10 s")
    form._fields["gain"].value = "bright"
    assert label.text() == ""


def test_the_pace_is_that_of_the_last_run(make_napari_viewer, qtbot):
    assert remembered_pace() is None
    viewer = make_napari_viewer()
    viewer.add_image(noisy_waves((32, 32)))
    _, dock = viewer.window.add_plugin_dock_widget("napari-dip", "Deep Image Prior")
    dock.config = tiny_config(4, threads=1)
    label = dock.findChild(QLabel, "cost")
    assert "at most" not in label.text()
    with qtbot.waitSignal(dock.finished, timeout=60_000) as finished:
        dock.run()
    report = finished.args[0][0].metadata["napari_dip"]
    pace = report["seconds_per_iteration"] / iteration_work(dock.config.fit, 32**2)
    assert remembered_pace() == pytest.approx(pace)
    assert "at most" in label.text()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"seconds_per_work": "fast"}'])
def test_ignores_an_invalid_pace(remembered, text):
    remembered.parent.mkdir()
    remembered.with_name("pace.json").write_text(text)
    assert remembered_pace() is None
