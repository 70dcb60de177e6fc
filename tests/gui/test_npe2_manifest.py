from __future__ import annotations

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from napari._app_model import get_app_model
from napari._app_model.constants import MenuId
from npe2 import PluginManifest

import napari_dip
from napari_dip.core.tasks import TASKS
from napari_dip.gui.dock import DeepImagePriorWidget
from napari_dip.gui.form.task_form import TITLES
from napari_dip.gui.job.choices import TaskChoice
from tests.tiny import tiny_config


@pytest.fixture(scope="module")
def manifest():
    return PluginManifest.from_file(Path(napari_dip.__file__).parent / "napari.yaml")


def test_the_manifest_is_valid_and_every_command_imports(manifest):
    manifest.validate_imports()
    for command in manifest.contributions.commands:
        module, _, name = command.python_name.partition(":")
        assert callable(getattr(import_module(module), name))


def test_the_widget_has_the_public_name(manifest):
    (widget,) = manifest.contributions.widgets
    assert widget.display_name == "Deep Image Prior"


@pytest.mark.parametrize("task", TASKS)
def test_a_task_has_one_title_in_menus_and_dock(manifest, task):
    commands = {command.id: command for command in manifest.contributions.commands}
    command = commands[f"napari-dip.{task.replace('-', '_')}"]
    assert command.title == TITLES[task][0]


def test_each_task_has_one_name_in_menu_form_and_result():
    for name, (title, _) in TITLES.items():
        assert title.lower().replace(" ", "-") == name  # results end in the name


def test_every_menu_command_is_declared(manifest):
    declared = {command.id for command in manifest.contributions.commands}
    submenus = {submenu.id for submenu in manifest.contributions.submenus}
    for items in manifest.contributions.menus.values():
        for item in items:
            assert getattr(item, "command", None) in declared or item.submenu in submenus


def test_every_menu_of_napari_accepts_plugins(manifest):
    allowed = {str(menu) for menu in MenuId.contributables()}
    places = {place for place in manifest.contributions.menus if place.startswith("napari/")}
    assert places == {"napari/layers/filter", "napari/file/io_utilities"} & allowed


def test_napari_shows_the_entries(make_napari_viewer):
    make_napari_viewer()
    commands = get_app_model().commands
    assert commands["napari-dip.denoise"].title == "Denoise (Deep Image Prior)"
    titles = {getattr(item, "title", None) for item in _items("napari/layers/filter")}
    assert "Restoration (Deep Image Prior)" in titles
    entries = {item.command.id for item in _items("napari-dip/restoration")}
    names = [name.replace("-", "_") for name in TASKS]
    assert entries == {f"napari-dip.{name}" for name in [*names, "psf_from_beads", "batch"]}


def _items(menu):
    return get_app_model().menus.get_menu(menu)


def test_the_menu_entries_open_one_dock_with_their_task(make_napari_viewer):
    viewer = make_napari_viewer()
    viewer.add_image(np.zeros((4, 4)))
    for name in TASKS:
        get_app_model().commands.execute_command(f"napari-dip.{name.replace('-', '_')}").result()
        (widget,) = viewer.window.dock_widgets.values()
        assert isinstance(widget, DeepImagePriorWidget)
        assert widget.task.name == name
    # The entry of the Plugins menu shows and hides this dock; it opens no second one.
    get_app_model().commands.execute_command("napari-dip.open").result()
    assert list(viewer.window.dock_widgets.values()) == [widget]


@pytest.mark.parametrize(("key", "dimensions"), [("cell", 2), ("fluorescence", 3)])
def test_dock_chooses_the_layer_of_a_sample(make_napari_viewer, key, dimensions):
    viewer = make_napari_viewer()
    viewer.open_sample("napari-dip", key)
    visible = [layer for layer in viewer.layers if layer.visible]
    assert [layer.ndim for layer in visible] == [dimensions]
    _, dock = viewer.window.add_plugin_dock_widget("napari-dip", "Deep Image Prior")
    assert dock.layer == visible[0]


# Sample of each task, and the layers of its parameters by name.
SAMPLES = {
    "inpaint": ("scratched", {"mask": "scratches"}),
    "super-resolve": ("small", {}),
    "deconvolve": ("blurred", {"psf": "PSF of the blurred cell"}),
    "dejpeg": ("jpeg", {}),
    "guided": ("dim", {"picture": "bright cell"}),
    "fourier": ("undersampled", {"mask": "recorded frequencies"}),
}


@pytest.mark.parametrize("task", SAMPLES)
def test_every_task_has_a_sample_that_it_restores(make_napari_viewer, qtbot, task):
    viewer = make_napari_viewer()
    key, others = SAMPLES[task]
    viewer.open_sample("napari-dip", key)
    _, dock = viewer.window.add_plugin_dock_widget("napari-dip", "Deep Image Prior")
    dock.config = tiny_config(2, threads=1)
    dock.task = TaskChoice(task, {name: viewer.layers[layer] for name, layer in others.items()})
    with qtbot.waitSignal(dock.finished, timeout=60_000) as finished:
        dock.run()
    (result,) = finished.args[0]
    assert result.data.shape == (256, 256)
