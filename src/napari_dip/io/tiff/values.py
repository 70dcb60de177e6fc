"""No-data values, calibration and orientation of TIFF pixels.

Each function reads the tags of the first page and returns changed values with a
warning for the user.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

_GDAL_NODATA, _ORIENTATION = 42113, 274
# Larger float32 values are no measurement; GDAL's no-data value -3.4e38 is often rounded.
_HUGE = 3e38
# For each value of the tag Orientation: (swap Y and X, then flip Y, flip X).
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
    """Return a mask of pixels with the no-data value of GDAL; None if there are none."""
    tag = page.tags.get(_GDAL_NODATA)
    value = None if tag is None else _as_number(str(tag.value))
    if value is None or math.isnan(value):  # NaN pixels are always missing
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

    A colour pixel is missing if all its samples have the no-data value.
    """
    if "S" in axes:
        missing = np.broadcast_to(missing.all(axis=axes.index("S"), keepdims=True), missing.shape)
    count = int(missing.sum()) // (values.shape[axes.index("S")] if "S" in axes else 1)
    filled = as_float(values)
    filled[missing] = np.nan
    return filled, (
        f"The file marks {count} pixels as no data (GDAL_NODATA): they count as missing and are "
        "filled in the result."
    )


def as_float(values: NDArray[Any]) -> NDArray[Any]:
    """Return a copy as floats that represent every value: float32 for up to 16 bits."""
    if values.dtype.kind == "f":
        return values.copy()
    return values.astype(np.float32 if values.dtype.itemsize <= 2 else np.float64)


def apply_orientation(
    page: tifffile.TiffPage, values: NDArray[Any], axes: str, sizes: dict[str, float]
) -> tuple[NDArray[Any], str | None]:
    """Return values turned upright by the tag Orientation, and a warning if they are turned.

    Parameters
    ----------
    page : TiffPage
        First page.
    values : (...) array
        Stored values.
    axes : str
        One letter per dimension.
    sizes : dict of str to float
        Voxel size by axis; Y and X are swapped in place if the axes are.
    """
    tag = page.tags.get(_ORIENTATION)
    code = 1 if tag is None else int(tag.value)
    if code not in _ORIENTATIONS:
        return values, None
    swapped, *flipped = _ORIENTATIONS[code]
    y, x = axes.index("Y"), axes.index("X")
    if swapped:
        values = values.swapaxes(y, x)
        swaps = {"Y": "X", "X": "Y"}
        swapped_sizes = {swaps.get(axis, axis): size for axis, size in sizes.items()}
        sizes.clear()
        sizes.update(swapped_sizes)
    flips = tuple(axis for axis, flip in zip((y, x), flipped, strict=True) if flip)
    values = np.flip(values, flips)
    return values, (
        f"The orientation tag of the file is {code}: the image is turned upright. A mask or a "
        "reference must be upright, too."
    )


def apply_calibration(
    entries: Mapping[str, Any], values: NDArray[Any]
) -> tuple[NDArray[Any], str | None]:
    """Return values calibrated by the function of ImageJ, and a warning.

    Parameters
    ----------
    entries : mapping
        ImageJ metadata; cf is the number of the function, c0, c1, ... its coefficients.
    values : (...) array
        Stored values.

    Notes
    -----
    A straight line is applied, because it keeps the noise model. A curve would change
    it, so the stored values are kept.
    """
    if "cf" not in entries:
        return values, None
    coefficients = [entries.get(f"c{n}") for n in range(2)]
    straight = str(entries["cf"]) == str(_STRAIGHT_LINE)
    if not straight or any(not isinstance(number, int | float) for number in coefficients):
        return values, (
            f"The file has a calibration that is not a straight line (ImageJ function "
            f"{entries['cf']}): the result has the stored values. Calibrate it in ImageJ."
        )
    offset, slope = (float(number) for number in coefficients if number is not None)
    if (offset, slope) == (-32768.0, 1.0) and values.dtype == np.uint16:
        # ImageJ stores int16 with this calibration.
        return (values.astype(np.int32) - 32768).astype(np.int16), None
    if (offset, slope) == (0.0, 1.0):
        return values, None
    unit = entries.get("vunit", "")
    return _line(values, offset, slope), (
        f"The file has a calibration: {offset:g} + {slope:g} x stored value"
        f"{f' [{unit}]' if unit else ''}; the result has calibrated values."
    )


def _line(values: NDArray[Any], offset: float, slope: float) -> NDArray[Any]:
    floats = as_float(values)
    return (offset + slope * floats.astype(np.float64)).astype(floats.dtype)
