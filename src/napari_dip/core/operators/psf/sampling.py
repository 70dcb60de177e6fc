"""Resampling of a measured PSF from its own voxel size to that of the image."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from napari_dip.core.image.units import in_unit
from napari_dip.errors import Hint, InputError

if TYPE_CHECKING:
    from napari_dip.core.image.image import Image

_SPATIAL = "ZYX"
# Largest relative difference of equal voxel sizes.
_TOLERANCE = 0.01
# Unit of a size without unit.
_UNIT = "micrometer"


@dataclass(frozen=True, slots=True)
class VoxelSteps:
    """Voxel sizes of a PSF and of an image along the axes of the PSF [unit of the image].

    Attributes
    ----------
    different : mapping of str to (float, float)
        Voxel size of the PSF and of the image, for each axis where they differ.
    unknown : str
        Axes along which only one voxel size is known, or the units are not comparable.
    """

    different: dict[str, tuple[float, float]]
    unknown: str


def spatial_psf(psf: Image) -> Image:
    """Return a PSF ([Z, ]Y, X) without axes of length 1; frames or channels become planes."""
    kept = [axis for axis, size in zip(psf.axes, psf.shape, strict=True) if size != 1]
    values = np.squeeze(np.asarray(psf.data))
    if set(kept) <= set(_SPATIAL):
        order = sorted(kept, key=_SPATIAL.index)
        values, kept = values.transpose([kept.index(axis) for axis in order]), order
    sizes = {axis: size for axis, size in psf.voxel_size.items() if axis in kept}
    axes = "".join(kept) if set(kept) <= set(_SPATIAL) else _SPATIAL[-values.ndim :]
    return replace(psf, data=values, axes=axes, voxel_size=sizes)


def compare_steps(psf: Image, image: Image) -> VoxelSteps:
    """Return the voxel sizes of a PSF (see `spatial_psf`) that differ from those of an image."""
    different, unknown = {}, ""
    for axis in (axis for axis in psf.axes if axis in image.axes):
        of_psf, of_image = psf.voxel_size.get(axis), image.voxel_size.get(axis)
        if of_psf is None and of_image is None:
            continue
        step = None if of_psf is None else in_unit(of_psf, _unit(psf, axis), _unit(image, axis))
        if step is None or of_image is None:
            unknown += axis
        elif abs(step - of_image) > _TOLERANCE * of_image:
            different[axis] = (step, of_image)
    return VoxelSteps(different, unknown)


def psf_on_grid(psf: Image, image: Image) -> NDArray[np.float64]:
    """Return a PSF with the voxel size of an image: its light, summed over each voxel.

    Parameters
    ----------
    psf : Image
        PSF from `spatial_psf`.
    image : Image
        Blurred image.

    Returns
    -------
    ([Z, ]Y, X) array
        Resampled PSF.

    Raises
    ------
    InputError
        Only one of the two has a known plane spacing, and their numbers of planes differ.

    Examples
    --------
    >>> from napari_dip.core.image.image import Image
    >>> psf = Image(np.ones((9, 3, 3)), "ZYX", {"Z": 0.1})
    >>> psf_on_grid(psf, Image(np.zeros((5, 8, 8)), "ZYX", {"Z": 0.3})).shape
    (3, 3, 3)
    """
    steps = compare_steps(psf, image)
    planes = image.sizes.get("Z")
    values = np.asarray(psf.data)
    if "Z" in steps.unknown and len(values) != planes:
        raise InputError(
            f"Got a PSF of {len(values)} planes and an image of {planes} planes, of which only one "
            "has a plane spacing in a known unit; expected both. Set the voxel size of the PSF, or "
            "of the image.",
            Hint("psf_voxel_size"),
            Hint("voxel_size"),
        )
    if values.dtype.kind not in "biuf" or not np.isfinite(values).all():
        return values  # `centred_psf` raises InputError for it
    for axis, (step, target) in steps.different.items():
        sizes = image.sizes
        values = _summed(values, psf.axes.index(axis), target / step, sizes.get(axis, 1))
    return values


def sampling_remark(psf: Image, image: Image) -> tuple[str, ...]:
    """Return sentences for the report: how the PSF was resampled to the grid of an image."""
    steps, sentences = compare_steps(psf, image), []
    if steps.different:
        sizes = ", ".join(
            f"{axis.lower()} from {step:.4g} to {target:.4g} {_unit(image, axis)}"
            for axis, (step, target) in steps.different.items()
        )
        sentences.append(f"The PSF was resampled to the voxel size of the image: {sizes}.")
    if steps.unknown:
        axes = ", ".join(steps.unknown.lower())
        sentences.append(
            f"The PSF is assumed to have the voxel size of the image along {axes}: only one of "
            "them has a voxel size in a known unit."
        )
    return tuple(sentences)


def _unit(image: Image, axis: str) -> str:
    unit = image.units.get(axis, "pixel")
    return _UNIT if unit == "pixel" else unit


def _summed(values: NDArray[np.float64], axis: int, ratio: float, size: int) -> NDArray[np.float64]:
    """Return the light in voxels that are `ratio` times wider along an axis, around the peak.

    A spline interpolates the cumulative light at the edges of the old voxels. Its differences
    at the edges of the new voxels conserve the total light.
    """
    lines = np.moveaxis(np.asarray(values, np.float64), axis, 0)
    if lines.max() > lines.min():  # without this, voxels at the border would be dark
        lines = lines - lines.min()
    bright = np.argwhere(lines >= lines.max() / 2)[:, 0]
    centre = float(bright.mean()) + 0.5  # distance from the first edge
    nearest = min(centre, len(lines) - centre)
    # Only complete voxels. Deconvolution rejects a PSF of this limit as too wide for the image.
    reach = min(max(int(nearest / ratio - 0.5 + 1e-6), 0), size + 1)
    edges = np.clip(centre + (np.arange(-reach, reach + 2) - 0.5) * ratio, 0, len(lines))
    light = np.concatenate([np.zeros_like(lines[:1]), np.cumsum(lines, axis=0)])
    up_to = CubicSpline(np.arange(len(light)), light, axis=0)(edges)
    # A spline undershoots 0 beside a sharp edge.
    return np.moveaxis(np.clip(np.diff(up_to, axis=0), 0, None), 0, axis)
