"""The page in napari's Preferences and its effects."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from npe2 import PluginManifest
from qtpy.QtWidgets import QListWidget

import napari_dip
from napari_dip.config import PAST_MEMORY, DipConfig, Preset
from napari_dip.gui.session.preferences import history_memory, preferred_config
from tests.tiny import noisy_waves, tiny_config


@pytest.fixture
def page():
    """The page; its values are reset after the test."""
    settings = pytest.importorskip("napari.settings", reason="needs napari")
    if not hasattr(settings, "get_plugin_settings"):
        pytest.skip("napari before 0.9 has no such page")
    page = settings.get_plugin_settings("napari-dip")
    page.reset()
    yield page
    page.reset()


def test_the_page_has_the_defaults_of_the_configuration():
    manifest = PluginManifest.from_file(Path(napari_dip.__file__).parent / "napari.yaml")
    pages = manifest.contributions.configurations
    properties = pages["defaults"].properties
    assert properties["preset"].enum == list(get_args(Preset))
    for name, field in properties.items():
        assert field.default == DipConfig.model_fields[name].default
        for choice in field.enum:
            assert getattr(DipConfig.model_validate({name: choice}), name) == choice
    assert pages["window"].properties["past_memory"].default * 2**20 == PAST_MEMORY


def test_new_page_has_no_effect(page):
    assert preferred_config() == DipConfig()
    assert history_memory() == PAST_MEMORY


def test_a_new_session_and_a_reset_follow_the_page(page, dock, remembered):
    page.defaults.preset, page.defaults.device = "fast", "cpu"
    dock.config = DipConfig(preset="paper", seed=5)
    dock._settings.reset()
    assert dock.config == DipConfig(preset="fast", device="cpu")
    dock.config = DipConfig()
    dock._settings.recall()
    assert dock.config == DipConfig(preset="fast", device="cpu")


def test_history_memory_follows_the_page(page, viewer, dock, qtbot):
    page.window.past_memory = 16
    viewer.add_image(noisy_waves((16, 16)))
    dock.config = tiny_config(2, threads=1)
    with qtbot.waitSignal(dock.finished, timeout=60_000):
        dock.run()
    assert dock._runner.preview._history._budget == 16 * 2**20


def test_napari_shows_the_page(page, viewer):
    dialog = viewer.window._open_preferences_dialog()
    pages = dialog.findChild(QListWidget)
    assert "Deep Image Prior" in [pages.item(row).text() for row in range(pages.count())]
    dialog.close()


def test_an_older_napari_has_no_page(monkeypatch):
    import napari.settings

    monkeypatch.delattr(napari.settings, "get_plugin_settings", raising=False)
    assert preferred_config() == DipConfig()
    assert history_memory() == PAST_MEMORY
