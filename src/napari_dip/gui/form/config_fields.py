"""A field of the form for a field of the configuration: widget, reading and writing."""

# magicgui has no types for mypy.
import re
import sys
from math import inf, nextafter
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from magicgui.widgets import CheckBox, ComboBox, LineEdit, SpinBox
from pydantic.fields import FieldInfo
from qtpy.QtWidgets import QLineEdit

from napari_dip.gui.form.numbers import (
    integer_validator,
    number_validator,
    show_unit,
)
from napari_dip.gui.widgets.labels import label

# Words for the dimensions of a fit.
DIMS = {2: "2D planes", 3: "3D volume"}
# Words for choices that are too long for a list.
_CHOICES = {
    "poisson-gaussian": "poisson-gauss",
    "partial-rows": "part of rows",
    "partial-columns": "part of cols",
}
# Words for None where those of the description are too long for a field; its tooltip has them.
_SHORT = {
    "dims": "auto",
    "channels": "auto",
    "time_limit": "none",
    "tune": "off",
    "gain": "measured",
    "read_noise": "measured",
    "sigma_noise": "measured",
    "tile": "auto",
    "posterior_samples": "auto",
    "threads": "auto",
}
_MAX_INT = 2**31 - 1
_LARGEST = sys.float_info.max


def field_widget(name: str, field: FieldInfo) -> Any:
    """Return the magicgui widget of a field of the configuration.

    A field that may be None is a list with None as first choice, or a line that is
    empty for None and then shows the meaning of None.
    """
    kind, may_be_none = _without_none(field.annotation)
    options = {"name": name, "label": label(name), "tooltip": field.description}
    if name == "device":
        return ComboBox(choices=_devices, value=field.default, **options)
    if get_origin(kind) is Literal:
        choices = [(_words(name, choice), choice) for choice in get_args(kind)]
        none = [(_words_for_none(name, field), None)] if may_be_none else []
        return ComboBox(choices=none + choices, value=field.default, **options)
    if may_be_none:
        return _line(name, field, kind, options)
    if kind is bool:
        return CheckBox(value=field.default, **options)
    low, high = _limits(field, _MAX_INT)
    widget = SpinBox(min=max(int(low), 0), max=int(high), value=field.default, **options)
    show_unit(widget.native.findChild(QLineEdit), _unit(field))
    return widget


def _line(name: str, field: FieldInfo, kind: Any, options: dict[str, Any]) -> LineEdit:
    """Return a line that is empty for None, with the limits and the unit of a field."""
    widget = LineEdit(value="", **options)
    widget.native.setPlaceholderText(_words_for_none(name, field))
    show_unit(widget.native, _unit(field))
    if kind is int:
        widget.native.setValidator(integer_validator(*_limits(field, _MAX_INT), widget.native))
    elif kind is float:
        widget.native.setValidator(number_validator(*_limits(field, _LARGEST), widget.native))
    return widget


def _limits(field: FieldInfo, largest: float) -> tuple[float, float]:
    """Return the smallest and the largest number that the configuration accepts."""
    low, high = -largest, largest
    for limit in field.metadata:
        low = getattr(limit, "ge", low)
        high = getattr(limit, "le", high)
        if hasattr(limit, "gt"):
            low = nextafter(limit.gt, inf)
    return low, high


def _unit(field: FieldInfo) -> str:
    """Return the unit in the description, without its brackets; "" without one."""
    unit = re.search(r"\[(.+?)\]", field.description or "")
    return unit.group(1) if unit else ""


def _words(name: str, choice: Any) -> str:
    return DIMS[choice] if name == "dims" else _CHOICES.get(choice, str(choice))


def _without_none(annotation: Any) -> tuple[Any, bool]:
    if get_origin(annotation) not in (Union, UnionType):
        return annotation, False
    kinds = [kind for kind in get_args(annotation) if kind is not NoneType]
    return kinds[0], len(kinds) < len(get_args(annotation))


def _words_for_none(name: str, field: FieldInfo) -> str:
    """Return the meaning of None, from the description if that is short."""
    if name in _SHORT:
        return _SHORT[name]
    default = re.search(r"\(default: (.+?)\)", field.description or "")
    return default.group(1) if default else "not set"


def _devices(widget: Any = None) -> list[str]:
    """Return "auto" and the devices of this machine; only "cpu" before torch is imported."""
    if "torch" not in sys.modules:
        return ["auto", "cpu"]
    from napari_dip.core.hardware.device import available_devices

    return ["auto", *available_devices()]


def find_devices(widget: Any) -> None:
    """List all devices of this machine in the field of the device."""
    # This imports torch, which takes a second: too long when the dock opens.
    from napari_dip.core.hardware import device  # noqa: F401

    chosen = widget.value
    widget.reset_choices()
    write(widget, chosen)


def layer_field(viewer: Any, kinds: tuple[Any, ...], **options: Any) -> Any:
    """Return a list with "none" and the layers of a viewer of the given kinds."""

    def choices(_: Any = None) -> list[Any]:
        layers = [layer for layer in viewer.layers if isinstance(layer, kinds)]
        return [("none", None), *((str(layer), layer) for layer in layers)]

    return ComboBox(choices=choices, **options)


def read(widget: Any) -> Any:
    """Return the value of a field; None for an empty line."""
    if isinstance(widget, LineEdit):
        return widget.value.strip() or None
    return widget.value


def write(widget: Any, value: Any) -> None:
    """Set the value of a field; None empties a line."""
    if isinstance(widget, LineEdit):
        widget.value = "" if value is None else str(value)
        return
    if isinstance(widget, ComboBox) and value not in widget.choices:
        widget.choices = [*widget.choices, value]  # a device of another machine
    widget.value = value
