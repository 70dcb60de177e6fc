"""What the lens and the camera lost of resolution is found again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_dip.api._restore import restored
from napari_dip.config import DEFAULT_FACTOR, DEFAULT_KERNEL, DEFAULT_OPTICS, REFRACTIVE_INDEX
from napari_dip.core.tasks import Deconvolve, SuperResolve

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Unpack

    from numpy.typing import ArrayLike, NDArray

    from napari_dip.api._restore import Choices
    from napari_dip.config import DipConfig, Kernel, Optics


def super_resolve(
    image: ArrayLike,
    factor: int | Mapping[str, int] = DEFAULT_FACTOR,
    *,
    kernel: Kernel = DEFAULT_KERNEL,
    channel_axis: int | None = None,
    config: DipConfig | None = None,
    **choices: Unpack[Choices],
) -> NDArray[np.float32]:
    """Enlarge an image: find what explains it once low-passed and sampled.

    Parameters
    ----------
    image : ([T, [C, ]][Z, ]Y, X) array_like
        Real numbers.
    factor : int or mapping of str to int
        Of Y and X, or of each axis, such as {"y": 2, "x": 4}; {"z": 4} puts
        planes between those of a stack.
    kernel : {"lanczos2", "box", "gaussian"}
        What the low-pass was; "box" for a camera that bins.
    channel_axis, config, **choices
        As for `denoise`.

    Returns
    -------
    restored : ([T, [C, ]][factor Z, ]factor Y, factor X) ndarray of float32
        On the scale of `image`; the pixel centres shift by (factor - 1) / 2
        of the new pixels.

    Raises
    ------
    InputError
        The factor is no whole number from 2 to 16.

    References
    ----------
    .. [1] D. Ulyanov, A. Vedaldi, V. Lempitsky, "Deep Image Prior", IJCV 128
           (2020), eq. 5.

    Examples
    --------
    >>> from napari_dip import DipConfig
    >>> super_resolve(np.eye(16), 2, config=DipConfig(max_iterations=2)).shape
    (32, 32)
    """
    return restored(image, SuperResolve(factor, kernel), channel_axis, config, **choices)


def deconvolve(
    image: ArrayLike,
    psf: ArrayLike | None = None,
    *,
    sigma: float | Mapping[str, float] | None = None,
    refine_psf: bool = False,
    na: float | None = None,
    wavelength: float | None = None,
    refractive_index: float = REFRACTIVE_INDEX,
    optics: Optics = DEFAULT_OPTICS,
    channel_axis: int | None = None,
    config: DipConfig | None = None,
    **choices: Unpack[Choices],
) -> NDArray[np.float32]:
    """Undo a blur that is known, or nearly.

    Parameters
    ----------
    image : ([T, [C, ]][Z, ]Y, X) array_like
        Real numbers.
    psf : ([Z, ]Y, X) array_like, optional
        Image of a point, on any scale and at any place, with the voxel size of
        the image; with Z, whole volumes are deconvolved. A
        `napari_dip.core.image.image.Image` with a voxel size of its own is resampled.
    sigma : float or mapping of str to float, optional
        In place of an image, the standard deviation of a Gaussian [pixels].
    refine_psf : bool
        `sigma` is a guess: the width along each axis is fitted as well.
    na, wavelength, refractive_index : float, optional
        In place of both, the optics of a wide-field microscope: numerical
        aperture, wavelength of emission [micrometre], index of the immersion.
        The pixel size comes from `config.voxel_size`.
    optics : {"scalar", "vectorial"}
        Theory of the computed PSF; the second needs the extra `psf`.
    channel_axis, config, **choices
        As for `denoise`.

    Returns
    -------
    restored : (...) ndarray of float32
        Shape and scale of `image`.

    Raises
    ------
    InputError
        There is no PSF, or more than one, or it is none.

    See Also
    --------
    napari_dip.core.operators.widefield.widefield_psf : The PSF of a microscope from its optics.

    References
    ----------
    .. [1] D. Ulyanov, A. Vedaldi, V. Lempitsky, "Deep Image Prior", IJCV 128
           (2020), eq. 2.

    Examples
    --------
    >>> from napari_dip import DipConfig
    >>> deconvolve(np.eye(16), sigma=1.0, config=DipConfig(max_iterations=2)).shape
    (16, 16)
    """
    task = Deconvolve(psf, sigma, na, wavelength, refractive_index, refine_psf, optics)
    return restored(image, task, channel_axis, config, **choices)
