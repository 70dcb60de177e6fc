"""Voxel size, units and frame interval of TIFF files: ImageJ, OME-XML or resolution tags."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from napari_dip.core.image.units import SECONDS, in_unit, unit_name

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    import tifffile

_INCH, _CENTIMETRE = 2, 3
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?")


@dataclass
class Calibration:
    """Voxel size, units and position found in a file.

    Attributes
    ----------
    voxel_size : dict of str to float
        Spacing of pixels, by axis.
    units : dict of str to str
        Unit of the spacing, by axis.
    position : dict of str to float
        Coordinate of the first pixel in the same unit, by axis.
    warnings : list of str
        Warnings about entries that cannot be read or need an assumption.
    """

    voxel_size: dict[str, float] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    position: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def put(self, axis: str, size: float | None, unit: str) -> None:
        """Store the spacing of an axis if it is positive and finite."""
        if size is not None and 0 < size < math.inf:
            self.voxel_size[axis], self.units[axis] = size, unit

    def number(self, entries: Mapping[str, Any], name: str) -> float | None:
        """Return an entry as a number; None, with a warning, if it is not a number."""
        value = entries.get(name)
        if value is None or value == "":
            return None
        text = str(value).strip()
        if _DECIMAL_COMMA.fullmatch(text):
            number = float(text.replace(",", "."))
            self.warnings.append(
                f"The file has {name}={text}, with a decimal comma; {number:g} is assumed."
            )
            return number
        try:
            return float(text)
        except ValueError:
            self.warnings.append(
                f"The file has {name}={text[:40]!r}, which is not a number; it is ignored."
            )
            return None


def imagej_calibration(file: tifffile.TiffFile) -> Calibration:
    """Return the calibration of an ImageJ file.

    Notes
    -----
    `fps` is not read: it is the speed of the animation on the screen, not of the recording.
    """
    entries = file.imagej_metadata or {}
    calibration = Calibration()
    sizes, resolution_unit = _resolution(file)
    unit = unit_name(str(entries.get("unit", "")))
    if unit == "pixel" and resolution_unit == _CENTIMETRE and set(sizes.values()) - {1.0}:
        unit = "centimeter"
    elif unit == "pixel" and resolution_unit in (_INCH, _CENTIMETRE):
        sizes = {}  # the resolution of a screen or printer, or a default
    spacing = calibration.number(entries, "spacing")
    # The spacing is negative if planes are counted downwards.
    sizes["Z"] = None if spacing is None else abs(spacing)
    if unit == "pixel" and "zunit" not in entries:
        _put_ratio(calibration, sizes)
    else:
        for axis, size in sizes.items():
            axis_unit = unit_name(str(entries.get(f"{axis.lower()}unit", unit)))
            if size is not None and axis_unit != "pixel":
                converted = in_unit(size, axis_unit, unit)
                calibration.put(
                    axis, *((size, axis_unit) if converted is None else (converted, unit))
                )
    _put_interval(calibration, entries)
    return calibration


def _put_ratio(calibration: Calibration, sizes: Mapping[str, float | None]) -> None:
    """Store sizes without a unit if the spacing of planes differs from that of pixels."""
    depth, width = sizes.get("Z"), sizes.get("X") or 1.0
    if depth is None or math.isclose(depth, width):
        return
    for axis, size in (("Z", depth), ("Y", sizes.get("Y") or 1.0), ("X", width)):
        calibration.put(axis, size, "pixel")


def _put_interval(calibration: Calibration, entries: Mapping[str, Any]) -> None:
    names = [name for name in entries if name.lower() in ("finterval", "frame interval")]
    interval = calibration.number(entries, names[0]) if names else None
    unit = unit_name(str(entries.get("tunit", "sec")))
    if interval is not None and unit in SECONDS:
        interval, unit = interval * SECONDS[unit], "second"
    calibration.put("T", interval, unit)


def plain_calibration(file: tifffile.TiffFile) -> Calibration:
    """Return the calibration of a file whose only metadata are resolution tags."""
    calibration = Calibration()
    sizes, unit = _resolution(file)
    # A resolution in inches is that of a screen or printer, not of the specimen.
    # One pixel per centimetre is a default value.
    if unit == _CENTIMETRE and set(sizes.values()) - {1.0}:
        for axis, size in sizes.items():
            if size is not None:
                calibration.put(axis, size * 1e4, "micrometer")
    return calibration


def _resolution(file: tifffile.TiffFile) -> tuple[dict[str, float | None], int]:
    tags = file.pages.first.tags
    sizes: dict[str, float | None] = {}
    for axis in "XY":
        if f"{axis}Resolution" in tags:
            numerator, denominator = tags[f"{axis}Resolution"].value
            if numerator:
                sizes[axis] = denominator / numerator
    unit = tags["ResolutionUnit"].value if "ResolutionUnit" in tags else 1
    return sizes, int(unit)


def ome_calibration(pixels: Element) -> Calibration:
    """Return the calibration in the OME element Pixels, and the position of its first plane."""
    calibration = Calibration()
    for axis in "ZYX":
        unit = unit_name(pixels.get(f"PhysicalSize{axis}Unit", "µm"))
        calibration.put(axis, calibration.number(pixels.attrib, f"PhysicalSize{axis}"), unit)
    unit = unit_name(pixels.get("TimeIncrementUnit", "s"))
    calibration.put("T", calibration.number(pixels.attrib, "TimeIncrement"), unit)
    plane = next((child for child in pixels if child.tag.endswith("Plane")), None)
    if plane is not None:
        _put_position(calibration, plane)
    return calibration


def _put_position(calibration: Calibration, plane: Element) -> None:
    """Store the position of a plane, unless its unit is unknown ("reference frame")."""
    for axis in "XYZ":
        at = calibration.number(plane.attrib, f"Position{axis}")
        unit = unit_name(plane.get(f"Position{axis}Unit", "reference frame"))
        converted = None if at is None else in_unit(at, unit, calibration.units.get(axis, ""))
        if converted is not None:
            calibration.position[axis] = converted
