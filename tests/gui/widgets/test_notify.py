from __future__ import annotations

import pytest

from napari_dip.errors import Hint, MemoryExhaustedError, UsageError
from napari_dip.gui.widgets import notify as module
from napari_dip.gui.widgets.notify import notify


@pytest.fixture
def shown(monkeypatch):
    shown = []
    monkeypatch.setattr(module, "show_error", shown.append)
    return shown


def test_shows_the_message_with_its_hints(shown):
    error = MemoryExhaustedError("Out of memory.", Hint("tile", "256"), Hint("device", "cpu"))
    assert notify(error) == "Out of memory. (Tile: 256, Device: cpu)"
    assert shown == ["Out of memory. (Tile: 256, Device: cpu)"]


def test_shows_a_message_without_hints_as_it_is(shown):
    assert notify(UsageError("Got no folder.")) == "Got no folder."
    assert shown == ["Got no folder."]


def test_logs_the_traceback_of_an_unexpected_error(shown, caplog):
    text = notify(KeyError("a"))
    assert text.startswith("Unexpected KeyError: 'a'")
    assert shown == [text]
    assert "KeyError" in caplog.text
