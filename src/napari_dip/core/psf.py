"""Point-spread functions: read, computed from the optics, or Gaussian; always centred, sum 1.

Scalar diffraction theory: the amplitude in the focal plane is the Fourier
transform of the pupil, and defocus is a phase in the pupil. Vectorial theory,
which matters for a high NA, is psf-generator's. No aberrations; for those,
measure the PSF.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from skimage.measure import block_reduce

from napari_dip.config import DEFAULT_OPTICS
from napari_dip.core.units import MICROMETERS, unit_name
from napari_dip.errors import InputError, UsageError
from napari_dip.extras import require

if TYPE_CHECKING:
    from napari_dip.config import Optics
    from napari_dip.core.image import Image

# A Gaussian is cut here, in standard deviations.
_REACH = 4.0
# Half-width of a computed PSF, in radii of the Airy disk: 95% of the light.
_AIRY_RADII = 4
# A Fourier transform is periodic: the PSF is computed on this many times its size.
_PERIODS = 2
# Angles over which a vectorial PSF is integrated; more for a defocus of tens of micrometres.
_PUPIL = 401
# Of a PSF that is cut around its peak: noise and background may be outside.
_LEAST_LIGHT, _MOST_LIGHT = 0.5, 0.9
# What noise may lie below the background, relative to the peak.
_DEEPEST = 0.5


def centred_psf(values: NDArray[Any]) -> NDArray[np.float32]:
    """Make a PSF fit for convolution: background gone, odd size, peak region centred, sum 1.

    Parameters
    ----------
    values : (Y, X) or (Z, Y, X) array
        Not negative, apart from noise around its background, which is taken
        to be the lowest value.

    Raises
    ------
    InputError
        When there is nothing that could be a PSF.

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
    if psf.max() > psf.min():  # else a box that fills the array
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
    # A peak at one border, and not at the opposite one, was cut.
    ends = zip(bright.min(axis=0) == 0, bright.max(axis=0) == np.array(psf.shape) - 1, strict=True)
    least = _MOST_LIGHT if any(low != high for low, high in ends) else _LEAST_LIGHT
    if split or light[box].sum() < least * light.sum():
        raise InputError(
            f"Got a PSF of shape {psf.shape} whose light is not around its middle; expected the "
            "image of one point, away from the borders. Crop or shift it, such as by fftshift."
        )
    return np.asarray(psf[box] / psf[box].sum(), dtype=np.float32)


def _check_positive(psf: NDArray[np.float64]) -> None:
    """Refuse negative lobes, which light does not have; noise and a wrong background may be."""
    lowest = -float(psf.min())
    if lowest > _DEEPEST * psf.max() or (lowest > 0 and psf.sum() <= 0 <= np.median(psf)):
        raise InputError(
            f"Got a PSF with values from {-lowest:.3g} to {psf.max():.3g}; expected none far below "
            "0, and a sum above 0. Subtract its background."
        )


def gaussian_psf(sigma: tuple[float, ...]) -> NDArray[np.float32]:
    """Return a Gaussian PSF; one standard deviation per axis [pixels], 0 for no blur.

    Examples
    --------
    >>> gaussian_psf((0.5, 1.0)).shape
    (5, 9)
    """
    numbers = all(isinstance(value, Real) for value in sigma)
    if not numbers or any(not 0 <= value < 100 for value in sigma) or not any(sigma):
        raise InputError(
            f"Got a blur of {sigma} pixels; expected standard deviations from 0 to 100, "
            "one of them above 0."
        )
    psf = np.ones(())
    for value in sigma:
        reach = gaussian_reach(value)
        distance = np.arange(-reach, reach + 1)
        line = np.exp(-0.5 * (distance / max(value, 1e-12)) ** 2)
        psf = np.multiply.outer(psf, line / line.sum())
    return psf.astype(np.float32)


def gaussian_reach(sigma: float) -> int:
    """Return how far a Gaussian reaches [pixels]."""
    return int(np.ceil(_REACH * sigma))


def widefield_psf(
    na: float,
    wavelength: float,
    refractive_index: float,
    voxel_size: tuple[float, ...],
    *,
    planes: int = 1,
    optics: Optics = DEFAULT_OPTICS,
) -> NDArray[np.float32]:
    """Return the PSF of a wide-field microscope.

    Parameters
    ----------
    na : float
        Numerical aperture of the objective.
    wavelength : float
        Of the emitted light [micrometre].
    refractive_index : float
        Of the immersion medium.
    voxel_size : (Z, Y, X) or (Y, X) of float
        Spacing [micrometre].
    planes : int
        Along Z; only with three spacings.
    optics : {"scalar", "vectorial"}
        Theory; the second needs square pixels and the extra `psf`.

    Returns
    -------
    psf : ([Z, ]Y, X) array
        Odd sizes, sum 1.

    References
    ----------
    M. Gu, "Advanced Optical Imaging Theory", Springer 2000, ch. 3.

    Examples
    --------
    >>> widefield_psf(1.4, 0.52, 1.518, (0.1, 0.1)).shape
    (21, 21)
    """
    if not 0 < na < refractive_index:
        raise InputError(
            f"Got NA {na} and refractive index {refractive_index}; expected an NA above 0 and "
            "below the refractive index."
        )
    if not 0.1 <= wavelength <= 10:
        raise InputError(f"Got a wavelength of {wavelength}; expected micrometres, such as 0.52.")
    *spacing_z, dy, dx = voxel_size
    airy = 0.61 * wavelength / na
    if max(dy, dx) > airy:
        raise InputError(
            f"Got pixels of {dy:g} x {dx:g} micrometre, which are larger than the PSF; expected "
            f"at most {airy:g}. There is no blur of the lens to undo."
        )
    half = [int(np.ceil(_AIRY_RADII * airy / step)) for step in (dy, dx)]
    # Finer than the pixels, whose light is then summed up; odd, to keep the centre.
    fine = [int(np.ceil(8 * na / wavelength * step)) | 1 for step in (dy, dx)]
    compute = _vectorial_intensity if optics == "vectorial" else _scalar_intensity
    intensity = compute(
        _Focus(
            na,
            wavelength,
            refractive_index,
            size=((2 * half[0] + 1) * fine[0], (2 * half[1] + 1) * fine[1]),
            steps=(dy / fine[0], dx / fine[1]),
            planes=planes,
            dz=spacing_z[0] if spacing_z else 0.0,
        )
    )
    psf = block_reduce(intensity, (1, *fine), np.sum)
    return np.asarray((psf if spacing_z else psf[0]) / psf.sum(), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class _Focus:
    """A lens, and the points around its focus at which the light is asked for.

    Attributes
    ----------
    na, wavelength, refractive_index : float
        Of the lens; lengths in micrometres, here and below.
    size : (int, int)
        Points along Y and X.
    steps : (float, float)
        Between them.
    planes : int
        Along Z, the middle one in focus.
    dz : float
        Between these.
    """

    na: float
    wavelength: float
    refractive_index: float
    size: tuple[int, int]
    steps: tuple[float, float]
    planes: int
    dz: float


def _scalar_intensity(focus: _Focus) -> NDArray[np.float64]:
    """Return (planes, *size): the squared transform of the pupil at each defocus."""
    frequency = [
        np.fft.fftfreq(_PERIODS * n, step) for n, step in zip(focus.size, focus.steps, strict=True)
    ]
    squared = np.add.outer(frequency[0] ** 2, frequency[1] ** 2)
    pupil = squared <= (focus.na / focus.wavelength) ** 2
    highest = focus.refractive_index / focus.wavelength
    axial = np.sqrt(np.maximum(highest**2 - squared, 0))
    heights = (np.arange(focus.planes) - focus.planes // 2) * focus.dz
    field = pupil * np.exp(2j * np.pi * axial * heights[:, None, None])
    intensity = np.abs(np.fft.fftshift(np.fft.ifft2(field), axes=(-2, -1))) ** 2
    first = [(_PERIODS * n) // 2 - n // 2 for n in focus.size]
    rows, columns = (slice(at, at + n) for at, n in zip(first, focus.size, strict=True))
    return np.asarray(intensity[:, rows, columns])


def _vectorial_intensity(focus: _Focus) -> NDArray[np.float64]:
    """Return (planes, *size): the mean of two polarisations, as of molecules that turn freely."""
    require("psf_generator", "vectorial optics", UsageError)
    from psf_generator import VectorialSphericalPropagator

    if not np.isclose(*focus.steps):
        raise InputError(
            "Got vectorial optics for pixels that are not square; expected the same size along "
            "y and x. Choose scalar optics."
        )
    widest = max(focus.size)
    # psf-generator spreads n samples over n steps, ends included.
    stretch = [(n - 1) / n for n in (widest, focus.planes)]
    margins = [(widest - n) // 2 for n in focus.size]
    total = np.zeros((focus.planes, widest, widest))
    for polarisation in ({"e0x": 1.0, "e0y": 0.0}, {"e0x": 0.0, "e0y": 1.0}):
        field = VectorialSphericalPropagator(
            n_pix_pupil=_PUPIL,
            n_pix_psf=widest,
            wavelength=1e3 * focus.wavelength,  # [nanometre], as all lengths there
            na=focus.na,
            pix_size=1e3 * focus.steps[0] * stretch[0],
            defocus_step=1e3 * focus.dz * stretch[1],
            n_defocus=focus.planes,
            apod_factor=True,
            n_i=focus.refractive_index,
            n_i0=focus.refractive_index,
            **polarisation,
        ).compute_focus_field()  # (planes, 3, Y, X)
        total += (field.abs() ** 2).sum(dim=1).numpy()
    rows, columns = (slice(at, at + n) for at, n in zip(margins, focus.size, strict=True))
    return total[:, rows, columns]


def spacing_in_micrometers(image: Image, axes: str) -> tuple[float, ...]:
    """Return the voxel size along some axes [micrometre].

    Raises
    ------
    InputError
        When it is not known, or in a unit that is no length.
    """
    return tuple(_spacing(image.voxel_size, image.units, axis) for axis in axes)


def _spacing(voxel_size: Mapping[str, float], units: Mapping[str, str], axis: str) -> float:
    unit = unit_name(units.get(axis, "micrometer"))
    if axis not in voxel_size or unit not in MICROMETERS:
        known = f"{voxel_size[axis]:g} {unit}" if axis in voxel_size else "no voxel size"
        raise InputError(
            f"Got {known} along {axis}; expected micrometres, from which the PSF is computed. "
            "Set the voxel size of the image (--voxel-size y=0.1,x=0.1), or give the width of the "
            "blur in pixels (sigma)."
        )
    return voxel_size[axis] * MICROMETERS[unit]
