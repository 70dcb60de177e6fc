"""PSF of a microscope, computed from its optics.

With h(wavelength) for the intensity around the focus and p for the pinhole, a disk in the plane
of the specimen, the PSF is [1]_

- wide field: h(emission);
- confocal: h(excitation) * (h(emission) convolved with p);
- spinning disk: (h(excitation) convolved with p, twice) * h(emission): a moving pinhole lights
  the specimen and admits its light to a camera, which resolves it; light through other pinholes
  is left out;
- two-photon: h(excitation)^2, all emitted light being detected;
- light sheet: h(emission) * sheet(z), a Gaussian profile along z.

The only aberration is that of a specimen whose refractive index differs from the immersion
medium, see `aberration`; measure the PSF if there are others.

.. [1] J. B. Pawley (ed.), "Handbook of Biological Confocal Microscopy", Springer 2006, ch. 1,
   11, 23, 28 and 37.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.special import j1
from skimage.measure import block_reduce

from napari_dip.config import DEFAULT_OPTICS, DEFAULT_PINHOLE
from napari_dip.core.operators.psf.aberration import Aberration
from napari_dip.core.operators.psf.focus import Focus, intensity
from napari_dip.errors import Hint, InputError

if TYPE_CHECKING:
    from napari_dip.config import Microscope, Optics

# Half width of a computed PSF in Airy radii; in focus it holds 95% of the light.
_AIRY_RADII = 4
# Points of the finer grid for each wavelength / NA; vectorial theory takes longer.
_SAMPLES = {"scalar": 24, "vectorial": 8}
# Numerical apertures of objectives; wavelengths of light [micrometre].
_NA = (0.05, 1.7)
_LIGHT = (0.1, 10.0)


@dataclass(frozen=True, slots=True)
class Setup:
    """Optics of a microscope.

    Attributes
    ----------
    na : float
        Numerical aperture of the objective.
    refractive_index : float
        Refractive index of the immersion medium.
    microscope : {"widefield", "confocal", "spinning-disk", "two-photon", "light-sheet"}
        Kind of microscope.
    emission, excitation : float, optional
        Wavelengths [micrometre]; two-photon needs excitation, confocal and spinning disk
        need both, the others emission.
    pinhole : float
        Diameter of the pinhole [Airy units of emission].
    sheet_thickness : float, optional
        Full width at half maximum of the light sheet along Z [micrometre].
    optics : {"scalar", "vectorial"}
        Diffraction theory.
    specimen_index : float, optional
        Refractive index of the specimen; that of the immersion medium by default.
    depth : float
        Depth of the focus below the cover glass, as the stage shows it [micrometre].
    """

    na: float
    refractive_index: float
    microscope: Microscope = "widefield"
    emission: float | None = None
    excitation: float | None = None
    pinhole: float = DEFAULT_PINHOLE
    sheet_thickness: float | None = None
    optics: Optics = DEFAULT_OPTICS
    specimen_index: float | None = None
    depth: float = 0.0

    @property
    def aberration(self) -> Aberration | None:
        """Aberration of the shortest wavelength; None without a difference of indices."""
        if self.specimen_index in (None, self.refractive_index):
            return None
        shortest = min(self.wavelengths)
        assert self.specimen_index is not None  # asked above
        return Aberration(self.na, shortest, self.refractive_index, self.specimen_index)

    @property
    def wavelengths(self) -> tuple[float, ...]:
        """Wavelengths that the PSF depends on, checked."""
        needed = {
            "two-photon": ("excitation",),
            "confocal": ("excitation", "emission"),
            "spinning-disk": ("excitation", "emission"),
        }.get(self.microscope, ("emission",))
        return tuple(_checked_wavelength(getattr(self, name), name) for name in needed)


def microscope_psf(
    setup: Setup,
    voxel_size: tuple[float, ...],
    *,
    planes: int = 1,
    widest: tuple[int, int] = (0, 0),
) -> NDArray[np.float32]:
    """Return the PSF of a microscope.

    Parameters
    ----------
    setup : Setup
        Optics.
    voxel_size : (Z, Y, X) or (Y, X) of float
        Voxel size [micrometre].
    planes : int
        Number of planes along Z; used only with three voxel sizes. Default 1.
    widest : (int, int)
        Half width along Y and X [pixels] up to which the PSF holds the cone of defocused
        light; with less than four Airy radii, the default, it has four.

    Returns
    -------
    ([Z, ]Y, X) float32 array
        Centred PSF of odd sizes with sum 1.

    Raises
    ------
    InputError
        The optics are impossible or incomplete, or the pixels are larger than the PSF.

    Examples
    --------
    >>> setup = Setup(1.4, 1.518, "confocal", emission=0.52, excitation=0.488)
    >>> microscope_psf(setup, (0.2, 0.1, 0.1), planes=5).shape
    (5, 21, 21)
    """
    _check(setup)
    *spacing_z, dy, dx = voxel_size
    longest, shortest = max(setup.wavelengths), min(setup.wavelengths)
    airy = 0.61 * longest / setup.na
    if max(dy, dx) > airy:
        raise InputError(
            f"Got pixels of {dy:g} x {dx:g} micrometre, which are larger than the PSF; expected "
            f"at most {airy:g}. The image has no optical blur to remove."
        )
    dz = spacing_z[0] if spacing_z else 0.0
    cone = _cone(setup, planes // 2 * dz)
    half = [
        max(int(np.ceil(_AIRY_RADII * airy / step)), min(int(np.ceil(cone / step)), most))
        for step, most in zip((dy, dx), widest, strict=True)
    ]
    # The intensity is computed on a finer grid and summed per pixel; odd factors keep the centre.
    finest = shortest / setup.na / _SAMPLES[setup.optics]
    fine = [int(np.ceil(step / finest)) | 1 for step in (dy, dx)]
    grid = Focus(
        setup.na,
        longest,
        setup.refractive_index,
        size=((2 * half[0] + 1) * fine[0], (2 * half[1] + 1) * fine[1]),
        steps=(dy / fine[0], dx / fine[1]),
        planes=planes // 2 + 1 if spacing_z else 1,
        dz=dz,
    )
    if setup.aberration is not None:
        grid = replace(grid, specimen_index=setup.specimen_index, depth=setup.depth)
    pixels = _pixels(setup, grid, fine)
    psf = pixels[np.abs(np.arange(planes) - planes // 2)] if spacing_z else pixels[0]
    if grid.depth and spacing_z:  # the planes before the focus differ from those after it
        before = _pixels(setup, replace(grid, depth=-grid.depth), fine)
        psf[: planes // 2] = before[:0:-1]
    return np.asarray(psf / psf.sum(), dtype=np.float32)


def _pixels(setup: Setup, grid: Focus, fine: list[int]) -> NDArray[np.float64]:
    """Return the planes from the focus on, each summed over the fine grid of its pixels."""
    planes = _fine_planes(setup, grid)
    return np.stack([block_reduce(plane, tuple(fine), np.sum) for plane in planes])


def _cone(setup: Setup, reach: float) -> float:
    """Return the radius of the cone of light, at the last plane that has much of it."""
    if setup.microscope not in ("widefield", "light-sheet"):
        return 0.0
    if setup.microscope == "light-sheet" and setup.sheet_thickness is not None:
        reach = min(reach, setup.sheet_thickness)
    return float(reach * np.tan(np.arcsin(setup.na / setup.refractive_index)))


def _fine_planes(setup: Setup, grid: Focus) -> Iterator[NDArray[np.float64]]:
    """Yield the PSF in the focus and in each plane after it, on the fine grid."""

    def light(
        wavelength: float | None, pinhole: float = 0.0, times: int = 1
    ) -> Iterator[NDArray[np.float64]]:
        assert wavelength is not None  # checked by `wavelengths`
        focus = replace(grid, wavelength=wavelength)
        return _through_pinhole(focus, setup.optics, pinhole, times)

    match setup.microscope:
        case "confocal":
            pairs = zip(
                light(setup.excitation), light(setup.emission, _pinhole(setup)), strict=True
            )
            yield from (one * two for one, two in pairs)
        case "spinning-disk":
            pairs = zip(
                light(setup.excitation, _pinhole(setup), 2), light(setup.emission), strict=True
            )
            yield from (one * two for one, two in pairs)
        case "two-photon":
            yield from (plane**2 for plane in light(setup.excitation))
        case "light-sheet":
            assert setup.sheet_thickness is not None  # checked by `_check`
            for place, plane in enumerate(light(setup.emission)):
                height = place * grid.dz / setup.sheet_thickness
                yield plane * np.exp(-4 * np.log(2) * height**2)
        case _:
            yield from light(setup.emission)


def _pinhole(setup: Setup) -> float:
    """Return the diameter of the pinhole in the plane of the specimen [micrometre]."""
    assert setup.emission is not None  # checked by `wavelengths`
    return setup.pinhole * 1.22 * setup.emission / setup.na


def _through_pinhole(
    grid: Focus, optics: Optics, diameter: float, times: int
) -> Iterator[NDArray[np.float64]]:
    """Yield the intensity in each plane, convolved with a disk, as often as `times` says."""
    if diameter == 0:
        yield from intensity(grid, optics)
        return
    margin = [int(np.ceil(times * diameter / 2 / step)) + 1 for step in grid.steps]
    size = (grid.size[0] + 2 * margin[0], grid.size[1] + 2 * margin[1])
    rows = fft.fftfreq(size[0], grid.steps[0])[:, None]
    columns = fft.rfftfreq(size[1], grid.steps[1])
    # The Fourier transform of a disk; what comes round the border stays in the margin.
    v = np.maximum(np.pi * diameter * np.hypot(rows, columns), 1e-9)
    transfer = (2 * j1(v) / v) ** times
    inside = tuple(slice(m, m + n) for m, n in zip(margin, grid.size, strict=True))
    for plane in intensity(replace(grid, size=size), optics):
        yield np.clip(fft.irfft2(fft.rfft2(plane) * transfer, size)[inside], 0, None)


def _check(setup: Setup) -> None:
    lowest, highest = _NA
    if not (lowest <= setup.na <= highest and setup.na < setup.refractive_index):
        raise InputError(
            f"Got NA {setup.na} and refractive index {setup.refractive_index}; expected an NA "
            f"from {lowest:g} to {highest:g} and below the refractive index."
        )
    if setup.specimen_index is not None and setup.optics == "vectorial":
        raise InputError(
            "Got vectorial optics with a refractive index of the specimen; expected scalar optics, "
            "which have the aberration by a difference of refractive indices.",
            Hint("optics", "scalar"),
        )
    if not setup.pinhole >= 0:
        raise InputError(
            f"Got a pinhole of {setup.pinhole}; expected its diameter in Airy units, such as 1."
        )
    thickness = setup.sheet_thickness
    if setup.microscope == "light-sheet" and not (thickness is not None and thickness > 0):
        raise InputError(
            f"Got a light sheet of thickness {thickness}; expected its full width at half "
            "maximum in micrometres, such as 3.",
            Hint("sheet_thickness", "3"),
        )


def _checked_wavelength(value: float | None, name: str) -> float:
    lowest, highest = _LIGHT
    if value is None:
        raise InputError(
            f"Got no wavelength of {name}; expected micrometres, such as 0.52.",
            Hint("wavelength" if name == "emission" else "wavelength_excitation"),
        )
    if lowest <= value <= highest:
        return float(value)
    advice = ""
    if 1e3 * lowest <= value <= 1e3 * highest:
        advice = f" Did you mean {value / 1e3:g}, which is {value:g} nanometres?"
    raise InputError(
        f"Got a wavelength of {value:g} micrometre, which is no light; expected micrometres, such "
        f"as 0.52.{advice}"
    )
