"""What all tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_dip.core.operators.pretrained import PRETRAINED
from tests.tiny import tiny_features


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests with a window together where others run beside them: one has the focus."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent / "gui"):
            item.add_marker(pytest.mark.xdist_group("window"))


@pytest.fixture(autouse=True)
def _tiny_features(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a small network of random weights be chosen by its name."""
    monkeypatch.setitem(PRETRAINED, "tiny", ((), tiny_features))


@pytest.fixture(autouse=True)
def _logs_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path_factory) -> None:
    """Leave the user's folder of logs alone."""
    folder = tmp_path_factory.getbasetemp() / "logs"
    monkeypatch.setenv("NAPARI_DIP_LOGS", str(folder))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real images that lies beside a development checkout."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real images at {folder}")
    return folder
