"""Words of the window: no option of the command line in a message, a label or a tooltip."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from qtpy.QtWidgets import QAbstractButton, QLabel, QMenu, QWidget

import napari_dip
from napari_dip.core.tasks import TASKS
from napari_dip.gui.batch.dialog import BatchDialog
from napari_dip.gui.form.form import Form
from napari_dip.gui.job.choices import TaskChoice
from tests.tiny import noisy_waves

_ROOT = Path(napari_dip.__file__).parent
# The parts of the package whose messages the window shows. Other parts serve the terminal.
_PARTS = ("gui", "core", "config", "io", "api", "samples", "compare", "errors.py", "optional.py")
# These write commands, which the user copies or reads in a report.
_COMMANDS = {"gui/session/export_code.py"}
_OPTION = re.compile(r"(?<![\w-])--[a-z]")


def modules():
    for part in _PARTS:
        path = _ROOT / part
        yield from [path] if path.is_file() else sorted(path.rglob("*.py"))


def strings(tree):
    """Yield the string constants of a module, without docstrings."""
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    skipped = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if id(node) not in skipped:
                yield node.value


def test_no_message_names_an_option_of_the_command_line():
    found = [
        (str(path.relative_to(_ROOT)), text)
        for path in modules()
        if path.relative_to(_ROOT).as_posix() not in _COMMANDS
        for text in strings(ast.parse(path.read_text(encoding="utf-8")))
        if _OPTION.search(text)
    ]
    assert found == []


def test_search_finds_an_option_in_a_message():
    code = (
        'def f():\n    """Such as --help."""\n    raise ValueError(f"Got {1}; add --tile 256.")\n'
    )
    assert [text for text in strings(ast.parse(code)) if _OPTION.search(text)] == [
        "; add --tile 256."
    ]


@pytest.mark.parametrize("task", TASKS)
def test_no_label_or_tooltip_names_an_option(viewer, dock, task):
    viewer.add_image(noisy_waves((16, 16)), name="cells")
    dock.task = TaskChoice(task)
    dialog = BatchDialog(viewer, dock.findChild(Form), dock)
    words = []
    for root in (dock, dialog):
        for widget in root.findChildren(QWidget):
            words += [widget.toolTip(), widget.whatsThis()]
            if isinstance(widget, QLabel | QAbstractButton):
                words.append(widget.text())
            if isinstance(widget, QMenu):
                words += [text for one in widget.actions() for text in (one.text(), one.toolTip())]
    assert len(words) > 50
    assert [text for text in words if "--" in text] == []
