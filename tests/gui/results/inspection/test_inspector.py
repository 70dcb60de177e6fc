"""The inspector and its comparison, in the real dock."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QSlider, QWidget

from napari_dip.compare.baselines import available_baselines
from napari_dip.compare.run import Row
from napari_dip.errors import InputError
from napari_dip.gui.results.inspection import comparison
from napari_dip.gui.results.inspection.compare_worker import add_layer
from tests.gui.conftest import delete
from tests.gui.test_dock import button, names
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


def choose_truth(dock, layer):
    dock._results._inspector.expand()
    dock._results._inspector.comparison._truth.value = layer


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


def test_residual_is_in_units_of_the_noise_and_over_the_image(viewer, noisy, dock, result, qtbot):
    click(dock, qtbot, "residual")
    residual = viewer.layers["cells_denoise_residual"]
    # The noise of `make_report` has a standard deviation of 1.
    np.testing.assert_allclose(residual.data, noisy.data - result.data, rtol=1e-5)
    assert tuple(residual.contrast_limits) == (-4, 4)
    assert residual.colormap.name == "gray"
    np.testing.assert_array_equal(residual.scale, noisy.scale)
    assert residual.units == noisy.units


def test_residual_goes_with_a_second_click(viewer, dock, result, qtbot):
    before = names(viewer)
    click(dock, qtbot, "residual")
    assert len(viewer.layers) == len(before) + 1
    click(dock, qtbot, "residual")
    assert names(viewer) == before
    click(dock, qtbot, "residual")
    viewer.layers.remove("cells_denoise_residual")
    assert not button(dock, "residual").isChecked()


def test_residual_follows_the_iteration_slider(viewer, noisy, dock, result, qtbot):
    click(dock, qtbot, "residual")
    slider = dock.findChild(QSlider, "iterate")
    slider.setValue(0)
    residual = viewer.layers["cells_denoise_residual"]
    np.testing.assert_allclose(residual.data, noisy.data - 1, rtol=1e-5)


def test_a_collapsed_inspector_measures_nothing_until_it_is_opened(dock, result, monkeypatch):
    inspector = dock._results._inspector
    measured = []
    monkeypatch.setattr(comparison, "residual_measures", lambda *_: measured.append(1) or ("1", ""))
    inspector.comparison.measure()
    assert (measured, text(dock, "whiteness")) == ([], "")
    inspector.expand()
    assert measured
    assert text(dock, "whiteness").startswith("Residual: 1 of the noise")
    measured.clear()
    inspector.collapse()
    inspector.comparison.measure()
    assert measured == []


def test_truth_adds_measures_of_image_and_result(viewer, dock, result, qtbot):
    truth = viewer.add_image(waves(SIZE), name="truth")
    assert text(dock, "comparison") == ""
    choose_truth(dock, truth)
    lines = text(dock, "comparison").split("<tr>")[2:]
    assert len(lines) == 2
    for words in ("image", "result"):
        assert any(words in line for line in lines)
    assert "PSNR" in text(dock, "comparison")


def test_source_and_results_are_no_truth(viewer, noisy, dock, result, qtbot):
    click(dock, qtbot, "residual")
    viewer.add_image(waves(SIZE), name="truth")
    offered = dock._results._inspector.comparison._truth.choices
    assert [str(choice) for choice in offered] == ["None", "truth"]


def test_compare_adds_hidden_layers_and_table_rows(viewer, noisy, dock, result, qtbot, monkeypatch):
    two = available_baselines()[:2]
    monkeypatch.setattr("napari_dip.compare.run.available_baselines", lambda task: two)
    result.contrast_limits = (3, 77)
    click(dock, qtbot, "residual")
    click(dock, qtbot, "compare")
    qtbot.waitUntil(lambda: button(dock, "compare").isEnabled(), timeout=60_000)
    for short in ("TV", "NLM"):
        layer = viewer.layers[f"{short} (cells)"]
        assert not layer.visible
        assert layer.data.shape == SIZE
        assert layer.thumbnail[..., :3].any()  # a hidden layer would have a black one
        np.testing.assert_array_equal(layer.scale, noisy.scale)
        assert tuple(layer.contrast_limits) == (3, 77)
        assert short in text(dock, "comparison")
    assert [layer for layer in viewer.layers if layer.visible] == [noisy, result]
    assert viewer.layers.selection.active == result


def test_table_without_a_truth_has_the_share_of_the_noise(
    viewer, noisy, dock, result, qtbot, monkeypatch
):
    one = available_baselines()[:1]
    monkeypatch.setattr("napari_dip.compare.run.available_baselines", lambda task: one)
    click(dock, qtbot, "compare")
    qtbot.waitUntil(lambda: button(dock, "compare").isEnabled(), timeout=60_000)
    head, row, _ = text(dock, "comparison").split("<tr>")[1:]
    assert "residual" in head
    spread = (noisy.data - result.data).std()  # the noise has a standard deviation of 1
    assert f">{spread:.2f}<" in row


def test_name_of_another_method_is_short_for_a_long_source_name(viewer, dock, result):
    preview = dock._runner.preview
    preview.job.layer.name = "C2-2026-11-25 plate 3, well B7"
    row = Row("BM3D stabilised", preview.job.image, 1.0)
    add_layer(preview, row)
    name = viewer.layers[-1].name
    assert name.startswith("BM3D-VST (C2-2026")
    assert len(name) < 27


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
    assert dock._results._inspector.comparison._worker is None
    delete(dock, qtbot)


@pytest.mark.parametrize("name", ["before_after", "blink", "residual", "compare", "truth"])
def test_every_control_has_a_tooltip(dock, name):
    assert dock.findChild(QWidget, name).toolTip()
