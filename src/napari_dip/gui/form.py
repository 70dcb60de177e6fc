"""The form, built from the fields of `DipConfig`: no label, limit or default twice."""

# Qt and magicgui have no types for mypy, hence the ignored subclassing below.
import re
import sys
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

from magicgui.widgets import CheckBox, ComboBox, LineEdit, PushButton, SpinBox
from napari.layers import Image as ImageLayer
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QFormLayout, QSizePolicy, QVBoxLayout, QWidget
from superqt import QCollapsible

from napari_dip.config import DipConfig
from napari_dip.errors import NapariDipError, UsageError
from napari_dip.gui.job import Choices
from napari_dip.gui.layers import image_of
from napari_dip.gui.task_form import TaskChoice, TaskForm

if TYPE_CHECKING:
    import napari

MAIN = ("preset", "channels", "device", "stop")
ADVANCED = (
    "max_iterations",
    "time_limit",
    "tune",
    "noise",
    "gain",
    "read_noise",
    "sigma_noise",
    "axes",
    "dims",
    "tile",
    "overlap",
    "warm_start",
    "runs",
    "posterior_samples",
    "seed",
    "precision",
    "threads",
)
# One follows the preset or comes from a program; the other is the layer's own scale.
HIDDEN = ("fit", "voxel_size")

# Beside the buttons a plain "Stop" would be taken for one.
_LABELS = {"stop": "Stopping rule", "dims": "Dimensions"}
_MAX_INT = 2**31 - 1
_FIELD_WIDTH = 60
_LABEL_WIDTH = 110


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
        none = [(_words_for_none(field), None)] if may_be_none else []
        return ComboBox(choices=none + choices, value=field.default, **options)
    if may_be_none:
        widget = LineEdit(value="", **options)
        widget.native.setPlaceholderText(_words_for_none(field))
        return widget
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
    from napari_dip.core.device import available_devices

    return ["auto", *available_devices()]


class Form(QWidget):  # type: ignore[misc]
    """Layer, planes and configuration; holds the user's choices, runs nothing.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        Whose image layers can be chosen.
    """

    def __init__(self, viewer: "napari.viewer.Viewer") -> None:
        super().__init__()
        self._viewer = viewer
        self._base = DipConfig()
        fields = DipConfig.model_fields
        self._fields = {name: field_widget(name, fields[name]) for name in (*MAIN, *ADVANCED)}
        self._layer = ComboBox(
            name="layer",
            label="Image",
            choices=self._image_layers,
            tooltip="The layer to restore. It is never changed.",
        )
        self._planes = ComboBox(
            name="planes",
            label="Planes",
            choices=[("all planes", "all"), ("current plane only", "current")],
            tooltip="Restore every plane, or only the Y, X plane at the sliders. "
            "The result of one plane lies at its place in the stack.",
        )
        self._task = TaskForm(viewer, self._rows, lambda: self.layer)
        self._advanced = QCollapsible("Advanced")
        self._build()
        self._layer.changed.connect(self._show_axes)
        self._fields["preset"].changed.connect(self._follow_preset)
        self.suggest_layer()
        self._show_axes()

    def _build(self) -> None:
        preset, *others = (self._fields[name] for name in MAIN)
        main = self._rows(preset, self._planes, *others)
        self._advanced.setObjectName("advanced")
        self._advanced.setDuration(0)  # motion tells nothing here
        self._advanced.layout().setContentsMargins(0, 0, 0, 0)
        self._advanced.content().layout().setContentsMargins(0, 0, 0, 0)
        self._advanced.addWidget(self._rows(*(self._fields[name] for name in ADVANCED)))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._rows(self._layer))
        layout.addWidget(self._task)
        layout.addWidget(main)
        layout.addWidget(self._advanced)
        layout.addStretch(1)

    def _rows(self, *widgets: Any) -> QWidget:
        rows = QWidget()
        layout = QFormLayout(rows)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for widget in widgets:
            native = widget.native
            native.setObjectName(widget.name)
            native.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            native.installEventFilter(self)
            # Neither a long layer name nor a wide font may push a field out of the dock.
            native.setMinimumWidth(_FIELD_WIDTH)
            native.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            # Buttons and boxes say their label themselves.
            speaks = isinstance(widget, CheckBox | PushButton)
            layout.addRow(" " if speaks else widget.label, native)
            layout.labelForField(native).setToolTip(widget.tooltip)
            # The rows of a task and those of all tasks stand in one column.
            layout.labelForField(native).setMinimumWidth(_LABEL_WIDTH)
        return rows

    @property
    def layer(self) -> ImageLayer | None:
        return self._layer.value

    @layer.setter
    def layer(self, layer: ImageLayer | None) -> None:
        self._layer.value = layer

    @property
    def task(self) -> TaskChoice:
        return self._task.choice

    @task.setter
    def task(self, choice: TaskChoice) -> None:
        self._task.choice = choice

    @property
    def choices(self) -> Choices:
        """What the form says; UsageError when it cannot be meant."""
        point = tuple(self._viewer.dims.point)
        return Choices(self.config, self._planes.value, point, self._task.choice)

    @property
    def config(self) -> DipConfig:
        values = {name: _read(widget) for name, widget in self._fields.items()}
        try:
            return DipConfig.model_validate({**self._base.model_dump(), **values})
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0])
            raise UsageError(f"Got {label(name)} {first['input']!r}: {first['msg']}.") from error

    @config.setter
    def config(self, config: DipConfig) -> None:
        for name, widget in self._fields.items():
            _write(widget, getattr(config, name))
        self._base = config  # last: a new preset would drop its fit settings

    def reset_choices(self, *_: Any) -> None:
        """Follow the viewer's layers; napari calls this when they change."""
        before = self.layer
        self._layer.reset_choices()
        self._task.reset_choices()
        if before is None or before not in self._layer.choices:
            self.suggest_layer()

    def suggest_layer(self) -> None:
        """Choose the layer that the user looks at: the active one, unless it is hidden."""
        layers = self._image_layers()
        active = self._viewer.layers.selection.active
        shown = [layer for layer in layers if layer.visible]
        preferred = [layer for layer in shown if layer == active]
        for layer in [*preferred, *shown, *layers][:1]:
            self._layer.value = layer

    def _image_layers(self, _: Any = None) -> list[ImageLayer]:
        return [layer for layer in self._viewer.layers if isinstance(layer, ImageLayer)]

    def _show_axes(self) -> None:
        """Show the axes of the layer where other axes may be written."""
        try:
            axes = "" if self.layer is None else image_of(self.layer).axes
        except NapariDipError:
            axes = "needed, such as TZCYX"
        self._fields["axes"].native.setPlaceholderText(axes)

    def _follow_preset(self) -> None:
        self._base = self._base.model_copy(update={"fit": None})

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep the wheel for scrolling, and look for devices when they are asked for."""
        kind = event.type()
        if kind == QEvent.Type.Wheel and not watched.hasFocus():
            event.ignore()
            return True
        pressed = kind in (QEvent.Type.MouseButtonPress, QEvent.Type.KeyPress)
        if pressed and watched is self._fields["device"].native:
            self._find_devices()
        return False

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme: the arrows are drawn in the colour of the text."""
        if event.type() == QEvent.Type.PaletteChange:
            self._advanced.setCollapsedIcon("\N{BLACK RIGHT-POINTING TRIANGLE}")
            self._advanced.setExpandedIcon("\N{BLACK DOWN-POINTING TRIANGLE}")
        super().changeEvent(event)

    def _find_devices(self) -> None:
        # Imports torch, which takes a second: not when the dock opens.
        from napari_dip.core import device  # noqa: F401

        chosen = self._fields["device"].value
        self._fields["device"].reset_choices()
        _write(self._fields["device"], chosen)


def _read(widget: Any) -> Any:
    if isinstance(widget, LineEdit):
        return widget.value.strip() or None
    return widget.value


def _write(widget: Any, value: Any) -> None:
    if isinstance(widget, LineEdit):
        widget.value = "" if value is None else str(value)
        return
    if isinstance(widget, ComboBox) and value not in widget.choices:
        widget.choices = [*widget.choices, value]  # a device of another machine
    widget.value = value
