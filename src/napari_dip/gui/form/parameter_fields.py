"""A field of the form for a parameter of a task: widget, reading and writing."""

# Qt and magicgui have no types for mypy.
import math
import sys
from collections.abc import Callable
from typing import Any

from magicgui.widgets import CheckBox, ComboBox, LineEdit, SpinBox
from napari.layers import Image as ImageLayer
from napari.layers import Labels
from qtpy.QtCore import QObject, QRegularExpression
from qtpy.QtGui import QRegularExpressionValidator, QValidator

from napari_dip.core.tasks.parameters import TaskParameter
from napari_dip.errors import UsageError
from napari_dip.gui.form.config_fields import layer_field
from napari_dip.gui.form.numbers import integer_validator, number_validator, show_unit

_MAX_INT = 2**31 - 1
# Whole numbers, separated by commas or spaces.
_INTEGERS = r"\s*-?\d+([\s,]+-?\d+)*[\s,]*"
_NOUNS = {
    "number": "a number",
    "integer": "a whole number",
    "integers": "whole numbers, such as 1, 3",
}


def parameter_field(name: str, parameter: TaskParameter, default: Any, viewer: Any) -> Any:
    """Return the magicgui widget of a parameter, with its default.

    Parameters
    ----------
    name : str
        Name of the parameter; also the object name of the widget.
    parameter : TaskParameter
        Kind, label, description, unit and limits.
    default : object
        Value of the parameter in a new task.
    viewer : napari.viewer.Viewer
        Source of the layers that an image can be chosen from.
    """
    options = {"name": name, "label": parameter.label, "tooltip": tooltip(parameter)}
    match parameter.kind:
        case "image":
            kinds = (Labels, ImageLayer) if parameter.labelled else (ImageLayer,)
            return layer_field(viewer, kinds, **options)
        case "flag":
            return CheckBox(value=default, **options)
        case "choice":
            choices = [(words, value) for value, words in parameter.choices.items()]
            return ComboBox(choices=choices, value=default, **options)
        case "integer" if default is not None:
            low, high = _limits(parameter)
            return SpinBox(min=int(low), max=int(high), value=default, **options)
        case _:
            return _line(parameter, default, options)


def tooltip(parameter: TaskParameter) -> str:
    """Return the description, with the unit before its full stop."""
    if not parameter.unit:
        return parameter.description
    return f"{parameter.description.removesuffix('.')} [{parameter.unit}]."


def placeholder(parameter: TaskParameter, in_file: float | None = None, default: Any = None) -> str:
    """Return the text of an empty field: the value that counts instead.

    Parameters
    ----------
    parameter : TaskParameter
        Parameter of the field.
    in_file : float, optional
        Value in the file of the image.
    default : object
        Value of the parameter in a new task.
    """
    if in_file is not None:
        return f"{in_file:.4g} (file)"
    needed = default is None and parameter.kind in ("number", "integer")
    return parameter.hint or "not set" * needed


def read_parameter(widget: Any, parameter: TaskParameter) -> Any:
    """Return the value of a field; None for an empty line and for no layer.

    Raises
    ------
    UsageError
        The text is not a number within the limits.
    """
    if not isinstance(widget, LineEdit):
        return widget.value
    text = widget.value.strip()
    if not text:
        return None
    if not widget.native.hasAcceptableInput():
        raise UsageError(
            f"Got {parameter.label} {text!r}; expected {_expected(parameter)}. "
            "Correct the field, or leave it empty."
        )
    readers: dict[str, Callable[[str], Any]] = {
        "number": float,
        "integer": int,
        "integers": _integers,
    }
    return readers.get(parameter.kind, str)(text)


def write_parameter(widget: Any, value: Any) -> None:
    """Set a field to a value; None empties a line."""
    widget.value = _text(value) if isinstance(widget, LineEdit) else value


def _line(parameter: TaskParameter, default: Any, options: dict[str, Any]) -> LineEdit:
    widget = LineEdit(value=_text(default), **options)
    widget.native.setPlaceholderText(placeholder(parameter, default=default))
    show_unit(widget.native, parameter.unit)
    validator = _validator(parameter, widget.native)
    if validator is not None:
        widget.native.setValidator(validator)
    return widget


def _validator(parameter: TaskParameter, parent: QObject) -> QValidator | None:
    low, high = _limits(parameter)
    match parameter.kind:
        case "integers":
            return QRegularExpressionValidator(QRegularExpression(_INTEGERS), parent)
        case "integer":
            return integer_validator(low, high, parent)
        case "number":
            return number_validator(low, high, parent)
        case _:
            return None


def _limits(parameter: TaskParameter) -> tuple[float, float]:
    """Return the smallest and the largest number that are allowed."""
    largest = _MAX_INT if parameter.kind == "integer" else sys.float_info.max
    low = -largest if parameter.minimum is None else parameter.minimum
    if parameter.above is not None:
        low = math.nextafter(parameter.above, math.inf)
    return low, largest if parameter.maximum is None else parameter.maximum


def _expected(parameter: TaskParameter) -> str:
    limits = [
        f"{words} {limit:g}"
        for words, limit in (
            ("above", parameter.above),
            ("of at least", parameter.minimum),
            ("of at most", parameter.maximum),
        )
        if limit is not None
    ]
    return " ".join([_NOUNS[parameter.kind], " and ".join(limits)]).strip()


def _integers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.replace(",", " ").split())


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)
