"""NIfTI files by nibabel: axes, voxel size, units, and affines to scanner coordinates."""

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

# Order of the axes of a file, and of its transpose, which an image has.
_FILE_ORDER = "XYZTC"
_IMAGE_ORDER = "CTZYX"
_LENGTH_UNITS = {"micrometer": "micron", "millimeter": "mm", "meter": "meter"}
_TIME_UNITS = {"second": "sec", "millisecond": "msec", "microsecond": "usec"}
_FREQUENCY_UNITS = ("hz", "ppm", "rads")
# Largest relative difference of two equal voxel sizes.
_TOLERANCE = 0.01
_COMMENT = "comment"


def read_nifti(path: Path, check_memory: Callable[[int], None]) -> Image:
    """Read a NIfTI file.

    Parameters
    ----------
    path : Path
        .nii or .nii.gz of two to five dimensions: X, Y, Z, T, and several values per
        voxel, which become channels.
    check_memory : callable
        Function called with the size of the image [bytes] before it is read.
    """
    import nibabel

    file = nibabel.load(path)
    header = file.header
    shape, dtype = file.shape, header.get_data_dtype()
    if dtype.kind not in "biuf":
        kind = "RGB" if dtype.names else dtype.name
        raise InputError(
            f"Got {path} of {kind} values; expected integers or floats. Convert it to grey values, "
            "or to one file for each component."
        )
    if not 2 <= len(shape) <= len(_FILE_ORDER):
        raise AxesError(f"Got {path} of {len(shape)} dimensions; expected 2 to 5 dimensions.")
    scaled = (file.dataobj.slope, file.dataobj.inter) != (1, 0)
    check_memory(int(np.prod(shape)) * (8 if scaled else dtype.itemsize))
    values: NDArray[Any] = np.asanyarray(file.dataobj)
    native = np.dtype(np.float32) if scaled else values.dtype.newbyteorder("=")
    values = np.ascontiguousarray(values.T, dtype=native)
    letters = _IMAGE_ORDER[-len(shape) :]
    # Z and T of length 1 only fill the dimensions up to a later axis of the file.
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
    """Return the affines of a header as fields of an image; the sform takes precedence."""
    sform, sform_code = header.get_sform(coded=True)
    try:
        qform, qform_code = header.get_qform(coded=True)
    except ValueError:  # the quaternion is not of unit length
        qform, qform_code = None, 0
        warnings.append("The qform is not valid and is ignored.")
    coded_qform = None if qform is None else (int(qform_code), _as_affine(qform))
    without_affine = Image(np.empty((0, 0)), "YX", qform=coded_qform)
    if sform is not None and not _invertible(sform):
        warnings.append("The sform is not an invertible matrix and is ignored.")
        sform, sform_code = None, 0
        if qform is None:
            return without_affine
    # Without codes nibabel builds the affine from pixdim, which is method 1 of NIfTI.
    affine = (
        sform if sform is not None else qform if qform is not None else header.get_base_affine()
    )
    if not _invertible(affine):
        return without_affine
    return replace(without_affine, affine=_as_affine(affine), affine_code=int(sform_code))


def _invertible(matrix: NDArray[Any]) -> bool:
    return bool(np.isfinite(matrix).all() and abs(np.linalg.det(matrix[:3, :3])) > 0)


def _as_affine(matrix: NDArray[Any]) -> Affine:
    return tuple(tuple(map(float, row)) for row in matrix)


def write_nifti(path: Path, image: Image, description: str | None) -> None:
    """Write a NIfTI file; the description is stored as a comment in its header."""
    import nibabel

    check_colours(image)
    values = _in_file_order(image)
    unit, sizes = _common_unit(image)
    # nibabel accepts 64-bit integers only if dtype is given.
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
    """Store the affines and codes of the source file; without them nibabel's are kept."""
    if image.affine is None or image.affine_code is None:
        return
    code, matrix = image.qform or (0, image.affine)
    # nibabel writes quaternion and voxel size only with the code of the qform.
    header.set_qform(np.array(matrix), code)
    header.set_sform(np.array(image.affine), image.affine_code)


def _time_unit(image: Image) -> tuple[str, float]:
    """Return a NIfTI unit of time and the factor from the unit of the image to it."""
    unit = image.units.get("T", "")
    if unit in _TIME_UNITS or unit not in SECONDS:
        return _TIME_UNITS.get(unit, "unknown"), 1.0
    return "sec", SECONDS[unit]


def check_colours(image: Image) -> None:
    """Raise an error for RGB, which most medical programs cannot read from NIfTI."""
    if image.rgb:
        raise FileFormatError(
            "Got an RGB image for NIfTI; expected grey values or channels. "
            "Choose .ome.tif or .ome.zarr."
        )


def _read_spacing(
    header: Any, code: int | None, axes: str, warnings: list[str]
) -> tuple[dict[str, float], dict[str, str]]:
    """Return voxel size and units by axis, from the sform if it has a code, else from pixdim."""
    from nibabel.affines import voxel_sizes

    space, time = _read_units(header, warnings)
    steps = dict(zip(_FILE_ORDER, map(float, header.get_zooms()), strict=False))
    if code:
        sform_steps = dict(zip("XYZ", map(float, voxel_sizes(header.get_sform())), strict=True))
        different = [
            axis
            for axis, step in sform_steps.items()
            if axis in axes and abs(step - steps[axis]) > _TOLERANCE * step
        ]
        if different:
            warnings.append(
                f"The voxel size along {', '.join(different)} differs between sform and pixdim; "
                "the sform is used."
            )
        steps |= sform_steps
    voxel_size, units = {}, {}
    for axis in axes:
        unit = time if axis == "T" else space
        step = steps.get(axis, 0.0)
        # A header always has a step; 1 in an unknown unit is the default, not a size.
        if axis != "C" and 0 < step < np.inf and (step != 1 or unit != "unknown"):
            voxel_size[axis] = step
            if unit != "unknown":
                units[axis] = unit
    if time in _FREQUENCY_UNITS and "T" in axes:
        warnings.append(f"The fourth axis has a unit of frequency ({time}); it is read as T.")
        voxel_size.pop("T", None)
        units.pop("T", None)
    return voxel_size, units


def _read_units(header: Any, warnings: list[str]) -> tuple[str, str]:
    """Return the units of space and time."""
    try:
        space, time = header.get_xyzt_units()
    except KeyError:
        warnings.append("The code of the units is not valid; the units are unknown.")
        return "unknown", "unknown"
    return unit_name(space), unit_name(time)


def _common_unit(image: Image) -> tuple[str, list[float]]:
    """Return a NIfTI unit of length and the steps along X, Y and Z in it."""
    steps = [image.voxel_size.get(axis, 1.0) for axis in "XYZ"]
    units = [image.units.get(axis) for axis in "XYZ" if axis in image.voxel_size]
    if len(set(units)) == 1 and units[0] in _LENGTH_UNITS:
        return _LENGTH_UNITS[units[0]], steps
    if units and all(unit in MICROMETERS for unit in units):
        factors = [MICROMETERS.get(image.units.get(axis, ""), 1.0) for axis in "XYZ"]
        return "micron", [step * factor for step, factor in zip(steps, factors, strict=True)]
    return "unknown", steps


def _in_file_order(image: Image) -> NDArray[Any]:
    """Return the array in the order X, Y, Z, T, C, with axes of length 1 for missing ones."""
    needed = max(map(_FILE_ORDER.index, image.axes)) + 1
    axes = sorted(image.axes, key=_FILE_ORDER.index)
    values = np.asarray(image.data).transpose([image.axes.index(axis) for axis in axes])
    fillers = [at for at, axis in enumerate(_FILE_ORDER[:needed]) if axis not in axes]
    values = np.expand_dims(values, fillers)
    if values.dtype == bool:
        return values.astype(np.uint8)
    return values.astype(np.float32) if values.dtype == np.float16 else values
