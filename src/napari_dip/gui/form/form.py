"""The form: layer, task, configuration and region. Its fields are made from `DipConfig`."""

# Qt and magicgui have no types for mypy, hence the ignored subclassing below.
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from napari.layers import Image as ImageLayer
from pydantic import ValidationError
from qtpy.QtCore import QTimer, Signal
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QWidget

from napari_dip.config import DipConfig
from napari_dip.config.messages import explain
from napari_dip.errors import Hint, NapariDipError, UsageError
from napari_dip.gui.form.calibration_form import CalibrationForm
from napari_dip.gui.form.config_fields import field_widget, read, write
from napari_dip.gui.form.expert_form import ExpertForm
from napari_dip.gui.form.fixes import fixes_of
from napari_dip.gui.form.layer_picker import LayerPicker
from napari_dip.gui.form.region_form import RegionForm
from napari_dip.gui.form.rows import RowMaker, is_shown, show_row
from napari_dip.gui.form.strength_slider import StrengthSlider
from napari_dip.gui.form.task_form import TaskForm
from napari_dip.gui.job.applicable import applicable
from napari_dip.gui.job.choices import TaskChoice
from napari_dip.gui.job.job import Choices
from napari_dip.gui.job.layer_image import image_of
from napari_dip.gui.job.region import Region
from napari_dip.gui.job.volumes import automatic_dims, size_note, with_dims
from napari_dip.gui.session.preferences import preferred_config
from napari_dip.gui.session.preload import preload
from napari_dip.gui.widgets.cards import Advice, Cards, Fix
from napari_dip.gui.widgets.collapsible import column
from napari_dip.gui.widgets.labels import label

if TYPE_CHECKING:
    import napari

MAIN = ("preset", "channels")
# Shown where a learned start applies, as a slider.
LEARNED = ("strength",)
# Shown for stacks only.
STACK = ("dims",)
# Fields of `CalibrationForm`.
CALIBRATION = ("axes", "voxel_size")
# `fit` follows the preset or is set by a program.
HIDDEN = ("fit",)
# All other fields of the configuration are in the section for experts.
ELSEWHERE = (*MAIN, *LEARNED, *STACK, *CALIBRATION, *HIDDEN)

# Time until the form is on the screen [milliseconds].
_PRELOAD_DELAY = 500


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
        self._rows = RowMaker(self)
        self._expert = ExpertForm(ELSEWHERE, self._rows)
        self._fields = {name: field_widget(name, fields[name]) for name in (*MAIN, *STACK)}
        self._fields |= self._expert.fields
        self.strength = StrengthSlider(fields["strength"])
        self.strength.changed.connect(self._emit_changed)
        self._fields["strength"] = self.strength
        self._layer = LayerPicker(viewer, self._rows)
        self._task = TaskForm(viewer, self._rows, lambda: self.layer)
        self._region = RegionForm(viewer, self._rows, lambda: self.layer)
        self._calibration = CalibrationForm(self._rows)
        self._note = Cards("size_note")
        self._applicable = applicable(Choices(self._base), None)
        self.preview_requested = self._region.preview_requested
        self._build()
        self._rows.changed.connect(self._emit_changed)
        self._layer.changed.connect(self._calibrate)
        self._fields["preset"].changed.connect(self._drop_fit_settings)
        self.suggest_layer()
        self._calibrate()
        self._show_applicable()

    def _build(self) -> None:
        column(
            self,
            self._layer,
            self._task,
            self._rows(*(self._fields[name] for name in (*STACK, *MAIN))),
            self._note,
            self.strength,
            self._region,
            self._calibration,
            self._expert,
        )
        self.layout().addStretch(1)

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
        """What Run does, such as "Denoise cells"; empty without an image."""
        return "" if self.layer is None else f"{self._task.verb} {self.layer.name}"

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
        self._expert.count({"fit": self._base.fit})
        self._show_applicable()
        self.changed.emit()

    def _show_applicable(self) -> None:
        """Show the fields that have an effect on the layer, and a missing voxel size."""
        notes: list[Advice] = []
        dims, names = 2, self._applicable
        with suppress(NapariDipError):  # *Run* shows errors; the fields stay as they were
            choices = self.choices
            names = applicable(choices, self.layer)
            if self.layer is not None:
                dims = automatic_dims(choices, self.layer)
                if note := size_note(choices, self.layer):
                    notes.append(Advice(note, self._size_fixes(choices)))
        self._applicable = names
        self._fields["dims"].native.setItemText(0, f"{dims}D (auto)")
        for name in (*MAIN, *STACK):
            show_row(self._fields[name], name in names)
        self.strength.setVisible("strength" in names)
        self._expert.show_fields(names)
        self._note.show_advice(*notes)

    def _size_fixes(self, choices: Choices) -> list[Fix]:
        """Return buttons that give a missing voxel size, or do without it."""
        fixes = fixes_of([Hint("voxel_size")], self)
        if choices.config.dims == self.config.dims == 3:  # the user's choice
            fixes.append(Fix("Restore planes", partial(self.set_field, "dims", 2)))
        return fixes

    def has_field(self, name: str) -> bool:
        """Return whether the form shows a field of the configuration by this name."""
        return name in self._fields and is_shown(self._fields[name])

    def set_field(self, name: str, value: object) -> None:
        """Set a field of the configuration, such as one that a message names."""
        typed = DipConfig.model_validate({name: value})  # a message has words only
        write(self._fields[name], getattr(typed, name))

    def open_calibration(self, name: str) -> None:
        """Open the section of the calibration, with the keyboard in one of its fields."""
        self._calibration.open(name)

    def _calibrate(self) -> None:
        """Show axes and voxel size of the layer."""
        try:
            image, hint = None if self.layer is None else image_of(self.layer), ""
        except NapariDipError:
            image, hint = None, "needed, such as TZCYX"
        self._calibration.show_image(image, hint)
        self._task.show_acquisition(
            None if image is None else image.acquisition,
            volume=image is not None and image.sizes.get("Z", 1) > 1,
        )

    def _drop_fit_settings(self) -> None:
        self._base = self._base.model_copy(update={"fit": None})
        self._emit_changed()

    def showEvent(self, event: QShowEvent) -> None:
        """Import the libraries of a run in the background once the form is visible."""
        super().showEvent(event)
        QTimer.singleShot(_PRELOAD_DELAY, preload)
