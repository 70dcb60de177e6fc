from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import torch
from napari.components import ViewerModel
from napari.utils.notifications import notification_manager
from napari.viewer import current_viewer
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QPushButton, QWidget
from superqt.utils import GeneratorWorker

from napari_dip.config import DipConfig
from napari_dip.core.tasks import TASKS
from napari_dip.core.tasks.parameters import parameters_of
from napari_dip.errors import AxesError, Hint, InputError, MemoryExhaustedError, UsageError
from napari_dip.gui.dock import DeepImagePriorWidget
from napari_dip.gui.form.parameter_fields import tooltip
from napari_dip.gui.menu_commands import open_dock
from napari_dip.gui.run.run_buttons import State
from napari_dip.gui.widgets.focus import focusable
from tests.gui.conftest import delete
from tests.tiny import noisy_waves, tiny_config


@pytest.fixture
def stack(viewer):
    return viewer.add_image(np.zeros((3, 8, 9)), name="cells")


def button(dock, name) -> QPushButton:
    return dock.findChild(QPushButton, name)


def enabled(dock):
    names = ("run", "pause", "stop", "cancel")
    return {name for name in names if button(dock, name).isEnabled()}


def names(viewer):
    return [layer.name for layer in viewer.layers]


def advance(fake_restore, dock, qtbot):
    """Make one iteration, and wait until the dock shows it."""
    run, reached = dock._runner._run, fake_restore.reached
    with qtbot.waitSignal(run.progressed):
        fake_restore.step()
    assert fake_restore.reached == reached + 1


def sentences():
    return [one.message for one in notification_manager.records]


@pytest.fixture(autouse=True)
def _no_old_notifications():
    notification_manager.records.clear()


def test_a_run_ends_in_a_result_layer(viewer, stack, dock, fake_restore, qtbot):
    fake_restore.free = True
    with qtbot.waitSignal(dock.finished) as finished:
        dock.run()
    (layer,) = finished.args[0]
    assert names(viewer) == ["cells", "cells_denoise"]
    assert layer == viewer.layers["cells_denoise"]
    np.testing.assert_array_equal(layer.data, 3)
    np.testing.assert_array_equal(stack.data, 0)
    assert layer.metadata["napari_dip"]["schema"] == 1
    assert "Done" in dock._plot._text.text()


def test_the_dock_is_usable_again_after_a_run(viewer, stack, dock, fake_restore, qtbot):
    fake_restore.free = True
    for _ in range(2):
        with qtbot.waitSignal(dock.finished):
            button(dock, "run").click()
        assert enabled(dock) == {"run"}
    assert fake_restore.calls == 2
    assert names(viewer) == ["cells", "cells_denoise", "cells_denoise [1]"]


def test_buttons_follow_the_run(stack, dock, fake_restore, qtbot):
    assert enabled(dock) == {"run"}
    dock.run()
    assert enabled(dock) == {"run", "pause", "stop", "cancel"}
    advance(fake_restore, dock, qtbot)
    dock.pause()
    assert enabled(dock) == {"run", "pause", "stop", "cancel"}
    assert button(dock, "pause").text() == "Resume"
    dock.resume()
    assert button(dock, "pause").text() == "Pause"
    with qtbot.waitSignal(dock.finished):
        dock.stop()
        assert enabled(dock) == {"run", "cancel"}
    assert enabled(dock) == {"run"}


def test_run_is_emphasised_and_save_needs_a_result(stack, dock, fake_restore, qtbot):
    run, save = button(dock, "run"), button(dock, "save")
    assert run.isChecked()  # napari's themes emphasise it
    assert not save.isEnabled()
    fake_restore.free = True
    with qtbot.waitSignal(dock.finished) as finished:
        run.click()
    assert run.isChecked()
    assert save.isEnabled()
    stack_result = finished.args[0][0]
    dock._viewer.layers.remove(stack_result)
    assert not save.isEnabled()


def test_messages_go_with_their_image(viewer, stack, dock, fake_restore, qtbot):
    fake_restore.free = True
    with qtbot.waitSignal(dock.finished) as finished:
        dock.run()
    assert dock._plot._text.text().startswith("cells_denoise: Done")
    viewer.layers.remove(finished.args[0][0])
    viewer.add_image(np.zeros((8, 9)), name="other")
    assert dock._plot._text.text() == ""
    assert dock._plot._section.isHidden()


def test_a_refusal_goes_when_the_layers_change(viewer, dock, qtbot):
    with qtbot.waitSignal(dock.failed):
        dock.run()
    assert "no image layer" in dock._results._cards.text
    viewer.add_image(np.zeros((8, 9)))
    assert dock._results._cards.text == ""


def test_an_error_has_buttons_for_the_settings_that_help(viewer, stack, dock, fake_restore, qtbot):
    dock.run()
    advance(fake_restore, dock, qtbot)
    fake_restore.error = MemoryExhaustedError("Got no memory; expected more.", Hint("tile", "256"))
    with qtbot.waitSignal(dock.failed):
        fake_restore.step()
    fix = dock._results._cards.findChild(QPushButton, "fix")
    assert fix.text() == "Set Tile: 256"
    fix.click()
    assert dock.config.tile == 256


def test_time_of_the_next_run_is_not_shown_beside_that_of_the_current_one(
    stack, dock, fake_restore, qtbot
):
    assert dock._cost.text() != ""
    dock.run()
    advance(fake_restore, dock, qtbot)
    assert dock._cost.text() == ""
    with qtbot.waitSignal(dock.finished):
        dock.cancel()
    assert dock._cost.text() != ""


def test_run_button_names_the_image(viewer, dock, fake_restore, qtbot):
    assert button(dock, "run").text() == "Run"
    layer = viewer.add_image(np.zeros((8, 9)), name="a & b")
    dock.resize(300, 600)
    assert button(dock, "run").text() == "Denoise a && b"
    layer.name = "n" * 300
    assert "…" in button(dock, "run").text()
    assert layer.name in button(dock, "run").toolTip()
    dock.run()
    assert button(dock, "run").text().startswith("Add to queue: Denoise")
    with qtbot.waitSignal(dock.finished):
        dock.cancel()


def test_a_file_opened_during_a_run_does_not_change_that_run(
    viewer, stack, dock, fake_restore, qtbot
):
    dock.run()
    advance(fake_restore, dock, qtbot)
    other = viewer.add_image(np.ones((4, 4)), name="other")
    assert dock.layer is other
    with qtbot.waitSignal(dock.finished) as finished:
        dock.stop()
    assert finished.args[0][0].name == "cells_denoise"
    assert fake_restore.image.shape == stack.data.shape
    assert dock.layer is other  # and not the result


def test_double_click_starts_one_run(stack, dock, fake_restore, qtbot):
    for event in (qtbot.mouseClick, qtbot.mouseDClick, qtbot.mouseRelease):
        event(button(dock, "run"), Qt.MouseButton.LeftButton)
    fake_restore.step(100)
    with qtbot.waitSignal(dock.finished):
        pass
    assert enabled(dock) == {"run"}
    assert fake_restore.calls == 1


def test_the_preview_shows_the_evolving_estimate(viewer, stack, dock, fake_restore, qtbot):
    viewer.dims.set_current_step(0, 0)
    dock.run()
    advance(fake_restore, dock, qtbot)
    layer = viewer.layers["cells_denoise"]
    np.testing.assert_array_equal(layer.data[0], 1)
    np.testing.assert_array_equal(layer.data[1:], 0)
    advance(fake_restore, dock, qtbot)
    np.testing.assert_array_equal(layer.data[0], 2)
    with qtbot.waitSignal(dock.finished):
        dock.cancel()


def test_plane_in_view_is_restored_first(viewer, stack, dock, fake_restore, qtbot):
    viewer.dims.set_current_step(0, 2)
    dock.run()
    advance(fake_restore, dock, qtbot)
    layer = viewer.layers["cells_denoise"]
    assert viewer.dims.current_step[0] == 2
    np.testing.assert_array_equal(layer.data[2], 1)
    np.testing.assert_array_equal(layer.data[:2], 0)
    with qtbot.waitSignal(dock.finished):
        dock.cancel()


def test_stop_and_keep_gives_a_layer(viewer, stack, dock, fake_restore, qtbot):
    viewer.dims.set_current_step(0, 0)
    dock.run()
    advance(fake_restore, dock, qtbot)
    with qtbot.waitSignal(dock.finished) as finished:
        button(dock, "stop").click()
    (layer,) = finished.args[0]
    np.testing.assert_array_equal(layer.data[0], 1)
    assert layer.metadata["napari_dip"]["stop_reason"] == "stop_requested"


def test_cancel_leaves_no_layer(viewer, stack, dock, fake_restore, qtbot):
    dock.run()
    advance(fake_restore, dock, qtbot)
    assert names(viewer) == ["cells", "cells_denoise"]
    with qtbot.waitSignal(dock.finished) as finished:
        button(dock, "cancel").click()
    assert finished.args[0] == []
    assert names(viewer) == ["cells"]
    assert fake_restore.closed.is_set()
    assert dock._runner._run is None


def test_paused_run_resumes(stack, dock, fake_restore, qtbot):
    dock.run()
    advance(fake_restore, dock, qtbot)
    button(dock, "pause").click()
    assert dock._plot._text.text() == State.PAUSED.value
    button(dock, "pause").click()
    fake_restore.free = True
    with qtbot.waitSignal(dock.finished) as finished:
        pass
    np.testing.assert_array_equal(finished.args[0][0].data, 3)


@pytest.mark.parametrize("end", ["stop", "cancel"])
def test_a_paused_run_can_be_ended(stack, dock, fake_restore, qtbot, end):
    dock.run()
    advance(fake_restore, dock, qtbot)
    dock.pause()
    with qtbot.waitSignal(dock.finished) as finished:
        getattr(dock, end)()
    assert len(finished.args[0]) == (end == "stop")


def test_buttons_without_a_run_have_no_effect(stack, dock):
    for call in (dock.pause, dock.resume, dock.stop, dock.cancel):
        call()
    assert dock._runner.state is State.IDLE


@pytest.mark.parametrize(
    ("error", "words"),
    [
        pytest.param(torch.OutOfMemoryError("CUDA out of memory"), "no more memory", id="memory"),
        pytest.param(RuntimeError("cuDNN error"), "cuDNN error", id="device"),
        pytest.param(KeyError("bug"), "Unexpected KeyError", id="bug"),
    ],
)
def test_error_is_shown_once_and_dock_is_reset(
    viewer, stack, dock, fake_restore, qtbot, error, words, caplog
):
    dock.run()
    advance(fake_restore, dock, qtbot)
    fake_restore.error = error
    with qtbot.waitSignal(dock.failed) as failed:
        fake_restore.step()
    assert isinstance(failed.args[0], (MemoryExhaustedError, Exception))
    assert len(sentences()) == 1
    assert words in sentences()[0]
    assert words in dock._results._cards.text
    assert dock._plot._bar.isHidden()
    assert enabled(dock) == {"run"}
    assert names(viewer) == ["cells"]
    # The thread reports its end just after the error.
    qtbot.waitUntil(lambda: not GeneratorWorker._worker_set)
    # Only errors of other packages have a traceback in the log.
    assert ("KeyError" in caplog.text) == isinstance(error, KeyError)


def test_log_of_a_run_has_no_quoted_values(stack, dock, fake_restore, qtbot, monkeypatch, tmp_path):
    monkeypatch.setenv("NAPARI_DIP_LOGS", str(tmp_path))
    fake_restore.error = KeyError(f"Doe{'^'}Jane")
    dock.run()
    with qtbot.waitSignal(dock.failed):
        fake_restore.step()
    qtbot.waitUntil(lambda: not GeneratorWorker._worker_set)
    (log,) = tmp_path.glob("*.log")
    text = log.read_text()
    for words in ("window denoise", " ".join(map(str, stack.data.shape)), "torch", "KeyError"):
        assert words in text
    assert "Doe^Jane" not in text
    assert str(log) in sentences()[0]


def test_log_has_the_end_of_a_run(dock, stack, fake_restore, qtbot, monkeypatch, tmp_path):
    monkeypatch.setenv("NAPARI_DIP_LOGS", str(tmp_path))
    fake_restore.free = True
    with qtbot.waitSignal(dock.finished) as finished:
        dock.run()
    report = finished.args[0][0].metadata["napari_dip"]
    (log,) = tmp_path.glob("*.log")
    assert f"{report['iterations']} iterations, {report['stop_reason']}" in log.read_text()


def test_rejects_a_run_without_a_layer(dock, qtbot):
    with qtbot.waitSignal(dock.failed) as failed:
        dock.run()
    assert isinstance(failed.args[0], InputError)
    assert "Open Sample" in sentences()[0]
    assert enabled(dock) == {"run"}


def test_rejects_axes_that_do_not_fit_before_the_run(stack, dock, fake_restore, qtbot):
    dock.config = DipConfig(axes="YX")
    with qtbot.waitSignal(dock.failed) as failed:
        dock.run()
    assert isinstance(failed.args[0], AxesError)
    assert fake_restore.calls == 0


def test_rejects_an_invalid_setting(stack, dock, fake_restore, qtbot):
    dock._form._fields["gain"].value = "bright"
    with qtbot.waitSignal(dock.failed) as failed:
        dock.run()
    assert isinstance(failed.args[0], UsageError)
    assert fake_restore.calls == 0


def test_the_source_can_be_deleted_during_a_run(viewer, stack, dock, fake_restore, qtbot):
    dock.run()
    advance(fake_restore, dock, qtbot)
    viewer.layers.remove(stack)
    fake_restore.free = True
    with qtbot.waitSignal(dock.finished):
        pass
    assert names(viewer) == ["cells_denoise"]


def test_the_preview_can_be_deleted_during_a_run(viewer, stack, dock, fake_restore, qtbot):
    dock.run()
    advance(fake_restore, dock, qtbot)
    viewer.layers.remove("cells_denoise")
    advance(fake_restore, dock, qtbot)
    assert names(viewer) == ["cells"]
    fake_restore.free = True
    with qtbot.waitSignal(dock.finished):
        pass
    assert names(viewer) == ["cells", "cells_denoise"]


def test_cancel_works_without_layers(viewer, stack, dock, fake_restore, qtbot):
    dock.run()
    advance(fake_restore, dock, qtbot)
    viewer.layers.clear()
    with qtbot.waitSignal(dock.finished):
        dock.cancel()
    assert names(viewer) == []


def test_run_ignores_data_replaced_after_its_start(viewer, stack, dock, fake_restore, qtbot):
    dock.run()
    advance(fake_restore, dock, qtbot)
    stack.data = np.ones((2, 4, 4))
    fake_restore.free = True
    with qtbot.waitSignal(dock.finished) as finished:
        pass
    assert finished.args[0][0].data.shape == (3, 8, 9)


def test_closing_the_viewer_ends_the_run(viewer, stack, dock, fake_restore, qtbot):
    dock.run()
    advance(fake_restore, dock, qtbot)
    viewer.close()
    GeneratorWorker.await_workers(10_000)
    assert fake_restore.closed.is_set()


@pytest.mark.parametrize("paused", [False, True])
def test_closing_the_dock_keeps_the_best_result(viewer, stack, dock, fake_restore, qtbot, paused):
    viewer.dims.set_current_step(0, 0)
    dock.run()
    advance(fake_restore, dock, qtbot)
    if paused:
        dock.pause()
    viewer.window.remove_dock_widget(dock)
    delete(dock, qtbot)
    result = viewer.layers["cells_denoise"]
    qtbot.waitUntil(lambda: "napari_dip" in result.metadata)
    assert fake_restore.closed.is_set()
    assert result.metadata["napari_dip"]["stop_reason"] == "stop_requested"
    np.testing.assert_array_equal(result.data[0], 1)
    assert names(viewer) == ["cells", "cells_denoise"]
    assert "stays as a layer" in sentences()[-1]


def test_an_error_after_the_dock_was_closed_is_shown(viewer, stack, dock, fake_restore, qtbot):
    dock.run()
    advance(fake_restore, dock, qtbot)
    fake_restore.error = RuntimeError("cuDNN error")
    fake_restore.step()
    viewer.window.remove_dock_widget(dock)
    delete(dock, qtbot)
    qtbot.waitUntil(lambda: names(viewer) == ["cells"])
    assert "cuDNN error" in sentences()[-1]


def test_hiding_the_dock_does_not_end_the_run(viewer, stack, dock, fake_restore, qtbot):
    dock.run()
    advance(fake_restore, dock, qtbot)
    dock.parent().hide()
    fake_restore.free = True
    with qtbot.waitSignal(dock.finished):
        pass
    assert names(viewer) == ["cells", "cells_denoise"]


def test_second_dock_has_separate_runs(viewer, stack, dock, fake_restore, qtbot):
    other = DeepImagePriorWidget(viewer)
    viewer.window.add_dock_widget(other, name="other")
    fake_restore.free = True
    with qtbot.waitSignals([dock.finished, other.finished]):
        dock.run()
        other.run()
    assert len(viewer.layers) == 3


def test_napari_warns_before_closing_during_a_run(viewer, stack, dock, fake_restore, qtbot):
    manager = viewer.window._task_status_manager
    dock.run()
    assert manager.is_busy()
    assert "Deep Image Prior" in manager.get_status()[0]
    with qtbot.waitSignal(dock.finished):
        dock.stop()
    qtbot.waitUntil(lambda: not manager.is_busy())


def test_the_result_keeps_place_units_and_labels(viewer, dock, fake_restore, qtbot):
    source = viewer.add_image(
        np.zeros((3, 8, 9)),
        scale=(0.3, 0.1, 0.1),
        translate=(5, 6, 7),
        units=("um", "um", "um"),
        axis_labels=("z", "y", "x"),
        affine=np.diag([1, 2, 2, 1]),
        colormap="green",
    )
    fake_restore.free = True
    with qtbot.waitSignal(dock.finished) as finished:
        dock.run()
    (result,) = finished.args[0]
    for name in ("scale", "translate"):
        np.testing.assert_array_equal(getattr(result, name), getattr(source, name))
    np.testing.assert_array_equal(result.affine.affine_matrix, source.affine.affine_matrix)
    assert (result.units, result.axis_labels) == (source.units, source.axis_labels)
    assert result.colormap.name == "green"
    # napari would stop drawing in physical units for the whole viewer.
    assert viewer.layers.extent.units is not None


@pytest.mark.parametrize("channels", [None, "separate"])
def test_rgb_stays_rgb(viewer, dock, fake_restore, qtbot, channels):
    viewer.add_image(np.full((8, 9, 3), 200, np.uint8), rgb=True)
    dock.config = DipConfig(channels=channels)
    fake_restore.free = True
    with qtbot.waitSignal(dock.finished) as finished:
        dock.run()
    (result,) = finished.args[0]
    assert (result.rgb, result.data.dtype, result.data.shape) == (True, np.uint8, (8, 9, 3))


def test_five_dimensions_are_restored_plane_by_plane(viewer, dock, fake_restore, qtbot):
    viewer.add_image(np.zeros((2, 2, 1, 8, 9), np.uint16))
    fake_restore.free = True
    with qtbot.waitSignal(dock.finished) as finished:
        dock.run()
    assert fake_restore.image.axes == "TZCYX"
    np.testing.assert_array_equal(finished.args[0][0].data, 3)


def test_a_multiscale_layer_is_restored_at_its_finest_level(viewer, dock, fake_restore, qtbot):
    fine = np.zeros((16, 16))
    viewer.add_image([fine, fine[::2, ::2]], multiscale=True, scale=(0.5, 0.5))
    fake_restore.free = True
    with qtbot.waitSignal(dock.finished) as finished:
        dock.run()
    (result,) = finished.args[0]
    assert result.data.shape == (16, 16)
    np.testing.assert_array_equal(result.scale, (0.5, 0.5))


def test_lazy_data_are_not_read_by_the_dock(viewer, dock, fake_restore, qtbot):
    viewer.add_image(da.zeros((3, 8, 9), chunks=(1, 8, 9)))
    fake_restore.free = True
    with qtbot.waitSignal(dock.finished) as finished:
        dock.run()
    assert isinstance(fake_restore.image.data, da.Array)
    assert isinstance(finished.args[0][0].data, np.ndarray)


def test_result_of_the_current_plane_has_its_position(viewer, stack, dock, fake_restore, qtbot):
    stack.scale = (2, 1, 1)
    viewer.dims.set_current_step(0, 1)
    dock._form.region.region = "current"
    fake_restore.free = True
    with qtbot.waitSignal(dock.finished) as finished:
        dock.run()
    (result,) = finished.args[0]
    assert result.data.shape == (1, 8, 9)
    assert result.data_to_world((0, 0, 0)) == stack.data_to_world((1, 0, 0))


def test_configuration_and_layer_can_be_set_by_a_script(viewer, stack, dock):
    other = viewer.add_image(np.zeros((4, 4)))
    dock.config = DipConfig(preset="fast", seed=5)
    dock.layer = other
    assert dock.config == DipConfig(preset="fast", seed=5)
    assert dock.layer == other
    dock.layer = stack
    assert dock.layer == stack


def test_the_menu_command_opens_one_dock_and_raises_it(viewer, stack):
    open_dock(viewer)
    docks = viewer.window.dock_widgets
    (widget,) = docks.values()
    widget.parent().hide()
    second = viewer.add_image(np.zeros((4, 4)))
    open_dock(viewer)
    assert list(viewer.window.dock_widgets.values()) == [widget]
    assert not widget.parent().isHidden()
    assert widget.layer == second


def test_the_menu_command_finds_a_dock_that_a_script_opened(viewer, dock):
    open_dock(viewer)
    assert list(viewer.window.dock_widgets.values()) == [dock]


def test_buttons_have_keys_and_tooltips(dock):
    for name, key in (("run", "Ctrl+Return"), ("stop", "Ctrl+K")):
        assert key in button(dock, name).toolTip()
    assert current_viewer() is not None


def test_tooltips_have_at_most_two_lines(dock):
    """Only those of the dock: others are descriptions of the core, or of pyqtgraph's menu."""
    described = {field.description for field in DipConfig.model_fields.values()}
    described |= {tooltip(one) for task in TASKS.values() for one in parameters_of(task).values()}
    foreign = set(dock.findChild(QWidget, "curve").findChildren(QWidget))
    tips = {widget.toolTip() for widget in set(dock.findChildren(QWidget)) - foreign} - described
    assert len(tips) > 10
    assert [tip for tip in tips if len(tip) > 120] == []


def test_the_tab_key_goes_through_the_dock_from_top_to_bottom(qtbot):
    # Without a window: PySide would keep all of it alive for `nextInFocusChain`.
    dock = DeepImagePriorWidget(ViewerModel())
    places = list(focusable(dock))
    chain, widget = [], places[0]
    while len(chain) < len(places):
        if widget in places:
            chain.append(widget)
        widget = widget.nextInFocusChain()
    assert chain == places
    order = [widget.objectName() for widget in places]
    expected = ["layer", "pin", "task", "preset", "strength", "region", "seed", "run", "cancel"]
    assert [name for name in order if name in expected] == expected
    delete(dock, qtbot)


def test_the_dock_is_narrow(dock):
    assert dock.minimumWidth() <= 300
    assert dock.sizeHint().width() <= 360


def test_the_real_restore_through_the_dock(viewer, dock, qtbot):
    source = viewer.add_image(noisy_waves((32, 32)).astype(np.uint16), name="waves")
    dock.config = tiny_config(iterations=4, threads=1)
    with qtbot.waitSignal(dock.finished, timeout=120_000) as finished:
        dock.run()
    (result,) = finished.args[0]
    report = result.metadata["napari_dip"]
    assert (report["iterations"], report["config"]["threads"]) == (4, 1)
    assert result.data.shape == source.data.shape
    assert np.isfinite(result.data).all()
