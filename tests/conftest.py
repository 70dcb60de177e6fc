"""Fixtures and hooks of all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_dip.core.operators.pretrained import PRETRAINED
from tests.tiny import tiny_features


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run all window tests in one worker process, because only one window has the focus."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent / "gui"):
            item.add_marker(pytest.mark.xdist_group("window"))


@pytest.fixture(autouse=True)
def _tiny_features(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register a small network with random weights under the name "tiny"."""
    monkeypatch.setitem(PRETRAINED, "tiny", ((), tiny_features))


@pytest.fixture(autouse=True)
def _logs_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path_factory) -> None:
    """Write logs to a temporary folder, not to that of the user."""
    folder = tmp_path_factory.getbasetemp() / "logs"
    monkeypatch.setenv("NAPARI_DIP_LOGS", str(folder))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real images beside a development checkout."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real images at {folder}")
    return folder
