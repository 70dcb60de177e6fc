"""Fixes: buttons for the settings and commands that a message advises."""

# Qt classes have no types for mypy.
import re
from collections.abc import Iterable
from functools import partial
from typing import Protocol

from qtpy.QtWidgets import QApplication

from napari_dip.errors import Hint, NapariDipError
from napari_dip.gui.widgets.cards import Advice, Fix
from napari_dip.gui.widgets.labels import hint_text

_COMMAND = re.compile(r'pip install (?:"[^"]+"|[\w-]+)')
_CALIBRATION = {"voxel_size": "Set voxel size", "axes": "Set axes"}


class Settable(Protocol):
    """A form whose settings a button can change."""

    def has_field(self, name: str) -> bool: ...

    def set_field(self, name: str, value: object) -> None: ...

    def open_calibration(self, name: str) -> None: ...


def advice_of(error: Exception, text: str, form: Settable) -> Advice:
    """Return the message of an error, with buttons for the settings that it names.

    Parameters
    ----------
    error : Exception
        Error, such as that of a run.
    text : str
        Its message.
    form : Settable
        Form with the settings.
    """
    hints = error.hints if isinstance(error, NapariDipError) else ()
    return Advice(text, (*fixes_of(hints, form), *commands_in(text)))


def fixes_of(hints: Iterable[Hint], form: Settable) -> list[Fix]:
    """Return a button for each setting that has one: calibration, or a field and its value."""
    fixes = []
    for hint in hints:
        if hint.setting in _CALIBRATION:
            action = partial(form.open_calibration, hint.setting)
            fixes.append(Fix(_CALIBRATION[hint.setting], action))
        elif hint.value and form.has_field(hint.setting):
            fixes.append(Fix(f"Set {hint_text(hint)}", partial(form.set_field, *hint)))
    return fixes


def commands_in(text: str) -> list[Fix]:
    """Return a button that copies the install command in a message, if it has one."""
    found = _COMMAND.search(text)
    if found is None:
        return []
    command = found.group()
    return [Fix("Copy install command", partial(QApplication.clipboard().setText, command))]
