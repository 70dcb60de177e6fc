"""Point-spread functions for convolution, measured or Gaussian: centred, with sum 1."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_dip.core.image.units import MICROMETERS, unit_name
from napari_dip.errors import Hint, InputError

if TYPE_CHECKING:
    from napari_dip.core.image.image import Image

# Radius at which a Gaussian is truncated, in standard deviations.
_REACH = 4.0
# Smallest share of the light in the box around the peak: noise and background may be outside. The
# larger share holds for a peak at the border.
_LEAST_LIGHT, _MOST_LIGHT = 0.5, 0.9
# Largest negative value (noise below the background), relative to the peak.
_DEEPEST = 0.5


def centred_psf(values: NDArray[Any]) -> NDArray[np.float32]:
    """Prepare a PSF for convolution: subtract the background, centre the peak, make the sum 1.

    Parameters
    ----------
    values : (Y, X) or (Z, Y, X) array
        Measured PSF. The lowest value is taken as background; values below 0 must be noise.

    Returns
    -------
    (Y, X) or (Z, Y, X) float32 array
        PSF of odd sizes, with sum 1 and the peak in the centre.

    Raises
    ------
    InputError
        The array is not a valid PSF.

    Examples
    --------
    >>> centred_psf(np.array([[0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]])).tolist()
    [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    """
    if np.asarray(values).dtype.kind not in "biuf":
        raise InputError(
            f"Got a PSF of {np.asarray(values).dtype.name} values; expected real numbers."
        )
    psf = np.asarray(values, dtype=np.float64)
    if psf.ndim not in (2, 3) or psf.size == 0 or not np.isfinite(psf).all():
        raise InputError(
            f"Got a PSF of shape {psf.shape}; expected two or three dimensions of finite numbers."
        )
    _check_positive(psf)
    if psf.max() > psf.min():  # a box filter that fills the array has no background
        psf = psf - psf.min()
    if psf.sum() <= 0:
        raise InputError("Got a PSF that is zero everywhere; expected the image of a point.")
    bright = np.argwhere(psf >= psf.max() / 2)
    centre = [round(at) for at in bright.mean(axis=0)]
    # The largest odd box around the centre that lies inside the array.
    reach = [min(at, n - 1 - at) for at, n in zip(centre, psf.shape, strict=True)]
    box = tuple(slice(at - r, at + r + 1) for at, r in zip(centre, reach, strict=True))
    corners = psf[np.ix_(*((0, -1) for _ in psf.shape))]
    light = np.clip(psf - np.median(psf), 0, None)
    split = corners.max() >= psf.max() / 2 > psf[tuple(centre)]
    # A peak at one border but not at the opposite one is cropped.
    ends = zip(bright.min(axis=0) == 0, bright.max(axis=0) == np.array(psf.shape) - 1, strict=True)
    least = _MOST_LIGHT if any(low != high for low, high in ends) else _LEAST_LIGHT
    if split or light[box].sum() < least * light.sum():
        raise InputError(
            f"Got a PSF of shape {psf.shape} whose light is not around its centre; expected the "
            "image of one point, away from the borders. Crop it, or shift it by fftshift."
        )
    return np.asarray(psf[box] / psf[box].sum(), dtype=np.float32)


def _check_positive(psf: NDArray[np.float64]) -> None:
    """Raise InputError for negative lobes; noise and a wrong background are accepted."""
    lowest = -float(psf.min())
    if lowest > _DEEPEST * psf.max() or (lowest > 0 and psf.sum() <= 0 <= np.median(psf)):
        raise InputError(
            f"Got a PSF with values from {-lowest:.3g} to {psf.max():.3g}; expected no values "
            "far below 0, and a sum above 0. Subtract the background."
        )


def gaussian_psf(sigma: tuple[float, ...]) -> NDArray[np.float32]:
    """Return a Gaussian PSF.

    Parameters
    ----------
    sigma : tuple of float
        Standard deviation along each axis [pixels]; 0 for no blur.

    Returns
    -------
    float32 array
        PSF of odd sizes with sum 1, one dimension per axis.


    Examples
    --------
    >>> gaussian_psf((0.5, 1.0)).shape
    (5, 9)
    """
    numbers = all(isinstance(value, Real) for value in sigma)
    if not numbers or any(not 0 <= value < 100 for value in sigma) or not any(sigma):
        raise InputError(
            f"Got a blur of {sigma} pixels; expected standard deviations from 0 to 100, "
            "at least one of them above 0."
        )
    psf = np.ones(())
    for value in sigma:
        reach = gaussian_reach(value)
        distance = np.arange(-reach, reach + 1)
        line = np.exp(-0.5 * (distance / max(value, 1e-12)) ** 2)
        psf = np.multiply.outer(psf, line / line.sum())
    return psf.astype(np.float32)


def gaussian_reach(sigma: float) -> int:
    """Return the radius of a truncated Gaussian [pixels]."""
    return int(np.ceil(_REACH * sigma))


def spacing_in_micrometers(image: Image, axes: str) -> tuple[float, ...]:
    """Return the voxel size along the given axes [micrometre].

    Raises
    ------
    InputError
        The voxel size is unknown, or its unit is not a length.
    """
    return tuple(_spacing(image.voxel_size, image.units, axis) for axis in axes)


def _spacing(voxel_size: Mapping[str, float], units: Mapping[str, str], axis: str) -> float:
    unit = unit_name(units.get(axis, "micrometer"))
    if axis not in voxel_size or unit not in MICROMETERS:
        known = f"{voxel_size[axis]:g} {unit}" if axis in voxel_size else "no voxel size"
        raise InputError(
            f"Got {known} along {axis}; expected a length, which the PSF is computed from. "
            "Set the voxel size of the image, or give the width of the blur in pixels.",
            Hint("voxel_size", "y=0.1,x=0.1"),
            Hint("sigma"),
        )
    return voxel_size[axis] * MICROMETERS[unit]
