"""Intensity of light around the focus of an objective, by scalar or vectorial diffraction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.special import j0

from napari_dip.core.operators.psf.aberration import Aberration
from napari_dip.errors import InputError, UsageError
from napari_dip.optional import require

if TYPE_CHECKING:
    from napari_dip.config import Optics

# Number of pupil pixels of a vectorial PSF; a defocus of tens of micrometres needs more.
_PUPIL = 401
# Radii per Airy radius, between which a spline interpolates; points of the integral over the
# pupil, at least and for each oscillation.
_RADII, _POINTS, _POINTS_PER_CYCLE = 20, 48, 5
# Oscillations of the integral over the pupil, of which more take too long.
_MOST_CYCLES = 300.0


@dataclass(frozen=True, slots=True)
class Focus:
    """Light, and the grid around the focus on which its intensity is computed.

    Attributes
    ----------
    na : float
        Numerical aperture of the objective.
    wavelength : float
        Wavelength of the light [micrometre].
    refractive_index : float
        Refractive index of the immersion medium.
    size : (int, int)
        Grid points along Y and X; odd, the middle one is on the axis.
    steps : (float, float)
        Distance of grid points along Y and X [micrometre].
    planes : int
        Number of planes from the focus on, along Z.
    dz : float
        Distance of planes [micrometre].
    specimen_index : float, optional
        Refractive index of the specimen; that of the immersion medium by default.
    depth : float
        Depth of the focus below the cover glass, as the stage shows it [micrometre]; a negative
        one mirrors the light along Z.
    """

    na: float
    wavelength: float
    refractive_index: float
    size: tuple[int, int]
    steps: tuple[float, float]
    planes: int
    dz: float
    specimen_index: float | None = None
    depth: float = 0.0


def intensity(focus: Focus, optics: Optics) -> Iterator[NDArray[np.float64]]:
    """Yield the intensity (Y, X) in the focus and in each plane after it, in any unit.

    Parameters
    ----------
    focus : Focus
        Light and grid.
    optics : {"scalar", "vectorial"}
        Diffraction theory; "vectorial" needs equal steps and the extra `psf`.

    Examples
    --------
    >>> focus = Focus(1.4, 0.52, 1.518, (5, 5), (0.1, 0.1), 3, 0.2)
    >>> [plane.shape for plane in intensity(focus, "scalar")]
    [(5, 5), (5, 5), (5, 5)]
    """
    yield from _vectorial(focus) if optics == "vectorial" else _scalar(focus)


def _scalar(focus: Focus) -> Iterator[NDArray[np.float64]]:
    """Yield the squared Hankel transform of the pupil, with defocus as a phase.

    The field depends on radius and height only. The integral over the pupil is a Gauss-Legendre
    sum; unlike a discrete Fourier transform it is not periodic, so defocused light does not
    come back at the opposite border.
    """
    lines = [
        (np.arange(n) - n // 2) * step for n, step in zip(focus.size, focus.steps, strict=True)
    ]
    radius = np.hypot(*np.meshgrid(*lines, indexing="ij"))
    edge, highest = focus.na / focus.wavelength, focus.refractive_index / focus.wavelength
    spacing = 0.61 / edge / _RADII
    radii = np.arange(int(radius.max() / spacing) + 3) * spacing
    axial = highest - np.sqrt(highest**2 - edge**2)
    aberration = None
    cycles = edge * radii[-1] + axial * focus.planes * focus.dz
    if focus.specimen_index is not None:
        aberration = Aberration(
            focus.na, focus.wavelength, focus.refractive_index, focus.specimen_index
        )
        edge = min(edge, aberration.edge)
        cycles += aberration.cycles * abs(focus.depth)
    cycles = min(cycles, _MOST_CYCLES)
    nodes, weights = np.polynomial.legendre.leggauss(_POINTS + int(_POINTS_PER_CYCLE * cycles))
    frequency = edge * (nodes + 1) / 2
    rings = j0(2 * np.pi * radii[:, None] * frequency) * (frequency * weights)
    height_phase = 2j * np.pi * np.sqrt(highest**2 - frequency**2)
    if aberration is not None:
        rings = rings * np.exp(-1j * focus.depth * aberration(frequency))
    for height in np.arange(focus.planes) * focus.dz:
        if height * axial > _MOST_CYCLES:  # the light has spread over hundreds of micrometres
            yield np.zeros_like(radius)
            continue
        profile = np.abs(rings @ np.exp(height_phase * height)) ** 2
        yield CubicSpline(radii, profile)(radius)


def _vectorial(focus: Focus) -> Iterator[NDArray[np.float64]]:
    """Yield the sum of the intensities of two polarisations (rotating dipoles)."""
    require("psf_generator", "vectorial optics", UsageError)
    from psf_generator import VectorialSphericalPropagator

    if not np.isclose(*focus.steps):
        raise InputError(
            "Got vectorial optics for pixels that are not square; expected the same size along "
            "y and x. Choose scalar optics."
        )
    widest, planes = max(focus.size), 2 * focus.planes - 1
    # psf-generator spreads n samples, both ends included, over n steps.
    stretch = [(n - 1) / n for n in (widest, planes)]
    margins = [(widest - n) // 2 for n in focus.size]
    total = np.zeros((planes, widest, widest))
    for polarisation in ({"e0x": 1.0, "e0y": 0.0}, {"e0x": 0.0, "e0y": 1.0}):
        field = VectorialSphericalPropagator(
            n_pix_pupil=_PUPIL,
            n_pix_psf=widest,
            wavelength=1e3 * focus.wavelength,  # [nanometre], like all lengths there
            na=focus.na,
            pix_size=1e3 * focus.steps[0] * stretch[0],
            defocus_step=1e3 * focus.dz * stretch[1],
            n_defocus=planes,
            apod_factor=True,
            n_i=focus.refractive_index,
            n_i0=focus.refractive_index,
            **polarisation,
        ).compute_focus_field()  # (planes, 3, Y, X)
        total += (field.abs() ** 2).sum(dim=1).numpy()
    rows, columns = (slice(at, at + n) for at, n in zip(margins, focus.size, strict=True))
    yield from total[focus.planes - 1 :, rows, columns]
