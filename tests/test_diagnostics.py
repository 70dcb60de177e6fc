from __future__ import annotations

import json

import pytest

from napari_dip import diagnostics as info
from napari_dip import optional as extras


def test_description_of_the_machine_is_json():
    machine = info.describe_machine()
    assert json.loads(json.dumps(machine)) == machine
    assert machine["device"] in machine["devices"]
    assert machine["threads"] >= 1
    assert machine["free_memory_bytes"]["cpu"] > 0


@pytest.mark.parametrize(
    ("installed", "missing"),
    [
        pytest.param({}, ["napari"], id="nothing"),
        pytest.param({"napari": "0.9"}, ["Qt"], id="no Qt"),
        pytest.param({"napari": "0.9", "PyQt6": "6"}, [], id="everything"),
    ],
)
def test_missing_napari_and_qt_have_install_commands(monkeypatch, installed, missing):
    monkeypatch.setattr(info, "_version", installed.get)
    monkeypatch.setattr(info, "installed", lambda library: True)
    found = info.describe_machine()["missing"]
    assert len(found) == len(missing)
    for sentence, word in zip(found, missing, strict=True):
        assert word in sentence
        assert "pip install" in sentence


def test_missing_libraries_have_purpose_and_install_command(monkeypatch):
    monkeypatch.setattr(info, "installed", lambda library: False)
    found = " ".join(info.describe_machine()["missing"])
    for name, library in extras.LIBRARIES.items():
        assert f"{name}, {library.purpose}: pip install" in found
        assert f"napari-dip[{library.extra}]" in found or not library.extra


@pytest.mark.parametrize(
    ("python", "pyside", "fatal"),
    [((3, 11), "6.12.0", True), ((3, 12), "6.12.0", False), ((3, 11), "6.11.1", False)],
)
def test_reports_pyside_version_that_crashes_napari(monkeypatch, python, pyside, fatal):
    monkeypatch.setattr(info.sys, "version_info", python)
    found = info._problems(info.torch.device("cpu"), {"PySide6": pyside})
    assert sum('pip install "pyside6<6.12.0"' in sentence for sentence in found) == fatal
