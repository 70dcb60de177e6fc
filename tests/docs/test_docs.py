"""The docs are run: Python blocks, command lines, links."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from napari_dip.cli import main as cli
from napari_dip.config import FitConfig, NetworkConfig, StoppingConfig
from napari_dip.core.records import BlockRecord, InputRecord, NoiseRecord, Report, TilingRecord

ROOT = Path(__file__).parents[2]
PROMISES = ROOT / "tests" / "promises.md"
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), PROMISES])
OPT_OUT = re.compile(r"<!-- not executed: \S.{10,} -->\n+$")
BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(page, language):
    """Return line number and text of each block that did not opt out with a reason."""
    text = page.read_text(encoding="utf-8")
    return [
        (text.count("\n", 0, match.start("text")), match["text"])
        for match in BLOCK.finditer(text)
        if match["language"] == language and not OPT_OUT.search(text[: match.start()])
    ]


def name(page):
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "python")], ids=name)
def test_python_blocks_run_from_top_to_bottom(page, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "docs"}
    for line, text in blocks(page, "python"):
        # Padding makes a traceback point at the line of the page.
        before = dict(names)
        exec(compile("\n" * line + text, str(page), "exec"), names)
        made = {key for key, value in names.items() if before.get(key) is not value}
        assert made, f"line {line}: the block made nothing"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_block_says_its_language(page):
    languages = {match["language"] for match in BLOCK.finditer(page.read_text(encoding="utf-8"))}
    assert languages <= {"python", "sh", "text", "json"}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_command_lines_are_understood(page):
    for _, text in blocks(page, "sh"):
        for line in text.splitlines():
            if line.startswith("napari-dip "):
                tokens = shlex.split(line, comments=True)[1:]
                command, *_ = cli.app.parse_args(tokens, exit_on_error=False, print_error=False)
                assert callable(command), line


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


REFERENCE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
COMMANDS = [name for name in cli.app if not name.startswith("-")]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_reference_names_every_option(command):
    assert f"`napari-dip {command}" in REFERENCE
    arguments = cli.app[command].assemble_argument_collection()
    options = {name for argument in arguments if argument.show for name in argument.names}
    for option in {name for name in options if name.startswith("-")}:
        assert re.search(rf"(?<![\w-]){option}(?![\w-])", REFERENCE), option


@pytest.mark.parametrize("settings", [FitConfig, NetworkConfig, StoppingConfig])
def test_the_reference_names_every_fit_setting(settings):
    assert [name for name in settings.model_fields if f"`{name}`" not in REFERENCE] == []


RECORDS = [Report, InputRecord, BlockRecord, NoiseRecord, TilingRecord]


@pytest.mark.parametrize("record", RECORDS, ids=[record.__name__ for record in RECORDS])
def test_the_reference_names_every_field_of_the_report(record):
    for field, info in record.model_fields.items():
        name = info.alias or field
        assert re.search(rf"`{name}`" if record is Report else rf"\b{name}\b", REFERENCE), field


def test_every_test_that_a_page_names_is_there():
    named = {
        match.groups()
        for page in PAGES
        for match in re.finditer(r"`(tests/\S+\.py)::(test_\w+)`", page.read_text(encoding="utf-8"))
    }
    assert named
    for file, test in sorted(named):
        assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8"), f"{file}::{test}"


def test_every_promise_names_its_tests():
    text = PROMISES.read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if re.match(r"\| [0-9a-z]", line)]
    promises = [row for row in rows if not row.startswith("| case") and row.count("|") == 4]
    assert len(promises) > 70
    assert [row for row in promises if "::test_" not in row] == []
