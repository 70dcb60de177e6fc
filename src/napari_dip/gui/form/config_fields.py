"""A field of the configuration as a widget: its label, limits, default and what None means."""

# magicgui has no types for mypy.
import re
import sys
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from magicgui.widgets import CheckBox, ComboBox, LineEdit, SpinBox
from pydantic.fields import FieldInfo

# Beside the buttons a plain "Stop" would be taken for one.
_LABELS = {"stop": "Stopping rule", "dims": "Dimensions"}
# What None means where a list has no room for the description's words.
_SHORT = {"dims": "by task"}
_MAX_INT = 2**31 - 1


def label(name: str) -> str:
    """Return the name of a field as the form shows it."""
    return _LABELS.get(name, name.replace("_", " ").capitalize())


def field_widget(name: str, field: FieldInfo) -> Any:
    """Return the magicgui widget of a field of the configuration.

    A field that may be None is a list with None first, or a line of text
    which is empty for None and then shows what None means.
    """
    kind, may_be_none = _without_none(field.annotation)
    options = {"name": name, "label": label(name), "tooltip": field.description}
    if name == "device":
        return ComboBox(choices=_devices, value=field.default, **options)
    if get_origin(kind) is Literal:
        choices = [(str(choice), choice) for choice in get_args(kind)]
        none = [(_SHORT.get(name) or _words_for_none(field), None)] if may_be_none else []
        return ComboBox(choices=none + choices, value=field.default, **options)
    if may_be_none:
        widget = LineEdit(value="", **options)
        widget.native.setPlaceholderText(_words_for_none(field))
        return widget
    if kind is bool:
        return CheckBox(value=field.default, **options)
    lowest = next((limit.ge for limit in field.metadata if hasattr(limit, "ge")), 0)
    return SpinBox(min=lowest, max=_MAX_INT, value=field.default, **options)


def _without_none(annotation: Any) -> tuple[Any, bool]:
    if get_origin(annotation) not in (Union, UnionType):
        return annotation, False
    kinds = [kind for kind in get_args(annotation) if kind is not NoneType]
    return kinds[0], len(kinds) < len(get_args(annotation))


def _words_for_none(field: FieldInfo) -> str:
    """Return "what None means [unit]", both as the description says them."""
    description = field.description or ""
    default = re.search(r"\(default: (.+?)\)", description)
    unit = re.search(r"\[.+?\]", description)
    words = default.group(1) if default else "not set"
    return f"{words} {unit.group()}" if unit else words


def _devices(widget: Any = None) -> list[str]:
    """Return "auto" and the devices of this machine, if torch was imported to ask."""
    if "torch" not in sys.modules:
        return ["auto", "cpu"]
    from napari_dip.core.hardware.device import available_devices

    return ["auto", *available_devices()]


def layer_field(viewer: Any, kinds: tuple[Any, ...], **options: Any) -> Any:
    """Return a list of the viewer's layers of some kinds, and none of them first."""

    def choices(_: Any = None) -> list[Any]:
        fitting = [layer for layer in viewer.layers if isinstance(layer, kinds)]
        return [("none", None), *((str(layer), layer) for layer in fitting)]

    return ComboBox(choices=choices, **options)


def read(widget: Any) -> Any:
    """Return what a field says; None where nothing is written."""
    if isinstance(widget, LineEdit):
        return widget.value.strip() or None
    return widget.value


def write(widget: Any, value: Any) -> None:
    """Have a field say something."""
    if isinstance(widget, LineEdit):
        widget.value = "" if value is None else str(value)
        return
    if isinstance(widget, ComboBox) and value not in widget.choices:
        widget.choices = [*widget.choices, value]  # a device of another machine
    widget.value = value
