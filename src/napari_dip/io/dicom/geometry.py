"""Geometry of DICOM planes: order, spacing, pixel size, frame interval and affine."""

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
# NIfTI code of scanner coordinates.
SCANNER = 1
# Largest relative difference of equal plane spacings; a larger one is a gap.
_TOLERANCE = 0.05
# Smallest shift between planes, relative to their spacing, that shows a tilted gantry.
_TILT = 0.01
# Largest difference of equal components of unit vectors.
_ROUNDING = 1e-3
_PLACEMENT = ("ImageOrientationPatient", "ImagePositionPatient")
# Tags with the spacing of rows and of columns [mm], the most accurate first.
_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
# Code of the unit centimetre in a region of an ultrasound image.
_CENTIMETRES = 3


@dataclass(frozen=True, slots=True)
class Stack:
    """Planes in ascending order along their normal.

    Attributes
    ----------
    order : list of int
        Indices of the files, in the order of the planes.
    step : (3,) array or None
        Vector from a plane to the next in patient coordinates [mm]; None if unknown.
    sizes : mapping of str to float
        Spacing of planes along their normal [mm], with the key Z; empty if unknown.
    """

    order: list[int]
    step: NDArray[np.float64] | None = None
    sizes: dict[str, float] = field(default_factory=dict)


def stack_planes(path: Path, headers: Sequence[Dataset], warnings: list[str]) -> Stack:
    """Sort planes by position.

    Parameters
    ----------
    path : Path
        File or folder to name in an error.
    headers : sequence of Dataset
        Header of each plane, or the only header of a file.
    warnings : list of str
        List to which a warning about a tilted gantry is added.

    Raises
    ------
    FileFormatError
        Planes have no position, several have the same, or their spacings differ.
    """
    first = headers[0]
    if len(headers) == 1:
        return _frames(first)
    if not all(name in header for header in headers for name in _PLACEMENT):
        raise FileFormatError(
            f"Got {path} with {len(headers)} planes, some without a position; expected "
            f"{' and '.join(_PLACEMENT)} in each. Restore the files one by one."
        )
    normal = np.cross(*_directions(first))
    positions = np.array([_numbers(header.ImagePositionPatient) for header in headers])
    along = positions @ normal
    order = np.argsort(along, kind="stable")
    distances = np.diff(along[order])
    distance = float(np.median(distances))
    if distances.min() <= 0 or np.ptp(distances) > _TOLERANCE * distance:
        raise FileFormatError(
            f"Got {path} with planes that are {distances.min():.3g} to {distances.max():.3g} mm "
            "apart; expected equal spacing. If a file is missing, add it. If several planes have "
            "the same position, move the extra ones to another folder."
        )
    step = (positions[order[-1]] - positions[order[0]]) / (len(headers) - 1)
    if np.linalg.norm(step - distance * normal) > _TILT * distance:
        warnings.append("Each plane is shifted from the previous one, as by a tilted gantry.")
    else:
        step = distance * normal
    return Stack([int(index) for index in order], step, {"Z": distance})


def _frames(header: Dataset) -> Stack:
    """Return the stack of a single file, whose frames are the planes."""
    between = header.get("SpacingBetweenSlices")
    thickness = header.get("SliceThickness")
    # A negative spacing means that the frames are ordered against the normal.
    distance = float(between or thickness or 1.0)
    step = None
    if _PLACEMENT[0] in header:
        step = distance * np.cross(*_directions(header))
    return Stack([0], step, {"Z": abs(distance)} if between else {})


def count_orientations(headers: Sequence[Dataset]) -> int:
    """Return the number of different plane orientations, ignoring rounding."""
    distinct: list[NDArray[np.float64]] = []
    for header in headers:
        orientation = _numbers(header.get(_PLACEMENT[0], ()))
        known = (
            np.allclose(orientation, other, atol=_ROUNDING)
            for other in distinct
            if orientation.size == other.size
        )
        if not any(known):
            distinct.append(orientation)
    return len(distinct)


def is_mosaic(header: Dataset) -> bool:
    """Return whether a plane is a mosaic of slices side by side."""
    return "MOSAIC" in (header.get("ImageType") or ())


def _directions(header: Dataset) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the unit vectors along X and Y of the array, in patient coordinates."""
    cosines = _numbers(header.ImageOrientationPatient)
    return cosines[:3], cosines[3:]


def _numbers(values: Any) -> NDArray[np.float64]:
    return np.array([float(value) for value in values])


def pixel_spacing(header: Dataset) -> tuple[float, float] | None:
    """Return the spacing of rows and of columns [mm]; None if unknown."""
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
    """Return the pixel size along Y and X [mm]; empty if unknown."""
    spacing = pixel_spacing(header)
    if spacing is None:
        if any(header.get(name) for name in _SPACINGS):
            warnings.append("The pixel spacing is not positive; the pixel size is unknown.")
        return {}
    if not header.get(_SPACINGS[0]) and header.get(_SPACINGS[1]):
        warnings.append(
            "The pixel size is that at the detector; in the object it is smaller, because the "
            "projection magnifies."
        )
    return dict(zip("YX", spacing, strict=True))


def frame_interval(header: Dataset, warnings: list[str]) -> dict[str, float] | None:
    """Return the time between frames [s] with the key T; None if the frames are planes."""
    if header.get("FrameTime"):
        return {"T": float(header.FrameTime) / 1000}
    if "FrameTimeVector" not in header:
        return None
    # The first value is the delay of the first frame.
    steps = np.atleast_1d(_numbers(np.atleast_1d(header.FrameTimeVector)))[1:]
    if len(steps) and steps.min() > 0 and np.ptp(steps) <= _TOLERANCE * steps.mean():
        return {"T": float(steps.mean()) / 1000}
    warnings.append("The time between frames varies; the frame interval is unknown.")
    return {}


def affine_of(first: Dataset, stack: Stack) -> Affine | None:
    """Return the affine from pixel indices (x, y, z, 1) to right, anterior, superior [mm]."""
    if not all(name in first for name in (*_PLACEMENT, "PixelSpacing")) or stack.step is None:
        return None
    spacing = pixel_spacing(first)
    if spacing is None or is_mosaic(first):
        return None
    x, y = _directions(first)
    row, column = spacing
    affine = np.eye(4)
    origin = _numbers(first.ImagePositionPatient)
    affine[:3] = np.stack([x * column, y * row, stack.step, origin], 1)
    # The patient axes of DICOM point left and posterior.
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
    return tuple(tuple(map(float, line)) for line in affine)
