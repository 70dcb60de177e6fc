"""Sampling of a measured PSF: brought from its own voxel size to that of the image."""

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
# Voxel sizes that differ by a smaller share are the same.
_TOLERANCE = 0.01
# Where a size has no unit.
_UNIT = "micrometer"


@dataclass(frozen=True, slots=True)
class Steps:
    """Voxel sizes of a PSF and of an image along the axes of the PSF [unit of the image].

    Attributes
    ----------
    different : mapping of str to (float, float)
        Step of the PSF and of the image, where they are not the same.
    unknown : str
        Axes along which only one of both is known, or their units do not compare.
    """

    different: dict[str, tuple[float, float]]
    unknown: str


def spatial_psf(psf: Image) -> Image:
    """Return a PSF over [Z, ]Y, X without axes of length 1; frames or channels count as planes."""
    kept = [axis for axis, size in zip(psf.axes, psf.shape, strict=True) if size != 1]
    values = np.squeeze(np.asarray(psf.data))
    if set(kept) <= set(_SPATIAL):
        order = sorted(kept, key=_SPATIAL.index)
        values, kept = values.transpose([kept.index(axis) for axis in order]), order
    sizes = {axis: size for axis, size in psf.voxel_size.items() if axis in kept}
    axes = "".join(kept) if set(kept) <= set(_SPATIAL) else _SPATIAL[-values.ndim :]
    return replace(psf, data=values, axes=axes, voxel_size=sizes)


def steps_of(psf: Image, image: Image) -> Steps:
    """Compare the voxel size of a `spatial_psf` with that of an image."""
    different, unknown = {}, ""
    for axis in (axis for axis in psf.axes if axis in image.axes):
        ours, theirs = psf.voxel_size.get(axis), image.voxel_size.get(axis)
        if ours is None and theirs is None:
            continue
        step = None if ours is None else in_unit(ours, _unit(psf, axis), _unit(image, axis))
        if step is None or theirs is None:
            unknown += axis
        elif abs(step - theirs) > _TOLERANCE * theirs:
            different[axis] = (step, theirs)
    return Steps(different, unknown)


def psf_on_grid(psf: Image, image: Image) -> NDArray[np.float64]:
    """Return a PSF with the voxel size of an image: its light summed over each of those voxels.

    Parameters
    ----------
    psf : Image
        As `spatial_psf` returns it.
    image : Image
        What the PSF blurred.

    Raises
    ------
    InputError
        The distance of planes of only one of both is known, and they have not as many planes.

    Examples
    --------
    >>> from napari_dip.core.image.image import Image
    >>> psf = Image(np.ones((9, 3, 3)), "ZYX", {"Z": 0.1})
    >>> psf_on_grid(psf, Image(np.zeros((5, 8, 8)), "ZYX", {"Z": 0.3})).shape
    (3, 3, 3)
    """
    steps = steps_of(psf, image)
    planes = dict(zip(image.axes, image.shape, strict=True)).get("Z")
    values = np.asarray(psf.data)
    if "Z" in steps.unknown and len(values) != planes:
        raise InputError(
            f"Got a PSF of {len(values)} planes and an image of {planes}, of which only one has a "
            "distance of planes in a known unit; expected it of both. Set the voxel size of the "
            "PSF, or of the image.",
            Hint("psf_voxel_size"),
            Hint("voxel_size"),
        )
    if values.dtype.kind not in "biuf" or not np.isfinite(values).all():
        return values  # `centred_psf` refuses it
    for axis, (step, target) in steps.different.items():
        sizes = dict(zip(image.axes, image.shape, strict=True))
        values = _summed(values, psf.axes.index(axis), target / step, sizes.get(axis, 1))
    return values


def sampling_remark(psf: Image, image: Image) -> tuple[str, ...]:
    """Return what a user should know of how a PSF was brought to the grid of an image."""
    steps, sentences = steps_of(psf, image), []
    if steps.different:
        sizes = ", ".join(
            f"{axis.lower()} from {step:.4g} to {target:.4g} {_unit(image, axis)}"
            for axis, (step, target) in steps.different.items()
        )
        sentences.append(f"The PSF was resampled to the voxel size of the image: {sizes}.")
    if steps.unknown:
        axes = ", ".join(steps.unknown.lower())
        sentences.append(
            f"The PSF was used as if it had the voxel size of the image along {axes}: only one of "
            "both has a size in a known unit."
        )
    return tuple(sentences)


def _unit(image: Image, axis: str) -> str:
    unit = image.units.get(axis, "pixel")
    return _UNIT if unit == "pixel" else unit


def _summed(values: NDArray[np.float64], axis: int, ratio: float, size: int) -> NDArray[np.float64]:
    """Return the light in voxels that are `ratio` times as wide along an axis, around its peak.

    A spline through the light up to each edge of the old voxels is read at the edges of the
    new ones, so that no light is lost or made.
    """
    lines = np.moveaxis(np.asarray(values, np.float64), axis, 0)
    if lines.max() > lines.min():  # else voxels that the border cuts would be dark
        lines = lines - lines.min()
    bright = np.argwhere(lines >= lines.max() / 2)[:, 0]
    centre = float(bright.mean()) + 0.5  # from the first edge
    nearest = min(centre, len(lines) - centre)
    # Whole voxels alone, and no more than make the PSF too wide for the image.
    reach = min(max(int(nearest / ratio - 0.5 + 1e-6), 0), size + 1)
    edges = np.clip(centre + (np.arange(-reach, reach + 2) - 0.5) * ratio, 0, len(lines))
    light = np.concatenate([np.zeros_like(lines[:1]), np.cumsum(lines, axis=0)])
    up_to = CubicSpline(np.arange(len(light)), light, axis=0)(edges)
    # Beside a sharp edge a spline dips below 0.
    return np.moveaxis(np.clip(np.diff(up_to, axis=0), 0, None), 0, axis)
