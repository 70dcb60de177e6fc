"""NIfTI by nibabel: axes, voxel size, units, and the affine to the scanner's millimetres."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_dip.core.image import Image
from napari_dip.core.units import MICROMETERS, unit_name
from napari_dip.errors import AxesError, FileFormatError, InputError

# The order of a file's array, and of ours: its transpose.
_FILE_ORDER = "XYZTC"
_OUR_ORDER = "CTZYX"
_UNITS = {"micrometer": "micron", "millimeter": "mm", "meter": "meter"}
_TIMES = {"second": "sec", "millisecond": "msec", "microsecond": "usec"}
_COMMENT = "comment"


def read_nifti(path: Path, check_memory: Callable[[int], None]) -> Image:
    """Read a NIfTI file.

    Parameters
    ----------
    path : Path
        .nii or .nii.gz of two to five dimensions: X, Y, Z, T, and values of a
        voxel, which become channels.
    check_memory : callable
        Called with the size of the image [bytes] before it is read.
    """
    import nibabel

    file = nibabel.load(path)
    header = file.header
    shape, dtype = file.shape, header.get_data_dtype()
    if dtype.kind not in "biuf":
        kind = "RGB" if dtype.names else dtype.name
        raise InputError(
            f"Got {path} of {kind} values; expected whole numbers or floats. "
            "Convert it to grey values, or to one file for each component."
        )
    if not 2 <= len(shape) <= len(_FILE_ORDER):
        raise AxesError(f"Got {path} of {len(shape)} dimensions; expected 2 to 5.")
    scaled = (file.dataobj.slope, file.dataobj.inter) != (1, 0)
    check_memory(int(np.prod(shape)) * (8 if scaled else dtype.itemsize))
    values: NDArray[Any] = np.asanyarray(file.dataobj)
    native = np.dtype(np.float32) if scaled else values.dtype.newbyteorder("=")
    values = np.ascontiguousarray(values.T, dtype=native)
    letters = _OUR_ORDER[-len(shape) :]
    # An axis of length 1 is a filler where a later one follows.
    fillers = [
        at for at, axis in enumerate(letters) if axis in "TZ" and at > 0 and values.shape[at] == 1
    ]
    axes = "".join(axis for at, axis in enumerate(letters) if at not in fillers)
    voxel_size, units = _spacing(header, axes)
    known = np.isfinite(file.affine).all()
    affine = tuple(tuple(map(float, row)) for row in file.affine) if known else None
    return Image(values.squeeze(tuple(fillers)), axes, voxel_size, units, affine)


def write_nifti(path: Path, image: Image, description: str | None) -> None:
    """Write NIfTI; the description becomes a comment in its header."""
    import nibabel

    check_colours(image)
    values = _ordered(image)
    unit, sizes = _common_unit(image)
    affine = np.diag([*sizes, 1.0]) if image.affine is None else np.array(image.affine)
    # The type is named because nibabel refuses 64 bit whole numbers otherwise.
    file = nibabel.Nifti1Image(values, affine, dtype=values.dtype)
    time = image.units.get("T", "")
    file.header.set_xyzt_units(unit, _TIMES.get(time, "unknown"))
    steps = {**dict(zip("XYZ", sizes, strict=True)), "T": image.voxel_size.get("T", 1.0)}
    file.header.set_zooms([steps.get(axis, 1.0) for axis in _FILE_ORDER[: values.ndim]])
    if description is not None:
        text = description.encode()
        file.header.extensions.append(nibabel.nifti1.Nifti1Extension(_COMMENT, text))
    nibabel.save(file, path)


def check_colours(image: Image) -> None:
    """Refuse RGB, which no medical program would understand in a NIfTI file of ours."""
    if image.rgb:
        raise FileFormatError(
            "Got an RGB image for NIfTI; expected grey values or channels. "
            "Choose .ome.tif or .ome.zarr."
        )


def _spacing(header: Any, axes: str) -> tuple[dict[str, float], dict[str, str]]:
    space, time = (unit_name(unit) for unit in header.get_xyzt_units())
    steps = dict(zip(_FILE_ORDER, map(float, header.get_zooms()), strict=False))
    voxel_size, units = {}, {}
    for axis in axes:
        unit = time if axis == "T" else space
        step = steps.get(axis, 0.0)
        # A header always has a step: 1 of an unknown unit says that it is not known.
        if axis != "C" and 0 < step < np.inf and (step != 1 or unit != "unknown"):
            voxel_size[axis] = step
            if unit != "unknown":
                units[axis] = unit
    return voxel_size, units


def _common_unit(image: Image) -> tuple[str, list[float]]:
    """Return the one unit of X, Y and Z that NIfTI knows, and the steps in it."""
    steps = [image.voxel_size.get(axis, 1.0) for axis in "XYZ"]
    units = [image.units.get(axis) for axis in "XYZ" if axis in image.voxel_size]
    if len(set(units)) == 1 and units[0] in _UNITS:
        return _UNITS[units[0]], steps
    if units and all(unit in MICROMETERS for unit in units):
        each = [MICROMETERS.get(image.units.get(axis, ""), 1.0) for axis in "XYZ"]
        return "micron", [step * factor for step, factor in zip(steps, each, strict=True)]
    return "unknown", steps


def _ordered(image: Image) -> NDArray[Any]:
    """Return the array as a file has it: X, Y, Z, T, C, with fillers before the last."""
    needed = max(map(_FILE_ORDER.index, image.axes)) + 1
    axes = sorted(image.axes, key=_FILE_ORDER.index)
    values = np.asarray(image.data).transpose([image.axes.index(axis) for axis in axes])
    fillers = [at for at, axis in enumerate(_FILE_ORDER[:needed]) if axis not in axes]
    values = np.expand_dims(values, fillers)
    if values.dtype == bool:
        return values.astype(np.uint8)
    return values.astype(np.float32) if values.dtype == np.float16 else values
