"""A field of the form for a field of the configuration: widget, reading and writing."""

# magicgui has no types for mypy.
import re
import sys
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from magicgui.widgets import CheckBox, ComboBox, LineEdit, SpinBox
from pydantic.fields import FieldInfo

from napari_dip.gui.widgets.labels import label

# Words for the dimensions of a fit.
DIMS = {2: "2D planes", 3: "3D volume"}
# Words for choices that are too long for a list.
_CHOICES = {"poisson-gaussian": "poisson-gauss"}
# Words for None where those of the description are too long for a field; its tooltip has them.
_SHORT = {
    "dims": "automatic",
    "tune": "off [seconds]",
    "gain": "[ADU per photon]",
    "tile": "automatic [pixels]",
    "posterior_samples": "automatic",
    "threads": "automatic",
}
_MAX_INT = 2**31 - 1


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
        widget = LineEdit(value="", **options)
        widget.native.setPlaceholderText(_words_for_none(name, field))
        return widget
    if kind is bool:
        return CheckBox(value=field.default, **options)
    lowest = next((limit.ge for limit in field.metadata if hasattr(limit, "ge")), 0)
    return SpinBox(min=lowest, max=_MAX_INT, value=field.default, **options)


def _words(name: str, choice: Any) -> str:
    return DIMS[choice] if name == "dims" else _CHOICES.get(choice, str(choice))


def _without_none(annotation: Any) -> tuple[Any, bool]:
    if get_origin(annotation) not in (Union, UnionType):
        return annotation, False
    kinds = [kind for kind in get_args(annotation) if kind is not NoneType]
    return kinds[0], len(kinds) < len(get_args(annotation))


def _words_for_none(name: str, field: FieldInfo) -> str:
    """Return "meaning of None [unit]", both from the description if they are short."""
    if name in _SHORT:
        return _SHORT[name]
    description = field.description or ""
    default = re.search(r"\(default: (.+?)\)", description)
    unit = re.search(r"\[.+?\]", description)
    words = default.group(1) if default else "not set"
    return f"{words} {unit.group()}" if unit else words


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
