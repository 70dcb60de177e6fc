"""Optional libraries and the extras that install them."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from napari_dip import optional as extras
from napari_dip.compare.baselines import BASELINES
from napari_dip.core.operators.pretrained import PRETRAINED
from napari_dip.errors import UsageError
from napari_dip.io import images as io


def test_extras_of_optional_libraries_exist():
    assert set(io.LIBRARIES.values()) <= extras.LIBRARIES.keys()
    baselines = {baseline.library for baseline in BASELINES}
    pretrained = {library for libraries, _ in PRETRAINED.values() for library in libraries}
    assert (baselines - {None}) | pretrained <= extras.LIBRARIES.keys()
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    named = {library.extra for library in extras.LIBRARIES.values()}
    assert named - {""} <= project["optional-dependencies"].keys()


def test_missing_library_raises_the_given_error_with_the_install_command(monkeypatch):
    extras.require("numpy", "anything")
    monkeypatch.setattr(extras, "installed", lambda library: False)
    with pytest.raises(UsageError, match=r'Got --tune, which needs optuna.*napari-dip\[tune\]"'):
        extras.require("optuna", "--tune", UsageError)
