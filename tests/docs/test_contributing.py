"""The map of the packages and the walk through the modules follow the source tree."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "napari_dip"
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
MAP = TEXT[TEXT.index("## Map of the packages") : TEXT.index("## Add something")]
WALK = re.findall(r"^\| \d+ \| `([\w/]+\.py)` \|", TEXT, re.MULTILINE)


def parts(folder):
    """Return the packages and public modules of a folder, named as in the map."""
    return sorted(
        f"{path.name}/" if path.is_dir() else path.name
        for path in (SOURCE / folder).iterdir()
        if (path.is_dir() or path.suffix == ".py") and not path.name.startswith("_")
    )


@pytest.mark.parametrize("folder", [".", "core", "gui"])
def test_the_map_names_every_package_and_module(folder):
    assert [name for name in parts(folder) if f"`{name}`" not in MAP] == []


def test_the_map_names_nothing_that_is_gone():
    known = {name for folder in (".", "core", "gui") for name in parts(folder)}
    rows = [line for line in MAP.splitlines() if re.match(r"\| `", line)]
    named = {name for row in rows for name in re.findall(r"`([^`]+)`", row.split(" | ")[0])}
    assert named - known == set()


def test_the_walk_visits_modules_that_exist_once_each():
    assert len(WALK) > 20
    assert [name for name in WALK if not (SOURCE / name).is_file()] == []
    assert len(set(WALK)) == len(WALK)
