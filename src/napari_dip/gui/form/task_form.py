"""The choice of a task, and the fields of its parameters."""

# Qt and magicgui have no types for mypy, hence the ignored subclassing below.
from collections.abc import Callable
from dataclasses import fields
from itertools import groupby
from typing import Any

from magicgui.widgets import ComboBox, PushButton
from qtpy.QtWidgets import QWidget

from napari_dip.core.image.acquisition import Acquisition
from napari_dip.core.tasks import TASKS
from napari_dip.core.tasks.optics import optics_in_file
from napari_dip.core.tasks.parameters import parameters_of
from napari_dip.gui.form.bead_dialog import BeadDialog
from napari_dip.gui.form.parameter_fields import (
    parameter_field,
    placeholder,
    read_parameter,
    write_parameter,
)
from napari_dip.gui.job.choices import TaskChoice
from napari_dip.gui.job.layer_image import mask_kwargs
from napari_dip.gui.widgets.collapsible import column

# Name in the window, also in the menus of `napari.yaml`, and purpose.
TITLES = {
    "denoise": ("Denoise", "Remove noise."),
    "inpaint": ("Inpaint", "Replace painted pixels by what fits their surroundings."),
    "super-resolve": ("Super-resolve", "Compute more pixels than the image has."),
    "deconvolve": ("Deconvolve", "Remove the blur of the lens, given its PSF."),
    "dejpeg": ("Dejpeg", "Remove the blocks and the ringing of JPEG compression."),
    "guided": ("Guided", "Denoise; another image of the same scene shows the edges."),
    "fourier": ("Fourier", "Fill in the frequencies that were not recorded."),
    "invert-features": (
        "Invert features",
        "Find an image that a trained network cannot distinguish from this one.",
    ),
}


class TaskForm(QWidget):  # type: ignore[misc]
    """List of the tasks; below it the fields of the chosen one.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        Source of the layers that can be chosen.
    make_rows : callable
        Puts widgets into labelled rows.
    image_layer : callable
        Returns the layer to restore, or None.
    """

    def __init__(
        self, viewer: Any, make_rows: Callable[..., QWidget], image_layer: Callable[[], Any]
    ) -> None:
        super().__init__()
        self._viewer = viewer
        self._image_layer = image_layer
        self._acquisition: Acquisition | None = None
        self._task = ComboBox(
            name="task",
            label="Task",
            choices=[(TITLES[name][0], name) for name in TASKS],
            tooltip="What to do with the image.",
        )
        self._new_mask = PushButton(
            name="new_mask", text="New mask", tooltip="Add an empty labels layer to paint on."
        )
        self._new_mask.clicked.connect(self._add_mask)
        self._from_beads = PushButton(
            name="from_beads",
            text="PSF from beads…",
            tooltip="Make the PSF from an image of beads, recorded with the same settings.",
        )
        self._from_beads.clicked.connect(self.measure_psf)
        self._parameters = {name: parameters_of(task) for name, task in TASKS.items()}
        self._fields = {name: self._make_fields(name) for name in TASKS}
        # Rows of their own for the parameters that are hidden at times.
        self._optional: dict[tuple[str, str], QWidget] = {}
        self._rows = {
            name: self._make_rows(name, make_rows) for name in TASKS if self._fields[name]
        }
        column(self, make_rows(self._task), *self._rows.values())
        self._task.changed.connect(self._show_fields)
        self._fields["deconvolve"]["microscope"].changed.connect(self._show_optional)
        self._show_fields()
        self._show_optional()

    def _make_fields(self, task: str) -> dict[str, Any]:
        defaults = _defaults(task)
        return {
            name: parameter_field(name, parameter, defaults[name], self._viewer)
            for name, parameter in self._parameters[task].items()
        }

    def _widgets(self, task: str) -> list[Any]:
        """Return the widgets of a task, top to bottom."""
        widgets = list(self._fields[task].values())
        if task == "inpaint":  # the button belongs to the mask, the first field
            widgets.insert(1, self._new_mask)
        if task == "deconvolve":  # the button belongs to the PSF, the first field
            widgets.insert(1, self._from_beads)
        return widgets

    def _make_rows(self, task: str, make_rows: Callable[..., QWidget]) -> QWidget:
        rows, parts = QWidget(), []
        parameters = self._parameters[task]
        optional = {name for name, parameter in parameters.items() if parameter.only_for}
        for is_optional, group in groupby(
            self._widgets(task), key=lambda widget: widget.name in optional
        ):
            if not is_optional:
                parts.append(make_rows(*group))
                continue
            for widget in group:
                parts.append(make_rows(widget))
                self._optional[task, widget.name] = parts[-1]
        column(rows, *parts)
        return rows

    def show_acquisition(self, acquisition: Acquisition | None) -> None:
        """Show the optics in the file of the image in the empty fields of Deconvolve."""
        self._acquisition = acquisition
        for name, in_file in optics_in_file(acquisition or Acquisition()).items():
            text = placeholder(self._parameters["deconvolve"][name], in_file)
            self._fields["deconvolve"][name].native.setPlaceholderText(text)
        kind = acquisition and acquisition.microscope
        words = self._parameters["deconvolve"]["microscope"].choices
        text = f"{words[kind]} (auto)" if kind else words["auto"]
        self._fields["deconvolve"]["microscope"].native.setItemText(0, text)
        self._show_optional()

    def _show_optional(self, *_: Any) -> None:
        """Show the parameters that have an effect with the choices of the form."""
        for (task, name), rows in self._optional.items():
            rows.setVisible(
                all(
                    self._in_effect(task, choice) in values
                    for choice, values in self._parameters[task][name].only_for.items()
                )
            )

    def _in_effect(self, task: str, name: str) -> Any:
        """Return the value of a choice, with that of the file for "auto"."""
        value = self._fields[task][name].value
        if value == "auto" and self._acquisition is not None:
            return getattr(self._acquisition, name)
        return value

    def _add_mask(self) -> None:
        layer = self._image_layer()
        if layer is None:
            return
        mask = self._viewer.add_labels(**mask_kwargs(layer))
        mask.mode = "paint"
        self.reset_choices()
        self._fields["inpaint"]["mask"].value = mask

    def measure_psf(self) -> None:
        """Open the dialog that makes a PSF layer from beads; the PSF is then chosen."""
        dialog = BeadDialog(self._viewer, self)
        dialog.added.connect(self._choose_psf)
        dialog.show()

    def _choose_psf(self, layer: Any) -> None:
        self.reset_choices()
        self._fields["deconvolve"]["psf"].value = layer

    def _show_fields(self) -> None:
        self._task.tooltip = TITLES[self._task.value][1]
        for name, rows in self._rows.items():
            rows.setVisible(name == self._task.value)

    def reset(self) -> None:
        """Return to the first task and to the defaults of all tasks."""
        for task, widgets in self._fields.items():
            defaults = _defaults(task)
            for name, widget in widgets.items():
                write_parameter(widget, defaults[name])
        self._task.value = next(iter(TASKS))

    def reset_choices(self) -> None:
        """Update the lists of layers."""
        for widgets in self._fields.values():
            for widget in widgets.values():
                if hasattr(widget, "reset_choices"):
                    widget.reset_choices()
        self.show_acquisition(self._acquisition)  # the words of a choice are as before

    @property
    def title(self) -> str:
        """Name of the task in the window."""
        return TITLES[self._task.value][0]

    @property
    def choice(self) -> TaskChoice:
        """The task and the values of its fields; UsageError if a value is not valid."""
        task = self._task.value
        values = {
            name: read_parameter(widget, self._parameters[task][name])
            for name, widget in self._fields[task].items()
        }
        return TaskChoice(
            task, {name: value for name, value in values.items() if value is not None}
        )

    @choice.setter
    def choice(self, choice: TaskChoice) -> None:
        self._task.value = choice.name
        for name, value in choice.values.items():
            write_parameter(self._fields[choice.name][name], value)


def _defaults(task: str) -> dict[str, Any]:
    return {field.name: field.default for field in fields(TASKS[task])}
