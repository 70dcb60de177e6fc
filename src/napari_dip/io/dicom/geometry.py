"""Geometry of DICOM planes: their order, distance, pixel size, time and place in the scanner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_dip.errors import FileFormatError

if TYPE_CHECKING:
    from pydicom import Dataset

    from napari_dip.core.image.image import Affine

UNIT = "millimeter"
# NIfTI's code of coordinates in the scanner.
SCANNER = 1
# Distances of planes that differ by more than this are a gap, not rounding.
_TOLERANCE = 0.05
# Planes shifted by a larger share of their distance are those of a tilted gantry.
_TILT = 0.01
# Components of unit vectors that differ by less are the same.
_ROUNDING = 1e-3
_POSITION = ("ImageOrientationPatient", "ImagePositionPatient")
# Distance of rows and of columns [mm].
_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
# Code of centimetres in a region of an ultrasound picture.
_CENTIMETRES = 3


@dataclass(frozen=True, slots=True)
class Stack:
    """Planes in ascending order along their normal.

    Attributes
    ----------
    order : list of int
        Index of each plane's file.
    step : (3,) array or None
        From a plane to the next [mm], in the patient; None where no file says it.
    sizes : mapping of str to float
        Distance of planes along their normal [mm], by axis Z; empty where not known.
    """

    order: list[int]
    step: NDArray[np.float64] | None = None
    sizes: dict[str, float] = field(default_factory=dict)


def stack_planes(path: Path, headers: Sequence[Dataset], warnings: list[str]) -> Stack:
    """Sort planes by position.

    Raises
    ------
    FileFormatError
        Planes have no position, several have the same, or distances differ.
    """
    first = headers[0]
    if len(headers) == 1:
        return _frames(first)
    if not all(name in header for header in headers for name in _POSITION):
        raise FileFormatError(
            f"Got {path} with {len(headers)} planes of which not all have a position; expected "
            f"{' and '.join(_POSITION)} in each. Restore the files one by one."
        )
    normal = np.cross(*_directions(first))
    places = np.array([_numbers(header.ImagePositionPatient) for header in headers])
    along = places @ normal
    order = np.argsort(along, kind="stable")
    distances = np.diff(along[order])
    distance = float(np.median(distances))
    if distances.min() <= 0 or np.ptp(distances) > _TOLERANCE * distance:
        raise FileFormatError(
            f"Got {path} with planes that are {distances.min():.3g} to {distances.max():.3g} mm "
            "apart; expected the same distance between all. A file may be missing, or there may "
            "be several planes at one position: move these to another folder."
        )
    step = (places[order[-1]] - places[order[0]]) / (len(headers) - 1)
    if np.linalg.norm(step - distance * normal) > _TILT * distance:
        warnings.append("Each plane is shifted against the one before, as by a tilted gantry.")
    else:
        step = distance * normal
    return Stack([int(index) for index in order], step, {"Z": distance})


def _frames(header: Dataset) -> Stack:
    """Return the stack of one file, whose frames are the planes."""
    between = header.get("SpacingBetweenSlices")
    thickness = header.get("SliceThickness")
    # A sign says whether frames follow each other along the normal, or against it.
    distance = float(between or thickness or 1.0)
    step = None
    if _POSITION[0] in header:
        step = distance * np.cross(*_directions(header))
    return Stack([0], step, {"Z": abs(distance)} if between else {})


def count_orientations(headers: Sequence[Dataset]) -> int:
    """Return how many directions planes have in the patient; rounding makes no new one."""
    found: list[NDArray[np.float64]] = []
    for header in headers:
        one = _numbers(header.get(_POSITION[0], ()))
        same = (
            np.allclose(one, other, atol=_ROUNDING) for other in found if one.size == other.size
        )
        if not any(same):
            found.append(one)
    return len(found)


def is_mosaic(header: Dataset) -> bool:
    """Tell whether a plane is made of slices side by side."""
    return "MOSAIC" in (header.get("ImageType") or ())


def _directions(header: Dataset) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where X and Y of the array point to, in the patient."""
    both = _numbers(header.ImageOrientationPatient)
    return both[:3], both[3:]


def _numbers(values: Any) -> NDArray[np.float64]:
    return np.array([float(value) for value in values])


def pixel_spacing(header: Dataset) -> tuple[float, float] | None:
    """Return the distance of rows, and that of columns [mm]; None where no file says it."""
    for name in _SPACINGS:
        if header.get(name):
            rows, columns = map(float, header[name].value)
            return (rows, columns) if 0 < min(rows, columns) < np.inf else None
    regions: Sequence[Dataset] = header.get("SequenceOfUltrasoundRegions") or []
    if len(regions) == 1 and all(
        regions[0].get(f"PhysicalUnits{axis}Direction") == _CENTIMETRES for axis in "XY"
    ):
        rows, columns = (10 * abs(float(regions[0].get(f"PhysicalDelta{axis}"))) for axis in "YX")
        return (rows, columns) if min(rows, columns) > 0 else None
    return None


def pixel_size(header: Dataset, warnings: list[str]) -> dict[str, float]:
    """Return the size of a pixel along Y and X [mm], where it is known."""
    spacing = pixel_spacing(header)
    if spacing is None:
        if any(header.get(name) for name in _SPACINGS):
            warnings.append("The pixel spacing is not positive; the pixel size is not known.")
        return {}
    if not header.get(_SPACINGS[0]) and header.get(_SPACINGS[1]):
        warnings.append(
            "The pixel size is that at the detector; the object was magnified by the projection."
        )
    return dict(zip("YX", spacing, strict=True))


def frame_interval(header: Dataset, warnings: list[str]) -> dict[str, float] | None:
    """Return the time between frames [s] by axis T; None if frames are planes."""
    if header.get("FrameTime"):
        return {"T": float(header.FrameTime) / 1000}
    if "FrameTimeVector" not in header:
        return None
    # The first number is the delay of the first frame.
    steps = np.atleast_1d(_numbers(np.atleast_1d(header.FrameTimeVector)))[1:]
    if len(steps) and steps.min() > 0 and np.ptp(steps) <= _TOLERANCE * steps.mean():
        return {"T": float(steps.mean()) / 1000}
    warnings.append("The time between frames is not always the same; it is not known.")
    return {}


def affine_of(first: Dataset, stack: Stack) -> Affine | None:
    """Return the map of pixel indices (x, y, z, 1) to right, anterior, superior [mm]."""
    if not all(name in first for name in (*_POSITION, "PixelSpacing")) or stack.step is None:
        return None
    spacing = pixel_spacing(first)
    if spacing is None or is_mosaic(first):
        return None
    x, y = _directions(first)
    row, column = spacing
    affine = np.eye(4)
    place = _numbers(first.ImagePositionPatient)
    affine[:3] = np.stack([x * column, y * row, stack.step, place], 1)
    # DICOM's axes point to the left and to the back.
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
    return tuple(tuple(map(float, line)) for line in affine)
