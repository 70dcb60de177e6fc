"""Voxel size, units and frame interval of a TIFF file: ImageJ, OME-XML or resolution tags."""

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
    """What a file says about its sampling.

    Attributes
    ----------
    voxel_size : dict of str to float
        Spacing along an axis.
    units : dict of str to str
        Unit of that spacing.
    position : dict of str to float
        Coordinate of the first pixel along an axis, in the same unit.
    warnings : list of str
        Entries that cannot be read, or were read by an assumption.
    """

    voxel_size: dict[str, float] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    position: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def put(self, axis: str, size: float | None, unit: str) -> None:
        """Keep a size that is a positive number; others are unknown."""
        if size is not None and 0 < size < math.inf:
            self.voxel_size[axis], self.units[axis] = size, unit

    def number(self, entries: Mapping[str, Any], name: str) -> float | None:
        """Return an entry as a number; None, with a warning, where it is no number."""
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
                f"The file has {name}={text[:40]!r}, which is not a number; it is left out."
            )
            return None


def imagej_calibration(file: tifffile.TiffFile) -> Calibration:
    """Return the sampling of an ImageJ file.

    Notes
    -----
    `fps` is the speed of the animation on the screen, not of the recording.
    """
    entries = file.imagej_metadata or {}
    found = Calibration()
    sizes, resolution_unit = _resolution(file)
    unit = unit_name(str(entries.get("unit", "")))
    if unit == "pixel" and resolution_unit == _CENTIMETRE and set(sizes.values()) - {1.0}:
        unit = "centimeter"
    elif unit == "pixel" and resolution_unit in (_INCH, _CENTIMETRE):
        sizes = {}  # the resolution of a screen or printer, or a default
    spacing = found.number(entries, "spacing")
    sizes["Z"] = None if spacing is None else abs(spacing)  # planes may be counted downwards
    if unit == "pixel" and "zunit" not in entries:
        _put_ratio(found, sizes)
    else:
        for axis, size in sizes.items():
            own = unit_name(str(entries.get(f"{axis.lower()}unit", unit)))
            if size is not None and own != "pixel":
                same = in_unit(size, own, unit)
                found.put(axis, *((size, own) if same is None else (same, unit)))
    _put_interval(found, entries)
    return found


def _put_ratio(found: Calibration, sizes: Mapping[str, float | None]) -> None:
    """Keep sizes without a unit if they show that planes are not as far apart as pixels."""
    depth, width = sizes.get("Z"), sizes.get("X") or 1.0
    if depth is None or math.isclose(depth, width):
        return
    for axis, size in (("Z", depth), ("Y", sizes.get("Y") or 1.0), ("X", width)):
        found.put(axis, size, "pixel")


def _put_interval(found: Calibration, entries: Mapping[str, Any]) -> None:
    names = [name for name in entries if name.lower() in ("finterval", "frame interval")]
    interval = found.number(entries, names[0]) if names else None
    unit = unit_name(str(entries.get("tunit", "sec")))
    if interval is not None and unit in SECONDS:
        interval, unit = interval * SECONDS[unit], "second"
    found.put("T", interval, unit)


def plain_calibration(file: tifffile.TiffFile) -> Calibration:
    """Return the sampling of a file without metadata but its resolution tags."""
    found = Calibration()
    sizes, unit = _resolution(file)
    # Inches are a screen's or printer's resolution, not the specimen's.
    # One pixel per centimetre is a default.
    if unit == _CENTIMETRE and set(sizes.values()) - {1.0}:
        for axis, size in sizes.items():
            if size is not None:
                found.put(axis, size * 1e4, "micrometer")
    return found


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
    """Return the sampling that OME's Pixels name, and the position of the first plane."""
    found = Calibration()
    for axis in "ZYX":
        unit = unit_name(pixels.get(f"PhysicalSize{axis}Unit", "µm"))
        found.put(axis, found.number(pixels.attrib, f"PhysicalSize{axis}"), unit)
    unit = unit_name(pixels.get("TimeIncrementUnit", "s"))
    found.put("T", found.number(pixels.attrib, "TimeIncrement"), unit)
    plane = next((child for child in pixels if child.tag.endswith("Plane")), None)
    if plane is not None:
        _put_position(found, plane)
    return found


def _put_position(found: Calibration, plane: Element) -> None:
    """Keep where a plane lies; a stage's "reference frame" has no known unit."""
    for axis in "XYZ":
        at = found.number(plane.attrib, f"Position{axis}")
        unit = unit_name(plane.get(f"Position{axis}Unit", "reference frame"))
        same = None if at is None else in_unit(at, unit, found.units.get(axis, ""))
        if same is not None:
            found.position[axis] = same
