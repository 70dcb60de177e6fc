"""Wide-field PSF: the point-spread function of a camera microscope, computed from its optics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_dip.config import DEFAULT_OPTICS
from napari_dip.core.operators.psf.microscope import Setup, microscope_psf

if TYPE_CHECKING:
    from napari_dip.config import Optics


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
    setup = Setup(na, refractive_index, emission=wavelength, optics=optics)
    return microscope_psf(setup, voxel_size, planes=planes)
