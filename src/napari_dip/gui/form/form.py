"""The form: layer, task, configuration and region. Its fields are made from `DipConfig`."""

# Qt and magicgui have no types for mypy, hence the ignored subclassing below.
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from magicgui.widgets import CheckBox, PushButton
from napari.layers import Image as ImageLayer
from pydantic import ValidationError
from qtpy.QtCore import QEvent, QObject, Qt, QTimer, Signal
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QFormLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_dip.config import DipConfig
from napari_dip.config.messages import explain
from napari_dip.errors import NapariDipError, UsageError
from napari_dip.gui.form.calibration_form import CalibrationForm
from napari_dip.gui.form.config_fields import field_widget, find_devices, read, write
from napari_dip.gui.form.layer_picker import LayerPicker
from napari_dip.gui.form.region_form import RegionForm
from napari_dip.gui.form.strength_slider import StrengthSlider
from napari_dip.gui.form.task_form import TaskForm
from napari_dip.gui.job.choices import TaskChoice
from napari_dip.gui.job.first_answer import has_learned_start
from napari_dip.gui.job.job import Choices
from napari_dip.gui.job.layer_image import image_of
from napari_dip.gui.job.region import Region
from napari_dip.gui.job.volumes import automatic_dims, size_note, with_dims
from napari_dip.gui.session.preferences import preferred_config
from napari_dip.gui.session.preload import preload
from napari_dip.gui.widgets.collapsible import Collapsible
from napari_dip.gui.widgets.labels import label

if TYPE_CHECKING:
    import napari

MAIN = ("preset", "channels", "device", "stop")
# Shown where a learned start applies, as a slider.
LEARNED = ("strength",)
ADVANCED = (
    "max_iterations",
    "time_limit",
    "tune",
    "noise",
    "gain",
    "read_noise",
    "sigma_noise",
    "tile",
    "overlap",
    "start",
    "neighbours",
    "warm_start",
    "runs",
    "posterior_samples",
    "seed",
    "deterministic",
    "precision",
    "threads",
)
# Shown for stacks only.
STACK = ("dims",)
# Fields of `CalibrationForm`.
CALIBRATION = ("axes", "voxel_size")
# `fit` follows the preset or is set by a program.
HIDDEN = ("fit",)

# Time until the form is on the screen [milliseconds].
_PRELOAD_DELAY = 500
_FIELD_WIDTH = 60
_LABEL_WIDTH = 116


class Form(QWidget):  # type: ignore[misc]
    """Fields for the layer, the task, the configuration and the region.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        Source of the layers that can be chosen.

    Attributes
    ----------
    strength : StrengthSlider
        Slider for the strength of a learned start.
    changed : Signal()
        A field has changed.
    preview_requested : Signal()
        The button "Preview visible area" was pressed.
    """

    changed = Signal()

    def __init__(self, viewer: "napari.viewer.Viewer") -> None:
        super().__init__()
        self._viewer = viewer
        self._base = DipConfig()  # source of the fields that the form does not show
        fields = DipConfig.model_fields
        self._fields = {
            name: field_widget(name, fields[name]) for name in (*MAIN, *STACK, *ADVANCED)
        }
        self.strength = StrengthSlider(fields["strength"])
        self.strength.changed.connect(self._emit_changed)
        self._fields["strength"] = self.strength
        self._layer = LayerPicker(viewer, self._rows)
        self._task = TaskForm(viewer, self._rows, lambda: self.layer)
        self._region = RegionForm(viewer, self._rows, lambda: self.layer)
        self._calibration = CalibrationForm(self._rows)
        self._stack = self._rows(self._fields["dims"])
        self._note = QLabel()
        self._note.setObjectName("size_note")
        self._note.setWordWrap(True)
        self.preview_requested = self._region.preview_requested
        self._advanced = Collapsible("Advanced", "advanced")
        self._build()
        self._layer.changed.connect(self._calibrate)
        self._fields["preset"].changed.connect(self._drop_fit_settings)
        self.suggest_layer()
        self._calibrate()
        self._show_stack()

    def _build(self) -> None:
        main = self._rows(*(self._fields[name] for name in MAIN))
        self._advanced.addWidget(self._rows(*(self._fields[name] for name in ADVANCED)))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._layer)
        layout.addWidget(self._task)
        layout.addWidget(self._stack)
        layout.addWidget(self._note)
        layout.addWidget(main)
        layout.addWidget(self.strength)
        layout.addWidget(self._region)
        layout.addWidget(self._calibration)
        layout.addWidget(self._advanced)
        layout.addStretch(1)

    def _rows(self, *widgets: Any) -> QWidget:
        rows = QWidget()
        layout = QFormLayout(rows)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for widget in widgets:
            widget.changed.connect(self._emit_changed)
            native = widget.native
            native.setObjectName(widget.name)
            native.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            native.installEventFilter(self)
            # Neither a long layer name nor a wide font may push a field out of the dock.
            native.setMinimumWidth(_FIELD_WIDTH)
            native.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            # Buttons and check boxes show their label themselves.
            labelled = isinstance(widget, CheckBox | PushButton)
            layout.addRow(" " if labelled else widget.label, native)
            layout.labelForField(native).setToolTip(widget.tooltip)
            # One width for all labels aligns the rows of a task with those of all tasks.
            layout.labelForField(native).setMinimumWidth(_LABEL_WIDTH)
        return rows

    @property
    def layer(self) -> ImageLayer | None:
        return self._layer.layer

    @layer.setter
    def layer(self, layer: ImageLayer | None) -> None:
        self._layer.layer = layer

    @property
    def task(self) -> TaskChoice:
        return self._task.choice

    @task.setter
    def task(self, choice: TaskChoice) -> None:
        self._task.choice = choice

    @property
    def request(self) -> str:
        """Task and image in words, such as "Denoise cells"; empty without an image."""
        return "" if self.layer is None else f"{self._task.title} {self.layer.name}"

    @property
    def choices(self) -> Choices:
        """Values of the form; UsageError if one is not valid."""
        return self.choices_in(self._region.region)

    @property
    def sources(self) -> list[ImageLayer]:
        """All images that can be restored: no results, and none that the task uses."""
        used = list(self._task.choice.values.values())
        return [layer for layer in self._layer.sources if not any(layer is one for one in used)]

    def choices_in(self, region: Region, layer: ImageLayer | None = None) -> Choices:
        """Return the values of the form, with another region and for another layer.

        What is edited in Calibration counts for the layer of the form only.
        """
        config = self.config
        if layer is None:
            layer = self.layer
        elif layer is not self.layer:
            config = config.model_copy(update=dict.fromkeys(CALIBRATION))
        point = tuple(self._viewer.dims.point)
        choices = Choices(config, region, point, self._region.shapes, self._task.choice)
        return choices if layer is None else with_dims(choices, layer)

    @property
    def region(self) -> RegionForm:
        """Fields of the region."""
        return self._region

    @property
    def config(self) -> DipConfig:
        values = {name: read(widget) for name, widget in self._fields.items()}
        values |= {"axes": self._calibration.axes, "voxel_size": self._calibration.voxel_size}
        try:
            return DipConfig.model_validate({**self._base.model_dump(), **values})
        except ValidationError as error:
            raise UsageError(explain(error, label)) from error

    @config.setter
    def config(self, config: DipConfig) -> None:
        for name, widget in self._fields.items():
            write(widget, getattr(config, name))
        self._calibration.set(config.axes, config.voxel_size)
        self._base = config  # last: the change of the preset above drops `fit`
        self._emit_changed()

    def reset(self) -> None:
        """Set everything but the layer to the values in Preferences, or else to the defaults."""
        self.config = preferred_config()
        self._task.reset()
        self._region.region = "all"

    def reset_choices(self, *_: Any) -> None:
        """Update the lists of layers; napari calls this when the layers change."""
        self._layer.reset_choices()
        self._task.reset_choices()
        self._region.reset_choices()

    def suggest_layer(self) -> None:
        """Choose the active image, or else the topmost visible one, unless one is pinned."""
        self._layer.suggest()

    def _emit_changed(self, *_: Any) -> None:
        # The collapsed section may hold settings of an earlier session: show their number.
        default = DipConfig()
        changed = [name for name in ADVANCED if read(self._fields[name]) != getattr(default, name)]
        count = len(changed) + (self._base.fit is not None)
        self._advanced.setText("Advanced" + f" ({count} changed)" * bool(count))
        self._show_stack()
        self.changed.emit()

    def _show_stack(self) -> None:
        """Show what the layer decides: volumes, a missing voxel size, a learned start."""
        note, dims, learned = "", 2, False
        self._stack.hide()
        if self.layer is not None:
            with suppress(NapariDipError):  # *Run* shows errors
                image = image_of(self.layer, self._calibration.axes)
                self._stack.setVisible("Z" in image.axes)
                choices = self.choices
                dims = automatic_dims(choices, self.layer)
                note = size_note(choices, self.layer)
                learned = has_learned_start(choices, self.layer)
        self._fields["dims"].native.setItemText(0, f"{dims}D (auto)")
        self.strength.setVisible(learned)
        self._note.setText(note)
        self._note.setVisible(bool(note))

    def _calibrate(self) -> None:
        """Show axes and voxel size of the layer."""
        try:
            image, hint = None if self.layer is None else image_of(self.layer), ""
        except NapariDipError:
            image, hint = None, "needed, such as TZCYX"
        self._calibration.show_image(image, hint)
        self._task.show_acquisition(None if image is None else image.acquisition)

    def _drop_fit_settings(self) -> None:
        self._base = self._base.model_copy(update={"fit": None})
        self._emit_changed()

    def showEvent(self, event: QShowEvent) -> None:
        """Import the libraries of a run in the background once the form is visible."""
        super().showEvent(event)
        QTimer.singleShot(_PRELOAD_DELAY, preload)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Leave the wheel to the scroll area; find the devices when their list is opened."""
        kind = event.type()
        if kind == QEvent.Type.Wheel and not watched.hasFocus():
            event.ignore()
            return True
        pressed = kind in (QEvent.Type.MouseButtonPress, QEvent.Type.KeyPress)
        if pressed and watched is self._fields["device"].native:
            find_devices(self._fields["device"])
        return False
