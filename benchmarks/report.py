"""Write the tables of the performance pages from the stored results.

    python -m benchmarks.report [--check]

Each file of `benchmarks/results/` holds one table of figures. In a page,
`<!-- table: NAME -->` or `<!-- table: NAME.VIEW -->` marks where a table goes, and
`<!-- end of table -->` where it ends; a view is a choice of columns. With `--check` nothing
is written, and the exit code is 1 if a page differs from the results.

A results file has
  about    what was measured, in a sentence;
  command  how to measure it again;
  columns  name and digits after the point, for numbers;
  best     the columns among which the largest number is set in bold (optional);
  views    column names by the name of the view (optional);
  place    page, section and text before the table, for a table that no page has yet
           (optional): it is added at the end of the section;
  rows     cells: a number, a text, or null. A text "=TABLE/ROW/COLUMN" stands for a cell of
           another table, so that no figure is stored twice.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGES = (
    ROOT / "README.md",
    ROOT / "docs" / "performance.md",
    ROOT / "docs" / "notebook" / "results.md",
)
_END = "<!-- end of table -->"
_SLOT = re.compile(r"(<!-- table: (?P<name>[\w.-]+) -->\n).*?" + re.escape(_END), re.DOTALL)


@dataclass(frozen=True)
class Place:
    """Page and section of a table, and the text before it."""

    page: str
    section: str
    text: str


@cache
def load(name: str) -> dict[str, Any]:
    """Return the content of a results file."""
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def cell_of(reference: str) -> tuple[Any, int | None]:
    """Return value and digits of the cell behind "=TABLE/ROW/COLUMN"."""
    table, row, column = reference.removeprefix("=").split("/")
    content = load(table)
    names = [entry["name"] for entry in content["columns"]]
    index = names.index(column)
    cells = next(cells for cells in content["rows"] if cells[0] == row)
    return cells[index], content["columns"][index].get("digits")


def text_of(value: Any, digits: int | None) -> str:
    """Return a cell as text.

    Examples
    --------
    >>> text_of(31.4, 2), text_of(None, None), text_of("auto", None)
    ('31.40', '', 'auto')
    """
    if isinstance(value, str) and value.startswith("="):
        return text_of(*cell_of(value))
    if value is None:
        return ""
    return str(value) if isinstance(value, str) else f"{value:.{digits or 0}f}"


def render(name: str) -> str:
    """Return a table, or a view of it, in Markdown."""
    name, _, view = name.partition(".")
    content = load(name)
    columns = {entry["name"]: entry.get("digits") for entry in content["columns"]}
    shown = content["views"][view] if view else list(columns)
    best = [column for column in content.get("best", []) if column in shown]
    lines = ["| " + " | ".join(shown) + " |", "|---" * len(shown) + "|"]
    for cells in content["rows"]:
        row = dict(zip(columns, cells, strict=True))
        texts = {column: text_of(row[column], columns[column]) for column in shown}
        numbers = [float(texts[column]) for column in best if texts[column]]
        for column in best:
            if texts[column] and float(texts[column]) == max(numbers):
                texts[column] = f"**{texts[column]}**"
        lines.append("| " + " | ".join(texts.values()) + " |")
    return "\n".join(lines) + "\n"


def store(
    name: str,
    rows: Sequence[Mapping[str, Any]],
    command: str,
    place: Place,
    shown: Sequence[str] = (),
    *others: str,
) -> None:
    """Write the results file of a table, with two digits for PSNR.

    A page shows the columns in `shown`, all by default. The best of `fast`, `balanced` and
    `others` is bold, if there are others.
    """
    digits = {column: _digits(column, [row[column] for row in rows]) for column in rows[0]}
    columns = [
        {"name": column} if count is None else {"name": column, "digits": count}
        for column, count in digits.items()
    ]
    content = {
        "about": place.text,
        "command": command,
        "columns": columns,
        "best": [name for name in (*others, "fast", "balanced") if others and name in digits],
        "views": {"short": list(shown)} if shown else {},
        "place": {"page": place.page, "section": place.section},
        "rows": [
            [
                round(cell, digits[column] or 0) if isinstance(cell, float) else cell
                for column, cell in row.items()
            ]
            for row in rows
        ],
    }
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    (RESULTS / f"{name}.json").write_text(text, encoding="utf-8")


def _digits(column: str, cells: Sequence[Any]) -> int | None:
    if not any(isinstance(cell, float) for cell in cells):
        return None
    unit = column.rpartition(" ")[2]
    return {"iterations": 0, "MB": 0, "seconds": 1}.get(unit, 2)


def with_new_tables(page: Path, text: str) -> str:
    """Return the text of a page, with a place for each of its tables that no page has."""
    placed = {
        slot["name"].partition(".")[0]
        for other in PAGES
        for slot in _SLOT.finditer(other.read_text(encoding="utf-8"))
    }
    for file in sorted(RESULTS.glob("*.json")):
        content = load(file.stem)
        place = content.get("place", {"page": ""})
        if ROOT / place["page"] != page or file.stem in placed:
            continue
        before, heading, rest = text.partition(f"\n## {place['section']}\n")
        if not heading:
            raise ValueError(f"{page} has no section {place['section']!r} for {file.name}.")
        section, following, after = rest.partition("\n## ")
        name = f"{file.stem}.short" if content["views"] else file.stem
        table = f"\n{content['about']}\n\n<!-- table: {name} -->\n{_END}\n"
        text = before + heading + section + table + following + after
    return text


def filled(page: str) -> str:
    """Return the text of a page with all its tables rendered anew."""
    return _SLOT.sub(lambda slot: slot[1] + render(slot["name"]) + _END, page)


def outdated() -> list[Path]:
    """Return the pages that differ from the stored results."""
    return [page for page in PAGES if page.read_text(encoding="utf-8") != current(page)]


def current(page: Path) -> str:
    """Return the text of a page as the stored results make it."""
    return filled(with_new_tables(page, page.read_text(encoding="utf-8")))


def main(words: list[str]) -> int:
    """Write the pages, or check them."""
    pages = outdated()
    for page in pages:
        if "--check" in words:
            print(f"{page.relative_to(ROOT)} differs from benchmarks/results.", file=sys.stderr)
        else:
            page.write_text(current(page), encoding="utf-8")
    return int("--check" in words and bool(pages))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
