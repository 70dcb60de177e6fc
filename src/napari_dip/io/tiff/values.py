"""Pixels of a TIFF file as they were meant: no-data values, scale, and orientation.

Each function takes what it needs from the tags of the first page, and returns
warnings for what a user sees changed against the stored numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

_GDAL_NODATA, _ORIENTATION = 42113, 274
# Beyond this no float32 is a measurement: GDAL's -3.4e38 is often rounded in its tag.
_HUGE = 3e38
# Of Orientation: (Y and X are swapped, then Y is mirrored, X is mirrored).
_ORIENTATIONS = {
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}
_STRAIGHT_LINE = 0


def no_data_mask(page: tifffile.TiffPage, values: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Return where pixels hold the no-data value of GDAL; None where there are none."""
    tag = page.tags.get(_GDAL_NODATA)
    value = None if tag is None else _as_number(str(tag.value))
    if value is None or math.isnan(value):  # pixels that are NaN are missing in any case
        return None
    if values.dtype.kind == "f" and abs(value) >= _HUGE:
        missing = values * np.sign(value) >= _HUGE
    elif values.dtype.kind == "f":
        missing = values == values.dtype.type(value)
    elif value.is_integer():
        missing = values == int(value)
    else:
        return None
    return missing if missing.any() else None


def _as_number(text: str) -> float | None:
    try:
        return float(text.strip("\x00 \n").replace(",", "."))
    except ValueError:
        return None


def mark_missing(
    values: NDArray[Any], missing: NDArray[np.bool_], axes: str
) -> tuple[NDArray[Any], str]:
    """Return values with NaN at missing pixels, and a warning.

    A pixel of several colours is missing where all of them have the no-data value.
    """
    if "S" in axes:
        missing = np.broadcast_to(missing.all(axis=axes.index("S"), keepdims=True), missing.shape)
    count = int(missing.sum()) // (values.shape[axes.index("S")] if "S" in axes else 1)
    filled = as_float(values)
    filled[missing] = np.nan
    return filled, (
        f"The file marks {count} pixels as having no data (GDAL_NODATA): they count as missing, "
        "and the result fills them."
    )


def as_float(values: NDArray[Any]) -> NDArray[Any]:
    """Return a copy as floats that hold every value: float32 for up to 16 bits."""
    if values.dtype.kind == "f":
        return values.copy()
    return values.astype(np.float32 if values.dtype.itemsize <= 2 else np.float64)


def apply_orientation(
    page: tifffile.TiffPage, values: NDArray[Any], axes: str, sizes: dict[str, float]
) -> tuple[NDArray[Any], str | None]:
    """Return values turned as the tag Orientation demands, and a warning if they were turned.

    Parameters
    ----------
    page : TiffPage
        First page.
    values : array
        As stored.
    axes : str
        One letter per dimension.
    sizes : dict of str to float
        Voxel size; those of Y and X are swapped where the axes are.
    """
    tag = page.tags.get(_ORIENTATION)
    code = 1 if tag is None else int(tag.value)
    if code not in _ORIENTATIONS:
        return values, None
    swapped, *mirrored = _ORIENTATIONS[code]
    y, x = axes.index("Y"), axes.index("X")
    if swapped:
        values = values.swapaxes(y, x)
        turned = {{"Y": "X", "X": "Y"}.get(axis, axis): size for axis, size in sizes.items()}
        sizes.clear()
        sizes.update(turned)
    backwards = tuple(axis for axis, flip in zip((y, x), mirrored, strict=True) if flip)
    values = np.flip(values, backwards)
    return values, (
        f"The file's orientation tag is {code}: the image was turned upright. A mask or a "
        "reference must be upright too."
    )


def apply_calibration(
    entries: Mapping[str, Any], values: NDArray[Any]
) -> tuple[NDArray[Any], str | None]:
    """Return values on the scale of ImageJ's calibration, and a warning.

    Parameters
    ----------
    entries : mapping
        ImageJ's description; cf names the function, c0, c1, ... its coefficients.
    values : array
        As stored.

    Notes
    -----
    A straight line is applied: noise, and its proportion to the signal, mean the same
    afterwards. A curve would change the noise model, so the values stay as stored.
    """
    if "cf" not in entries:
        return values, None
    coefficients = [entries.get(f"c{n}") for n in range(2)]
    straight = str(entries["cf"]) == str(_STRAIGHT_LINE)
    if not straight or any(not isinstance(one, int | float) for one in coefficients):
        return values, (
            f"The file has calibrated values (ImageJ function {entries['cf']}, not a straight "
            "line): the result has the stored values. Calibrate it in ImageJ."
        )
    offset, slope = (float(one) for one in coefficients if one is not None)
    if (offset, slope) == (-32768.0, 1.0) and values.dtype == np.uint16:
        # ImageJ's way to store int16
        return (values.astype(np.int32) - 32768).astype(np.int16), None
    if (offset, slope) == (0.0, 1.0):
        return values, None
    unit = entries.get("vunit", "")
    return _line(values, offset, slope), (
        f"The file has calibrated values: {offset:g} + {slope:g} x stored value"
        f"{f' [{unit}]' if unit else ''}; the result has calibrated values."
    )


def _line(values: NDArray[Any], offset: float, slope: float) -> NDArray[Any]:
    floats = as_float(values)
    return (offset + slope * floats.astype(np.float64)).astype(floats.dtype)
