"""Wide-field PSF: the point-spread function of a microscope, computed from its optics.

In scalar diffraction theory the amplitude in the focal plane is the Fourier transform of the
pupil, and defocus is a phase in the pupil. Vectorial theory, which matters at a high NA, comes
from psf-generator. Aberrations are not modelled; measure the PSF if there are any.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from skimage.measure import block_reduce

from napari_dip.config import DEFAULT_OPTICS
from napari_dip.errors import InputError, UsageError
from napari_dip.optional import require

if TYPE_CHECKING:
    from napari_dip.config import Optics

# Half width of a computed PSF in Airy radii; it holds 95% of the light.
_AIRY_RADII = 4
# A Fourier transform is periodic: the PSF is computed on this many times its size.
_PERIODS = 2
# Number of pupil pixels of a vectorial PSF; a defocus of tens of micrometres needs more.
_PUPIL = 401


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
        Wavelength of the emitted light [micrometre].
    refractive_index : float
        Refractive index of the immersion medium.
    voxel_size : (Z, Y, X) or (Y, X) of float
        Voxel size [micrometre].
    planes : int
        Number of planes along Z; used only with three voxel sizes. Default 1.
    optics : {"scalar", "vectorial"}
        Diffraction theory. "vectorial" needs square pixels and the extra `psf`. Default
        "scalar".

    Returns
    -------
    ([Z, ]Y, X) float32 array
        Centred PSF of odd sizes with sum 1.

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
            f"at most {airy:g}. The image has no optical blur to remove."
        )
    half = [int(np.ceil(_AIRY_RADII * airy / step)) for step in (dy, dx)]
    # The intensity is computed on a finer grid and summed per pixel; odd factors keep the centre.
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
    """Optics, and the grid around the focus on which the intensity is computed.

    Attributes
    ----------
    na : float
        Numerical aperture of the objective.
    wavelength : float
        Wavelength of the emitted light [micrometre].
    refractive_index : float
        Refractive index of the immersion medium.
    size : (int, int)
        Grid points along Y and X.
    steps : (float, float)
        Distance of grid points along Y and X [micrometre].
    planes : int
        Number of planes along Z; the middle one is in focus.
    dz : float
        Distance of planes [micrometre].
    """

    na: float
    wavelength: float
    refractive_index: float
    size: tuple[int, int]
    steps: tuple[float, float]
    planes: int
    dz: float


def _scalar_intensity(focus: _Focus) -> NDArray[np.float64]:
    """Return the intensity (planes, *size): the squared transform of the pupil per defocus."""
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
    """Return the intensity (planes, *size): the sum of two polarisations (rotating dipoles)."""
    require("psf_generator", "vectorial optics", UsageError)
    from psf_generator import VectorialSphericalPropagator

    if not np.isclose(*focus.steps):
        raise InputError(
            "Got vectorial optics for pixels that are not square; expected the same size along "
            "y and x. Choose scalar optics."
        )
    widest = max(focus.size)
    # psf-generator spreads n samples, both ends included, over n steps.
    stretch = [(n - 1) / n for n in (widest, focus.planes)]
    margins = [(widest - n) // 2 for n in focus.size]
    total = np.zeros((focus.planes, widest, widest))
    for polarisation in ({"e0x": 1.0, "e0y": 0.0}, {"e0x": 0.0, "e0y": 1.0}):
        field = VectorialSphericalPropagator(
            n_pix_pupil=_PUPIL,
            n_pix_psf=widest,
            wavelength=1e3 * focus.wavelength,  # [nanometre], like all lengths there
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
