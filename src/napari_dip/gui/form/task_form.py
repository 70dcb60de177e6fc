"""The choice of a task, and the fields of its parameters."""

# Qt and magicgui have no types for mypy, hence the ignored subclassing below.
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

from magicgui.widgets import ComboBox, PushButton
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_dip.core.image.acquisition import Acquisition
from napari_dip.core.tasks import TASKS
from napari_dip.core.tasks.optics import optics_in_file
from napari_dip.core.tasks.parameters import parameters_of
from napari_dip.errors import NapariDipError
from napari_dip.gui.form.bead_dialog import BeadDialog
from napari_dip.gui.form.parameter_fields import (
    parameter_field,
    placeholder,
    read_parameter,
    write_parameter,
)
from napari_dip.gui.form.rows import show_row
from napari_dip.gui.form.ways import FILE, FILE_FIELD, LABELS, WORDS, way_of, ways_of
from napari_dip.gui.job.choices import TaskChoice
from napari_dip.gui.job.layer_image import file_kwargs, mask_kwargs
from napari_dip.gui.widgets.collapsible import Collapsible, column
from napari_dip.gui.widgets.notify import notify
from napari_dip.io.images import read_image

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

# Verbs for the button Run, of tasks whose title is no verb.
_VERBS = {"dejpeg": "Restore", "guided": "Restore", "fourier": "Reconstruct"}

# Parameters that say how a mask is read; they are shown once there is one.
_OF_A_MASK = frozenset({"labels", "inverse"})


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
        self._volume = False
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
        self._open = PushButton(
            name="open_psf",
            text="Open PSF\N{HORIZONTAL ELLIPSIS}",
            tooltip="Read an image of a point source, with its voxel size, as a new layer.",
        )
        self._open.clicked.connect(self._choose_file)
        self._from_beads = PushButton(
            name="from_beads",
            text="PSF from beads…",
            tooltip="Make the PSF from an image of beads, recorded with the same settings.",
        )
        self._from_beads.clicked.connect(self.measure_psf)
        self._ways = {name: ways_of(task) for name, task in TASKS.items()}
        self._chosen = {name: _ways_field(name) for name in TASKS if self._ways[name]}
        self._parameters = {name: parameters_of(task) for name, task in TASKS.items()}
        self._fields = {name: self._make_fields(name) for name in TASKS}
        self._rows = {name: self._sections(name, make_rows) for name in TASKS if self._fields[name]}
        column(self, make_rows(self._task), *self._rows.values())
        self._task.changed.connect(self._show_fields)
        masks = [one["mask"] for one in self._fields.values() if "mask" in one]
        choices = [self._fields[task][name] for task, name in self._conditions()]
        for field in (*self._chosen.values(), *masks, *choices):
            field.changed.connect(self._show_fields)
        self._show_fields()

    def _make_fields(self, task: str) -> dict[str, Any]:
        defaults = _defaults(task)
        return {
            name: parameter_field(name, parameter, defaults[name], self._viewer)
            for name, parameter in self._parameters[task].items()
        }

    def _sections(self, task: str, make_rows: Callable[..., QWidget]) -> QWidget:
        """Return the fields of a task; those of a group are in a collapsed section below."""
        sections, parts = QWidget(), []
        groups = {parameter.group for parameter in self._parameters[task].values()}
        for group in sorted(groups):
            rows = make_rows(*self._widgets(task, group))
            if group:
                section = Collapsible(f"{group.capitalize()} maps", f"{task}_{group}")
                section.addWidget(rows)
                rows = section
            parts.append(rows)
        column(sections, *parts)
        return sections

    def _widgets(self, task: str, group: str) -> list[Any]:
        """Return the widgets of a group of parameters, top to bottom."""
        widgets = [
            widget
            for name, widget in self._fields[task].items()
            if self._parameters[task][name].group == group
        ]
        if task == "inpaint":  # the button belongs to the mask, the first field
            widgets.insert(1, self._new_mask)
        if task in self._chosen:
            widgets = [self._chosen[task], *widgets, self._from_beads, self._open]
        return widgets

    def _add_mask(self) -> None:
        layer = self._image_layer()
        if layer is None:
            return
        mask = self._viewer.add_labels(**mask_kwargs(layer))
        mask.mode = "paint"
        self.reset_choices()
        self._fields["inpaint"]["mask"].value = mask

    def _show_fields(self) -> None:
        self._task.tooltip = TITLES[self._task.value][1]
        for name, rows in self._rows.items():
            rows.setVisible(name == self._task.value)
        for task, field in self._chosen.items():
            for name, widget in self._fields[task].items():
                used = name in self._ways[task].get(field.value, ())
                show_row(widget, used and self._has_effect(task, name))
            show_row(self._open, field.value == FILE)
            show_row(self._from_beads, field.value == FILE_FIELD)
        for fields_of_task in self._fields.values():
            for name in _OF_A_MASK & fields_of_task.keys():
                show_row(fields_of_task[name], fields_of_task["mask"].value is not None)

    def _conditions(self) -> set[tuple[str, str]]:
        """Return task and name of each choice that decides which parameters have an effect."""
        return {
            (task, choice)
            for task, parameters in self._parameters.items()
            for parameter in parameters.values()
            for choice in parameter.only_for
        }

    def _has_effect(self, task: str, name: str) -> bool:
        """Return whether a parameter has an effect with the image and the choices of the form."""
        if self._parameters[task][name].volumes and not self._volume:
            return False
        conditions = self._parameters[task][name].only_for.items()
        return all(self._in_effect(task, choice) in values for choice, values in conditions)

    def _in_effect(self, task: str, name: str) -> Any:
        """Return the value of a choice, with that of the file for "auto"."""
        value = self._fields[task][name].value
        if value == "auto" and self._acquisition is not None:
            return getattr(self._acquisition, name)
        return value

    def show_acquisition(self, acquisition: Acquisition | None, volume: bool) -> None:
        """Show the optics in the file of the image, which may be a volume, in empty fields."""
        self._acquisition, self._volume = acquisition, volume
        defaults, parameters = _defaults("deconvolve"), self._parameters["deconvolve"]
        for name, in_file in optics_in_file(acquisition or Acquisition()).items():
            text = placeholder(parameters[name], in_file, defaults[name])
            self._fields["deconvolve"][name].native.setPlaceholderText(text)
        kind = acquisition and acquisition.microscope
        words = parameters["microscope"].choices
        text = f"{words[kind]} (auto)" if kind else words["auto"]
        self._fields["deconvolve"]["microscope"].native.setItemText(0, text)
        self._show_fields()

    def measure_psf(self) -> None:
        """Open the dialog that makes a PSF layer from beads; the PSF is then chosen."""
        dialog = BeadDialog(self._viewer, self)
        dialog.added.connect(self._choose_psf)
        dialog.show()

    def _choose_psf(self, layer: Any) -> None:
        self.reset_choices()
        self.choice = TaskChoice("deconvolve", {FILE_FIELD: layer})

    def _choose_file(self) -> None:
        file, _ = QFileDialog.getOpenFileName(self, "Open PSF")
        if file:
            try:
                self.open_psf(Path(file))
            except NapariDipError as error:
                notify(error)

    def open_psf(self, file: Path) -> None:
        """Add the image of a file as a hidden layer, and make it the PSF."""
        layer = self._viewer.add_image(**file_kwargs(read_image(file), file.name), visible=False)
        self.reset_choices()
        self.choice = TaskChoice(self._task.value, {FILE_FIELD: layer})

    def reset(self) -> None:
        """Return to the first task and to the defaults of all tasks."""
        for task, widgets in self._fields.items():
            defaults = _defaults(task)
            for name, widget in widgets.items():
                write_parameter(widget, defaults[name])
        for task, field in self._chosen.items():
            field.value = next(iter(self._ways[task]))
        self._task.value = next(iter(TASKS))

    def reset_choices(self) -> None:
        """Update the lists of layers."""
        for widgets in self._fields.values():
            for widget in widgets.values():
                if hasattr(widget, "reset_choices"):
                    widget.reset_choices()
        # The words of a choice are as before, and magicgui does not say that a layer is gone.
        self.show_acquisition(self._acquisition, self._volume)

    @property
    def verb(self) -> str:
        """Verb that says what the task does with an image."""
        return _VERBS.get(self._task.value, TITLES[self._task.value][0])

    @property
    def choice(self) -> TaskChoice:
        """The task and the values of its fields; UsageError if a value is not valid."""
        task = self._task.value
        values = {
            name: read_parameter(widget, self._parameters[task][name])
            for name, widget in self._fields[task].items()
            if self._is_used(task, name)
        }
        return TaskChoice(
            task, {name: value for name, value in values.items() if value is not None}
        )

    @choice.setter
    def choice(self, choice: TaskChoice) -> None:
        self._task.value = choice.name
        way = way_of(TASKS[choice.name], choice.values)
        if way is not None:
            self._chosen[choice.name].value = way
        for name, value in choice.values.items():
            write_parameter(self._fields[choice.name][name], value)

    def _is_used(self, task: str, parameter: str) -> bool:
        """Return whether the chosen way of a task uses a parameter; a task without ways does."""
        if self._parameters[task][parameter].volumes and not self._volume:
            return False
        if task not in self._chosen:
            return True
        way = FILE_FIELD if self._chosen[task].value == FILE else self._chosen[task].value
        return parameter in self._ways[task][way]


def _ways_field(task: str) -> ComboBox:
    """Return the list of the ways of a task."""
    ways = list(ways_of(TASKS[task]))
    if FILE_FIELD in ways:
        ways.insert(ways.index(FILE_FIELD) + 1, FILE)
    return ComboBox(
        name="way",
        label=LABELS[task],
        choices=[(WORDS.get(way, way), way) for way in ways],
        tooltip="What the blur is computed from: numbers of the microscope, an image of a point "
        "source, or the width of a Gaussian.",
    )


def _defaults(task: str) -> dict[str, Any]:
    return {field.name: field.default for field in fields(TASKS[task])}
