"""Invalid data and lost layers, docks and settings: a message, and the dock is ready again."""

from __future__ import annotations

import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtWidgets import QPushButton

from napari_dip.config import DipConfig
from napari_dip.gui.dock import DeepImagePriorWidget
from napari_dip.gui.job.choices import TaskChoice
from napari_dip.gui.session.settings import Settings, remember
from tests.bad import BASE, GUIDES, HOLE, IMAGES, MASKS, PSFS, is_a_sentence
from tests.gui.conftest import delete
from tests.tiny import tiny_config

# napari cannot make layers of these.
NO_LAYERS = {"a line", "empty", "complex", "objects", "structured", "dates"}


@pytest.fixture
def sentence(viewer, dock, qtbot):
    """Return a function that runs the dock on a layer and returns the error."""
    dock.config = tiny_config(2, threads=1)

    def sentence(layer):
        notification_manager.records.clear()
        layers = list(viewer.layers)
        dock.layer = layer
        with qtbot.waitSignal(dock.failed, timeout=60_000):
            dock.run()
        assert list(viewer.layers) == layers
        assert dock.findChild(QPushButton, "run").isEnabled()
        (message,) = [one.message for one in notification_manager.records]
        return message

    return sentence


def layers_of(bad):
    return {name: data for name, data in bad.items() if name not in NO_LAYERS}


# One window for all cases of a kind: opening it takes longer than a refusal.
@pytest.mark.filterwarnings("ignore:overflow encountered in cast:RuntimeWarning")
def test_rejects_invalid_images(viewer, sentence):
    messages = {}
    for name, data in layers_of(IMAGES).items():
        layer = viewer.add_image(data, name=name, contrast_limits=(0, 1))
        messages[name] = sentence(layer)
    assert len(messages) == 6
    assert {name: words for name, words in messages.items() if not is_a_sentence(words)} == {}


@pytest.mark.parametrize(
    ("task", "field", "bad"),
    [("inpaint", "mask", MASKS), ("deconvolve", "psf", PSFS), ("guided", "picture", GUIDES)],
    ids=["masks", "PSFs", "guides"],
)
def test_rejects_invalid_task_inputs(viewer, dock, sentence, task, field, bad):
    image = viewer.add_image(BASE)
    messages = {}
    for name, data in layers_of(bad).items():
        layer = viewer.add_image(data.astype(float), name=name, contrast_limits=(0, 1))
        dock.layer = image
        dock.task = TaskChoice(task, {field: layer})
        messages[name] = sentence(image)
    assert messages
    assert {name: words for name, words in messages.items() if not is_a_sentence(words)} == {}


@pytest.mark.parametrize("late", ["painted", "hidden", "deleted"])
def test_run_uses_the_mask_of_its_start(viewer, dock, fake_restore, qtbot, late):
    image, mask = viewer.add_image(BASE), viewer.add_labels(HOLE.astype(int))
    dock.layer = image
    dock.task = TaskChoice("inpaint", {"mask": mask})
    dock.run()
    with qtbot.waitSignal(dock._runner._run.progressed):
        fake_restore.step()
    if late == "painted":
        mask.paint((20, 10), 1)
    elif late == "hidden":
        mask.visible = False
    else:
        viewer.layers.remove(mask)
    fake_restore.free = True
    with qtbot.waitSignal(dock.finished) as finished:
        pass
    np.testing.assert_array_equal(fake_restore.task.mask.data, HOLE)
    assert len(finished.args[0]) == 1


def test_two_viewers_have_separate_runs_and_results(make_napari_viewer, fake_restore, qtbot):
    viewers = make_napari_viewer(), make_napari_viewer()
    docks = []
    for number, viewer in enumerate(viewers):
        viewer.add_image(np.zeros((8, 9 + number)), name="cells")
        docks.append(DeepImagePriorWidget(viewer))
        viewer.window.add_dock_widget(docks[-1])
    fake_restore.free = True
    with qtbot.waitSignals([dock.finished for dock in docks]):
        for dock in docks:
            dock.run()
    for number, viewer in enumerate(viewers):
        assert [layer.name for layer in viewer.layers] == ["cells", "cells_denoise"]
        assert viewer.layers[1].data.shape == (8, 9 + number)


def test_a_dock_that_was_closed_during_a_run_can_be_opened_again(viewer, dock, fake_restore, qtbot):
    viewer.add_image(np.zeros((8, 9)), name="cells")
    dock.run()
    with qtbot.waitSignal(dock._runner._run.progressed):
        fake_restore.step()
    viewer.window.remove_dock_widget(dock)
    delete(dock, qtbot)
    qtbot.waitUntil(lambda: "napari_dip" in viewer.layers["cells_denoise"].metadata)
    _, again = viewer.window.add_plugin_dock_widget("napari-dip", "Deep Image Prior")
    fake_restore.free = True
    with qtbot.waitSignal(again.finished):
        again.run()
    names = [layer.name for layer in viewer.layers]
    assert names == ["cells", "cells_denoise", "cells_denoise [1]"]


def test_reports_a_device_that_no_longer_exists(viewer, sentence, dock, qtbot):
    layer = viewer.add_image(BASE)
    remember(Settings(DipConfig(device="cuda:99")))
    dock._settings.recall()
    message = sentence(layer)
    assert is_a_sentence(message)
    assert "cuda:99" in message
    dock.config = tiny_config(2, threads=1)
    with qtbot.waitSignal(dock.finished, timeout=60_000):
        dock.run()
