"""The inspector, in the real dock."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QWidget

from napari_dip.compare.baselines import available_baselines
from napari_dip.errors import InputError
from tests.gui.conftest import delete
from tests.gui.test_dock import button
from tests.tiny import noisy_waves, waves

SIZE = (24, 20)


@pytest.fixture
def noisy(viewer):
    return viewer.add_image(noisy_waves(SIZE), name="cells", scale=(0.3, 0.3))


@pytest.fixture
def result(viewer, noisy, dock, fake_restore, qtbot):
    fake_restore.free = True
    with qtbot.waitSignal(dock.finished) as finished:
        dock.run()
    return finished.args[0][0]


def click(dock, qtbot, name):
    dock._results._inspector.expand()
    qtbot.mouseClick(button(dock, name), Qt.MouseButton.LeftButton)


def text(dock, name):
    return dock.findChild(QLabel, name).text()


def test_inspector_is_hidden_before_a_result(dock, noisy):
    assert dock._results._inspector.isHidden()


def test_blink_shows_and_hides_the_result(dock, result, qtbot):
    click(dock, qtbot, "blink")
    qtbot.waitUntil(lambda: not result.visible)
    qtbot.waitUntil(lambda: result.visible)
    click(dock, qtbot, "blink")
    assert not dock._results._inspector._timer.isActive()
    assert result.visible


def test_a_deleted_result_stops_blinking(viewer, dock, result, qtbot):
    click(dock, qtbot, "blink")
    viewer.layers.remove(result)
    assert not dock._results._inspector._timer.isActive()
    assert dock._results._inspector.isHidden()


def test_residual_has_the_position_of_the_image_and_a_diverging_colormap(
    viewer, noisy, dock, result, qtbot
):
    click(dock, qtbot, "residual")
    residual = viewer.layers["cells_denoise_residual"]
    np.testing.assert_allclose(residual.data, noisy.data - result.data, rtol=1e-5)
    low, high = residual.contrast_limits
    assert low == -high
    assert residual.colormap.name == "PiYG"
    np.testing.assert_array_equal(residual.scale, noisy.scale)
    assert residual.units == noisy.units


def test_truth_adds_measures_of_image_and_result(viewer, dock, result, qtbot):
    truth = viewer.add_image(waves(SIZE), name="truth")
    assert text(dock, "comparison") == ""
    dock._results._inspector._truth.value = truth
    lines = text(dock, "comparison").split("<tr>")[2:]
    assert len(lines) == 2
    for words in ("image", "this result"):
        assert any(words in line for line in lines)
    assert "PSNR" in text(dock, "comparison")


def test_compare_adds_hidden_layers_and_table_rows(viewer, noisy, dock, result, qtbot, monkeypatch):
    two = available_baselines()[:2]
    monkeypatch.setattr("napari_dip.compare.run.available_baselines", lambda task: two)
    click(dock, qtbot, "compare")
    qtbot.waitUntil(lambda: button(dock, "compare").isEnabled(), timeout=30_000)
    for method in two:
        layer = viewer.layers[f"cells_denoise ({method.name})"]
        assert not layer.visible
        assert layer.data.shape == SIZE
        np.testing.assert_array_equal(layer.scale, noisy.scale)
        assert method.name in text(dock, "comparison")


def test_reports_an_image_that_no_method_can_restore(viewer, dock, fake_restore, qtbot):
    values = noisy_waves(SIZE)
    values[3, 3] = np.nan
    viewer.add_image(values)
    fake_restore.free = True
    with qtbot.waitSignal(dock.finished):
        dock.run()
    with qtbot.waitSignal(dock._results._inspector.failed) as failed:
        click(dock, qtbot, "compare")
    assert isinstance(failed.args[0], InputError)
    assert "NaN" in text(dock, "comparison")
    assert button(dock, "compare").isEnabled()


def test_closing_the_dock_ends_a_comparison(viewer, dock, result, qtbot, monkeypatch):
    monkeypatch.setattr(
        "napari_dip.compare.run.available_baselines", lambda task: available_baselines()[:1]
    )
    click(dock, qtbot, "compare")
    viewer.window.remove_dock_widget(dock)
    assert dock._results._inspector._comparison is None
    delete(dock, qtbot)


@pytest.mark.parametrize("name", ["blink", "residual", "compare", "truth"])
def test_every_control_has_a_tooltip(dock, name):
    assert dock.findChild(QWidget, name).toolTip()
