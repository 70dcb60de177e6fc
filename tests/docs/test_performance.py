"""The tables of the performance pages come from the stored results, and cells are short."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from benchmarks import report
from benchmarks.imports import circles, levels, room_of

ROOT = Path(__file__).parents[2]
LONGEST_CELL = 300
ROWS = [
    (page.relative_to(ROOT), number, line)
    for page in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1)
    if line.startswith("|")
]


@pytest.mark.parametrize("page", report.PAGES, ids=lambda page: page.name)
def test_stored_results_reproduce_the_tables_of_a_page(page):
    text = page.read_text(encoding="utf-8")
    assert "<!-- table: " in text
    assert report.filled(text) == text


def test_a_changed_figure_makes_a_page_outdated():
    page = ROOT / "docs" / "performance.md"
    text = page.read_text(encoding="utf-8")
    changed = text.replace("30.77", "30.78", 1)
    assert changed != text
    assert report.filled(changed) == text


@pytest.mark.parametrize("file", sorted(report.RESULTS.glob("*.json")), ids=lambda file: file.stem)
def test_every_row_of_a_result_has_a_cell_for_each_column(file):
    content = json.loads(file.read_text(encoding="utf-8"))
    names = [column["name"] for column in content["columns"]]
    assert content["about"]
    assert content["command"].startswith("python ")
    assert {len(row) for row in content["rows"]} == {len(names)}
    chosen = [name for view in content.get("views", {}).values() for name in view]
    assert set(chosen) | set(content.get("best", [])) <= set(names)


def test_every_stored_result_is_shown():
    shown = {
        name.partition(".")[0]
        for page in report.PAGES
        for name in re.findall(r"<!-- table: ([\w.-]+) -->", page.read_text(encoding="utf-8"))
    }
    assert {file.stem for file in report.RESULTS.glob("*.json")} == shown


def test_a_reference_shows_the_cell_of_another_table():
    assert report.text_of("=denoising/mean/CBM3D", None) == "30.77"
    with pytest.raises(StopIteration):
        report.text_of("=denoising/nobody/CBM3D", None)


def test_table_cells_are_short():
    long = [
        f"{page}:{number}"
        for page, number, line in ROWS
        if any(len(cell) > LONGEST_CELL for cell in line.split(" | "))
    ]
    assert long == []


def test_circles_are_found_with_all_their_members():
    arrows = {"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}, "e": set()}
    assert circles(arrows) == [["a", "b", "c"]]
    assert circles({"a": {"b"}, "b": set()}) == []


def test_a_circle_counts_as_one_level():
    assert levels({"a": {"b"}, "b": {"c"}, "c": set()}) == 3
    assert levels({"a": {"b"}, "b": {"a"}, "c": {"a"}}) == 2


def test_a_module_beside_packages_is_a_part_of_its_own():
    packages, crowds = {"p", "p.core", "p.core.noise"}, {"p", "p.core", ""}
    assert room_of("p.core.noise.model", packages, crowds) == "p.core.noise"
    assert room_of("p.core.problem", packages, crowds) == "p.core.problem"
