"""The choice of a task, and the fields that only it has."""

# Qt and magicgui have no types for mypy, hence the ignored subclassing below.
import re
from collections.abc import Callable
from typing import Any, get_args

from magicgui.widgets import CheckBox, ComboBox, LineEdit, PushButton, SpinBox
from napari.layers import Image as ImageLayer
from napari.layers import Labels
from qtpy.QtWidgets import QWidget

from napari_dip.config import (
    DEFAULT_FACTOR,
    DEFAULT_FEATURES,
    DEFAULT_KERNEL,
    DEFAULT_KNOWN,
    DEFAULT_LOSS,
    DEFAULT_OPTICS,
    REFRACTIVE_INDEX,
    Kernel,
    Optics,
)
from napari_dip.core.tasks import TASKS
from napari_dip.errors import UsageError
from napari_dip.gui.form.config_fields import layer_field
from napari_dip.gui.job.choices import TaskChoice
from napari_dip.gui.job.layer_image import mask_kwargs
from napari_dip.gui.widgets.collapsible import column

# Name, and one line that says what it is for.
TITLES = {
    "denoise": ("Denoise", "Noise that differs from pixel to pixel is removed."),
    "inpaint": ("Fill pixels", "Painted pixels are replaced by what fits around them."),
    "super-resolve": ("Enlarge", "More pixels, such that the image is their low-passed sample."),
    "deconvolve": ("Deconvolve", "The blur of the lens is undone, from its PSF."),
    "dejpeg": ("Clean JPEG", "The blocks and ringing of compression are removed."),
    "guided": ("Use a guide", "Another picture of the same scene shows where edges are."),
    "fourier": ("Fill in k-space", "Frequencies that were not recorded are filled in."),
    "invert-features": ("Invert features", "A picture that looks the same to a trained network."),
}


class TaskForm(QWidget):  # type: ignore[misc]
    """Task, and below it what that task needs.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        Whose layers can be chosen.
    make_rows : callable
        Puts widgets into labelled rows.
    image_layer : callable
        Returns the layer that is restored, or None.
    """

    def __init__(
        self, viewer: Any, make_rows: Callable[..., QWidget], image_layer: Callable[[], Any]
    ) -> None:
        super().__init__()
        self._viewer = viewer
        self._image_layer = image_layer
        self._task = ComboBox(
            name="task",
            label="Task",
            choices=[(TITLES[name][0], name) for name in TASKS],
            tooltip="What is wrong with the image.",
        )
        self._new_mask = PushButton(
            name="new_mask", text="New mask", tooltip="Add a layer to paint on."
        )
        self._new_mask.clicked.connect(self._add_mask)
        self._fields = self._make_fields()
        self._defaults = {
            (name, id(widget)): getattr(widget, "value", None)
            for fields in self._fields.values()
            for name, widget in fields.items()
        }
        self._rows = {
            name: make_rows(*fields.values()) for name, fields in self._fields.items() if fields
        }
        column(self, make_rows(self._task), *self._rows.values())
        self._task.changed.connect(self._follow)
        self._follow()

    def _add_mask(self) -> None:
        layer = self._image_layer()
        if layer is None:
            return
        mask = self._viewer.add_labels(**mask_kwargs(layer))
        mask.mode = "paint"
        self.reset_choices()
        self._fields["inpaint"]["mask"].value = mask

    def _make_fields(self) -> dict[str, dict[str, Any]]:
        def layer(name: str, label: str, kinds: tuple[Any, ...], tip: str) -> ComboBox:
            return layer_field(self._viewer, kinds, name=name, label=label, tooltip=tip)

        def line(name: str, label: str, tip: str, value: str = "") -> LineEdit:
            widget = LineEdit(name=name, label=label, value=value, tooltip=tip)
            unit = re.search(r"\[.+?\]", tip)
            widget.native.setPlaceholderText(unit.group() if unit else "")
            return widget

        return {
            "denoise": {},
            "inpaint": {
                "mask": layer(
                    "mask", "Mask", (Labels, ImageLayer), "Painted where pixels are missing."
                ),
                "new_mask": self._new_mask,
                "labels": line(
                    "labels", "Label values", "Only these mark missing pixels, such as 1, 3."
                ),
                "inverse": CheckBox(
                    name="inverse",
                    label="Mask is inverse",
                    tooltip="The mask is painted where pixels are known.",
                ),
                "known": ComboBox(
                    name="known",
                    label="Known pixels",
                    choices=[("keep them", "keep"), ("restore too", "restore")],
                    value=DEFAULT_KNOWN,
                    tooltip="Whether known pixels come back as they were, or denoised.",
                ),
            },
            "super-resolve": {
                "factor": SpinBox(
                    name="factor",
                    label="Factor",
                    min=2,
                    max=16,
                    value=DEFAULT_FACTOR,
                    tooltip="How many times more pixels along Y and X.",
                ),
                "kernel": ComboBox(
                    name="kernel",
                    label="Low-pass",
                    choices=list(get_args(Kernel)),
                    value=DEFAULT_KERNEL,
                    tooltip="What the image was low-passed with; box for a camera that bins.",
                ),
            },
            "deconvolve": {
                "psf": layer("psf", "PSF", (ImageLayer,), "Image of a point."),
                "sigma": line("sigma", "Gaussian blur", "Standard deviation [pixels]."),
                "na": line("na", "NA", "Numerical aperture of a wide-field objective."),
                "wavelength": line("wavelength", "Wavelength", "Of the emission [micrometre]."),
                "refractive_index": line(
                    "refractive_index",
                    "Refractive index",
                    "Of the immersion.",
                    str(REFRACTIVE_INDEX),
                ),
                "optics": ComboBox(
                    name="optics",
                    label="Optics",
                    choices=list(get_args(Optics)),
                    value=DEFAULT_OPTICS,
                    tooltip="Theory of the PSF; vectorial for a high NA, needs psf-generator.",
                ),
                "refine_psf": CheckBox(
                    name="refine_psf",
                    label="Refine the blur",
                    tooltip="The Gaussian's width is a guess: each axis is fitted as well.",
                ),
            },
            "dejpeg": {
                "loss": ComboBox(
                    name="loss",
                    label="Loss",
                    choices=[("auto", "auto"), ("plain", "plain")],
                    value=DEFAULT_LOSS,
                    tooltip="Auto: of a JPEG file as it was opened, coefficients are compared, in "
                    "steps of their quantisation. Plain: pixels.",
                ),
            },
            "fourier": {
                "mask": layer(
                    "mask",
                    "Mask",
                    (Labels, ImageLayer),
                    "Not 0 at recorded frequencies; zero frequency in the middle.",
                ),
                "inverse": CheckBox(
                    name="inverse",
                    label="Mask is inverse",
                    tooltip="The mask is 0 where frequencies were recorded.",
                ),
            },
            "invert-features": {
                "features": line(
                    "features",
                    "Features",
                    "Trained network and layer: efficientnet-lite0:_blocks.4, or alexnet.",
                    DEFAULT_FEATURES,
                ),
                "unit": line(
                    "unit",
                    "Unit",
                    "To be as active as it can be, from 0; of the image only the size counts then.",
                ),
            },
            "guided": {
                "picture": layer(
                    "picture", "Guide", (ImageLayer,), "A brighter channel, or a flash photograph."
                ),
            },
        }

    def _follow(self) -> None:
        self._task.tooltip = TITLES[self._task.value][1]
        for name, rows in self._rows.items():
            rows.setVisible(name == self._task.value)

    def reset(self) -> None:
        """Go back to the first task, and to the defaults of all."""
        for fields in self._fields.values():
            for name, widget in fields.items():
                if widget is not self._new_mask:
                    widget.value = self._defaults[name, id(widget)]
        self._task.value = next(iter(TASKS))

    def reset_choices(self) -> None:
        """Follow the viewer's layers."""
        for fields in self._fields.values():
            for widget in fields.values():
                if hasattr(widget, "reset_choices"):
                    widget.reset_choices()

    @property
    def choice(self) -> TaskChoice:
        """What the form says; UsageError when it cannot be meant."""
        name = self._task.value
        values = {
            key: _read(key, widget)
            for key, widget in self._fields[name].items()
            if widget is not self._new_mask
        }
        return TaskChoice(name, {key: value for key, value in values.items() if value is not None})

    @choice.setter
    def choice(self, choice: TaskChoice) -> None:
        self._task.value = choice.name
        for key, value in choice.values.items():
            widget = self._fields[choice.name][key]
            widget.value = _written(value) if isinstance(widget, LineEdit) else value


def _whole_numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.replace(",", " ").split())


# What is not just a number.
_READERS: dict[str, Callable[[str], Any]] = {
    "labels": _whole_numbers,
    "features": str,
    "unit": int,
}


def _written(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _read(name: str, widget: Any) -> Any:
    if not isinstance(widget, LineEdit):
        return widget.value
    text = widget.value.strip()
    if not text:
        return None
    try:
        return _READERS.get(name, float)(text)
    except ValueError as error:
        raise UsageError(f"Got {widget.label} {text!r}; expected a number.") from error
