"""Settings: save, load, reset, and the next session."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Labels
from qtpy.QtWidgets import QFileDialog

from napari_dip.config import DipConfig
from napari_dip.errors import UsageError
from napari_dip.gui.form.form import Form
from napari_dip.gui.job.choices import TaskChoice
from napari_dip.gui.menu.settings_menu import SettingsMenu
from napari_dip.gui.session.settings import Settings, load, remember, save
from napari_dip.gui.session.settings import remembered as recall
from tests.gui.conftest import delete
from tests.gui.form.test_task_form import CHOICES
from tests.tiny import tiny_config

OURS = Settings(
    DipConfig(preset="fast", seed=3),
    TaskChoice("super-resolve", {"factor": 3, "kernel": "box", "along_z": "fit"}),
)
BAD = ["", "[1, 2", "[]", '{"config": {"seed": -1}}', '{"schema": 99, "config": {}}']


@pytest.fixture
def menu(qtbot):
    form = Form(ViewerModel())
    qtbot.addWidget(form)
    menu = SettingsMenu(form)
    qtbot.addWidget(menu)
    return menu


def entry(menu, text):
    (action,) = [one for one in menu.menu().actions() if one.text().startswith(text)]
    return action


@pytest.mark.parametrize("name", CHOICES)
def test_settings_come_back_from_a_file_without_layers(tmp_path, name):
    values = {key: value for key, value in CHOICES[name].items() if value not in ("mask", "guide")}
    layers = {"mask": Labels(np.zeros((4, 4), int))} if name == "inpaint" else {}
    settings = Settings(tiny_config(), TaskChoice(name, {**values, **layers}))
    save(settings, tmp_path / "deep" / "dip.json")
    loaded = load(tmp_path / "deep" / "dip.json")
    assert loaded == Settings(settings.config, TaskChoice(name, values))


def test_a_configuration_or_a_report_can_be_loaded(tmp_path):
    plain, report = tmp_path / "plain.json", tmp_path / "report.json"
    config = DipConfig(seed=7).model_dump(mode="json")
    plain.write_text(json.dumps(config))
    report.write_text(json.dumps({"schema": 1, "config": config, "task": "inpaint"}))
    assert load(plain) == Settings(DipConfig(seed=7))
    assert load(report) == Settings(DipConfig(seed=7), TaskChoice("inpaint"))


@pytest.mark.parametrize("text", BAD)
def test_rejects_invalid_settings_files(tmp_path, text):
    file = tmp_path / "dip.json"
    file.write_text(text)
    with pytest.raises(UsageError, match=r"Got .*dip\.json"):
        load(file)


@pytest.mark.parametrize("text", BAD)
def test_invalid_settings_of_the_last_session_give_the_defaults(remembered, text, menu):
    remembered.parent.mkdir()
    remembered.write_text(text)
    menu.recall()
    assert menu.settings.config == DipConfig()


def test_unwritable_folder_gives_a_warning_and_no_settings(remembered, caplog):
    remembered.parent.write_text("a file where a folder should be")
    remember(OURS)
    assert "not saved" in caplog.text
    assert recall() == Settings()


def test_loads_only_parameters_that_the_form_shows(tmp_path):
    file = tmp_path / "dip.json"
    file.write_text('{"config": {}, "task": {"name": "fourier", "inverse": true, "paired": true}}')
    assert load(file).task == TaskChoice("fourier", {"inverse": True})


def test_form_loads_and_resets_settings(menu, tmp_path):
    before = menu.settings
    save(OURS, tmp_path / "dip.json")
    menu.load(tmp_path / "dip.json")
    assert menu.settings == OURS
    entry(menu, "Reset").trigger()
    assert menu.settings == before
    menu._form.task = TaskChoice("super-resolve")
    assert menu.settings.task.values["factor"] != 3


def test_files_are_chosen_in_a_dialog(menu, tmp_path, monkeypatch, qtbot):
    file = str(tmp_path / "dip.json")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (file, ""))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (file, ""))
    menu.settings = OURS
    entry(menu, "Save").trigger()
    menu.reset()
    with qtbot.waitSignal(menu.reported) as message:
        entry(menu, "Load").trigger()
    assert "dip.json" in message.args[0]
    assert menu.settings == OURS


def test_reports_an_error(menu, tmp_path, qtbot):
    with qtbot.waitSignal(menu.reported) as message:
        menu.load(tmp_path / "none.json")
    assert "cannot be read" in message.args[0]


def test_next_session_starts_with_the_settings_of_the_last_run(
    make_napari_viewer, fake_restore, qtbot, remembered
):
    viewer = make_napari_viewer()
    viewer.add_image(np.zeros((8, 9)))

    def open_dock():
        return viewer.window.add_plugin_dock_widget("napari-dip", "Deep Image Prior")

    dock, widget = open_dock()
    widget.config = OURS.config
    fake_restore.free = True
    with qtbot.waitSignal(widget.finished):
        widget.run()
    assert Path(remembered).exists()
    viewer.window.remove_dock_widget(dock)
    delete(widget, qtbot)
    _, widget = open_dock()
    assert widget.config == OURS.config
