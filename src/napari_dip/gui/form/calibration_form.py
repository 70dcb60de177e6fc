"""Fields of axes and voxel size, with those of the image."""

# Qt classes have no types for mypy, hence the ignored subclassing below.
import sys
from collections.abc import Callable
from typing import Any

from magicgui.widgets import ComboBox, LineEdit
from qtpy.QtWidgets import QWidget

from napari_dip.core.image.image import Image
from napari_dip.core.image.units import in_unit, unit_symbol
from napari_dip.gui.form.numbers import number_validator
from napari_dip.gui.widgets.collapsible import Collapsible, column

_UNITS = ("nanometer", "micrometer", "millimeter")
_DEFAULT = "micrometer"


class CalibrationForm(QWidget):  # type: ignore[misc]
    """Axes and voxel size of the image to restore; what is edited replaces them in a run.

    Parameters
    ----------
    make_rows : callable
        Puts widgets into labelled rows.
    """

    def __init__(self, make_rows: Callable[..., QWidget]) -> None:
        super().__init__()
        self._axes = LineEdit(
            name="axes",
            label="Axes",
            tooltip="One letter for each dimension: T frames, C channels, Z planes, Y, X.",
        )
        self._sizes = {axis: _size_field(axis) for axis in "ZYX"}
        self._unit = ComboBox(
            name="size_unit",
            label="Unit",
            choices=[(unit_symbol(unit), unit) for unit in _UNITS],
            value=_DEFAULT,
            tooltip="Unit of the voxel size.",
        )
        self._fields = (self._axes, *self._sizes.values(), self._unit)
        self._image: Image | None = None
        self._found = self._values()
        self._section = Collapsible("Calibration", "calibration")
        self._z = make_rows(self._sizes["Z"])
        rows = QWidget()
        parts = (self._axes, self._sizes["Y"], self._sizes["X"], self._unit)
        axes, *others = (make_rows(part) for part in parts)
        column(rows, axes, self._z, *others)
        self._section.addWidget(rows)
        column(self, self._section)
        for field in self._fields:
            field.changed.connect(self._show_summary)
        self._show_summary()

    def open(self, name: str) -> None:
        """Open the section, with the keyboard in its first empty field.

        Parameters
        ----------
        name : {"axes", "voxel_size"}
            Field of the configuration that is asked for.
        """
        self._section.expand()
        sizes = [field for axis, field in self._sizes.items() if axis != "Z" or self._has_z()]
        asked = [self._axes] if name == "axes" else sizes
        empty = [field for field in asked if not str(field.value).strip()]
        (empty or asked)[0].native.setFocus()

    def show_image(self, image: Image | None, hint: str = "") -> None:
        """Fill the fields with the axes and the voxel size of an image.

        Parameters
        ----------
        image : Image or None
            Image to restore.
        hint : str
            Text in the empty field of the axes.
        """
        self._image, unit = image, _DEFAULT
        if image is not None and image.units.get("X") in _UNITS:
            unit = image.units["X"]
        self._axes.native.setPlaceholderText(hint)
        self._fill({}, unit)
        self._found = self._values()
        self._show_summary()

    @property
    def axes(self) -> str | None:
        """Axes that replace those of the image; None if they are not edited."""
        axes = str(self._axes.value).strip()
        return None if axes in ("", self._found[0]) else axes

    @property
    def voxel_size(self) -> dict[str, Any] | None:
        """Voxel size that replaces that of the image [micrometre]; None if it is not edited.

        A text that is no number is returned as it is, for the check of the configuration.
        """
        _, *sizes, unit = self._values()
        if (*sizes, unit) == self._found[1:]:
            return None
        shown = {
            axis: str(field.value).strip()
            for axis, field in self._sizes.items()
            if axis != "Z" or self._has_z()
        }
        return {
            axis.lower(): _in_micrometers(text, unit) for axis, text in shown.items() if text
        } or None

    def set(self, axes: str | None, voxel_size: dict[Any, float] | None) -> None:
        """Set axes and voxel size [micrometre]; None returns to those of the image."""
        given = {axis.upper(): size for axis, size in (voxel_size or {}).items()}
        self._fill(given, _DEFAULT if given else self._found[-1])
        if axes is not None:
            self._axes.value = axes

    def _fill(self, given: dict[str, float], unit: str) -> None:
        """Show the given sizes [micrometre], and those of the image along the other axes."""
        image = self._image
        self._axes.value = "" if image is None else image.axes
        for axis, field in self._sizes.items():
            size = in_unit(given[axis], _DEFAULT, unit) if axis in given else None
            if image is not None and axis in image.voxel_size and axis not in given:
                size = in_unit(image.voxel_size[axis], image.units.get(axis, _DEFAULT), unit)
            field.value = "" if size is None else f"{size:.10g}"
        self._unit.value = unit

    def _values(self) -> tuple[str, ...]:
        return tuple(str(field.value).strip() for field in self._fields)

    def _has_z(self) -> bool:
        axes = str(self._axes.value).strip()
        return not axes or "Z" in axes.upper()

    def _show_summary(self, *_: Any) -> None:
        """Show the calibration in the title of the section, such as "ZYX, 3 x 0.1 x 0.1 µm"."""
        self._z.setVisible(self._has_z())
        axes, *sizes, unit = self._values()
        shown = [size or "?" for size in (sizes if self._has_z() else sizes[1:])]
        known = any(size != "?" for size in shown)
        size = f"{' x '.join(shown)} {unit_symbol(unit)}" if known else ""
        summary = ", ".join(filter(None, [axes, size]))
        self._section.setText("Calibration" + f": {summary}" * bool(summary))


def _size_field(axis: str) -> LineEdit:
    field = LineEdit(
        name=f"voxel_size_{axis.lower()}",
        label=f"Voxel size {axis.lower()}",
        tooltip=f"Distance of neighbouring {'planes' if axis == 'Z' else 'pixels'} along {axis}.",
    )
    field.native.setPlaceholderText("not known")
    field.native.setValidator(number_validator(0.0, sys.float_info.max, field.native))
    return field


def _in_micrometers(text: str, unit: str) -> float | str:
    try:
        return in_unit(float(text), unit, "micrometer") or 0.0
    except ValueError:
        return text
