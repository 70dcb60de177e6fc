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
    changed = text.replace("33.13", "33.14", 1)
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


@pytest.mark.parametrize(
    ("shown", "header"),
    [
        pytest.param((), "| name | fast | fast seconds | BM3D |", id="all columns"),
        pytest.param(("name", "fast", "BM3D"), "| name | fast | BM3D |", id="some columns"),
    ],
)
def test_a_new_result_is_placed_at_the_end_of_its_section(tmp_path, monkeypatch, shown, header):
    page = tmp_path / "page.md"
    page.write_text("# Title\n\n## First\n\nText.\n\n## Second\n\nMore.\n")
    for name, value in {"ROOT": tmp_path, "RESULTS": tmp_path, "PAGES": (page,)}.items():
        monkeypatch.setattr(report, name, value)
    rows = [
        {"name": "one", "fast": 30.123, "fast seconds": 2.06, "BM3D": 29.0},
        {"name": "two", "fast": None, "fast seconds": 3.0, "BM3D": 31.5},
    ]
    place = report.Place("page.md", "First", "What the table shows:")
    report.store(f"new{len(shown)}", rows, "python -m benchmarks.new", place, shown, "BM3D")
    assert report.outdated() == [page]
    assert report.main([]) == 0
    first, second = page.read_text().split("## Second")
    assert "Text.\n\nWhat the table shows:\n\n<!-- table: new" in first
    assert header in first
    assert "**30.12**" in first
    assert second == "\n\nMore.\n"
    assert report.outdated() == []


def test_a_result_for_an_unknown_section_is_refused(tmp_path, monkeypatch):
    page = tmp_path / "page.md"
    page.write_text("# Title\n")
    for name, value in {"ROOT": tmp_path, "RESULTS": tmp_path, "PAGES": (page,)}.items():
        monkeypatch.setattr(report, name, value)
    place = report.Place("page.md", "Nowhere", "What the table shows:")
    report.store("lost", [{"name": "one"}], "python -m benchmarks.new", place)
    with pytest.raises(ValueError, match="no section 'Nowhere'"):
        report.outdated()


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
