"""NIfTI by nibabel: axes, voxel size, units, and the affine to the scanner's millimetres."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_dip.core.image.image import Affine, Image
from napari_dip.core.image.units import MICROMETERS, SECONDS, unit_name
from napari_dip.errors import AxesError, FileFormatError, InputError

# The order of a file's array, and of ours: its transpose.
_FILE_ORDER = "XYZTC"
_OUR_ORDER = "CTZYX"
_LENGTH_UNITS = {"micrometer": "micron", "millimeter": "mm", "meter": "meter"}
_TIME_UNITS = {"second": "sec", "millisecond": "msec", "microsecond": "usec"}
_FREQUENCY_UNITS = ("hz", "ppm", "rads")
# Sizes that differ by a larger share are not the same.
_TOLERANCE = 0.01
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
    warnings: list[str] = []
    image = _read_affines(header, warnings)
    voxel_size, units = _read_spacing(header, image.affine_code, axes, warnings)
    delay = float(header["toffset"])
    return replace(
        image,
        data=values.squeeze(tuple(fillers)),
        axes=axes,
        voxel_size=voxel_size,
        units=units,
        position={"T": delay} if "T" in axes and np.isfinite(delay) and delay else {},
        warnings=tuple(warnings),
    )


def _read_affines(header: Any, warnings: list[str]) -> Image:
    """Return the affines of a header, as an image without pixels; the sform comes first."""
    sform, sform_code = header.get_sform(coded=True)
    try:
        qform, qform_code = header.get_qform(coded=True)
    except ValueError:  # no unit quaternion
        qform, qform_code = None, 0
        warnings.append("The qform is not valid and was ignored.")
    second = None if qform is None else (int(qform_code), _as_affine(qform))
    nothing = Image(np.empty((0, 0)), "YX", qform=second)
    if sform is not None and not _invertible(sform):
        warnings.append("The sform is not an invertible matrix and was ignored.")
        sform, sform_code = None, 0
        if qform is None:
            return nothing
    # Without codes nibabel makes an affine of pixdim alone, as NIfTI's first method does.
    first = sform if sform is not None else qform if qform is not None else header.get_base_affine()
    if not _invertible(first):
        return nothing
    return replace(nothing, affine=_as_affine(first), affine_code=int(sform_code))


def _invertible(matrix: NDArray[Any]) -> bool:
    return bool(np.isfinite(matrix).all() and abs(np.linalg.det(matrix[:3, :3])) > 0)


def _as_affine(matrix: NDArray[Any]) -> Affine:
    return tuple(tuple(map(float, row)) for row in matrix)


def write_nifti(path: Path, image: Image, description: str | None) -> None:
    """Write NIfTI; the description becomes a comment in its header."""
    import nibabel

    check_colours(image)
    values = _in_file_order(image)
    unit, sizes = _common_unit(image)
    # The type is named because nibabel refuses 64 bit whole numbers otherwise.
    if image.affine is None:
        file = nibabel.Nifti1Image(values, np.diag([*sizes, 1.0]), dtype=values.dtype)
    else:
        file = nibabel.Nifti1Image(values, np.array(image.affine), dtype=values.dtype)
    time, times = _time_unit(image)
    file.header.set_xyzt_units(unit, time)
    steps = {**dict(zip("XYZ", sizes, strict=True)), "T": times * image.voxel_size.get("T", 1.0)}
    file.header.set_zooms([steps.get(axis, 1.0) for axis in _FILE_ORDER[: values.ndim]])
    file.header["toffset"] = times * image.position.get("T", 0.0)
    _write_affines(file.header, image)
    if description is not None:
        text = description.encode()
        file.header.extensions.append(nibabel.nifti1.Nifti1Extension(_COMMENT, text))
    nibabel.save(file, path)


def _write_affines(header: Any, image: Image) -> None:
    """Write the affines and codes that a file had; without them nibabel writes its own."""
    if image.affine is None or image.affine_code is None:
        return
    code, matrix = image.qform or (0, image.affine)
    # nibabel writes a quaternion only with a code; and the step along an axis with it.
    header.set_qform(np.array(matrix), code)
    header.set_sform(np.array(image.affine), image.affine_code)


def _time_unit(image: Image) -> tuple[str, float]:
    """Return NIfTI's unit of time, and what a number in the image's unit is multiplied by."""
    unit = image.units.get("T", "")
    if unit in _TIME_UNITS or unit not in SECONDS:
        return _TIME_UNITS.get(unit, "unknown"), 1.0
    return "sec", SECONDS[unit]


def check_colours(image: Image) -> None:
    """Refuse RGB, which no medical program would understand in a NIfTI file of ours."""
    if image.rgb:
        raise FileFormatError(
            "Got an RGB image for NIfTI; expected grey values or channels. "
            "Choose .ome.tif or .ome.zarr."
        )


def _read_spacing(
    header: Any, code: int | None, axes: str, warnings: list[str]
) -> tuple[dict[str, float], dict[str, str]]:
    """Return voxel size and units; that of the sform where it has a code, else of pixdim."""
    from nibabel.affines import voxel_sizes

    space, time = _read_units(header, warnings)
    steps = dict(zip(_FILE_ORDER, map(float, header.get_zooms()), strict=False))
    if code:
        placed = dict(zip("XYZ", map(float, voxel_sizes(header.get_sform())), strict=True))
        different = [
            axis
            for axis in "XYZ"
            if axis in axes and abs(placed[axis] - steps[axis]) > _TOLERANCE * placed[axis]
        ]
        if different:
            warnings.append(
                f"The voxel size along {', '.join(different)} is that of the sform; pixdim has "
                "another."
            )
        steps |= placed
    voxel_size, units = {}, {}
    for axis in axes:
        unit = time if axis == "T" else space
        step = steps.get(axis, 0.0)
        # A header always has a step: 1 of an unknown unit says that it is not known.
        if axis != "C" and 0 < step < np.inf and (step != 1 or unit != "unknown"):
            voxel_size[axis] = step
            if unit != "unknown":
                units[axis] = unit
    if time in _FREQUENCY_UNITS and "T" in axes:
        warnings.append(f"The fourth axis has a unit of frequency ({time}); it was read as T.")
        voxel_size.pop("T", None)
        units.pop("T", None)
    return voxel_size, units


def _read_units(header: Any, warnings: list[str]) -> tuple[str, str]:
    """Return the units of space and time."""
    try:
        space, time = header.get_xyzt_units()
    except KeyError:
        warnings.append("The code of the units is not valid; units are not known.")
        return "unknown", "unknown"
    return unit_name(space), unit_name(time)


def _common_unit(image: Image) -> tuple[str, list[float]]:
    """Return the one unit of X, Y and Z that NIfTI knows, and the steps in it."""
    steps = [image.voxel_size.get(axis, 1.0) for axis in "XYZ"]
    units = [image.units.get(axis) for axis in "XYZ" if axis in image.voxel_size]
    if len(set(units)) == 1 and units[0] in _LENGTH_UNITS:
        return _LENGTH_UNITS[units[0]], steps
    if units and all(unit in MICROMETERS for unit in units):
        each = [MICROMETERS.get(image.units.get(axis, ""), 1.0) for axis in "XYZ"]
        return "micron", [step * factor for step, factor in zip(steps, each, strict=True)]
    return "unknown", steps


def _in_file_order(image: Image) -> NDArray[Any]:
    """Return the array as a file has it: X, Y, Z, T, C, with fillers before the last."""
    needed = max(map(_FILE_ORDER.index, image.axes)) + 1
    axes = sorted(image.axes, key=_FILE_ORDER.index)
    values = np.asarray(image.data).transpose([image.axes.index(axis) for axis in axes])
    fillers = [at for at, axis in enumerate(_FILE_ORDER[:needed]) if axis not in axes]
    values = np.expand_dims(values, fillers)
    if values.dtype == bool:
        return values.astype(np.uint8)
    return values.astype(np.float32) if values.dtype == np.float16 else values
