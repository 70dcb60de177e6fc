"""Functions that enlarge and deconvolve images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from napari_dip.api._restore import restored
from napari_dip.config import DEFAULT_ALONG_Z, DEFAULT_FACTOR, DEFAULT_KERNEL, DEFAULT_OPTICS
from napari_dip.core.tasks import Deconvolve, SuperResolve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from napari_dip.config import (
        AlongZ,
        DipConfig,
        Kernel,
        Microscope,
        Noise,
        Optics,
        Preset,
        Stop,
    )


def super_resolve(
    image: ArrayLike,
    factor: int | Mapping[str, int] = DEFAULT_FACTOR,
    *,
    kernel: Kernel = DEFAULT_KERNEL,
    along_z: AlongZ = DEFAULT_ALONG_Z,
    noise: Noise | None = None,
    preset: Preset | None = None,
    stop: Stop | None = None,
    channel_axis: int | None = None,
    device: str | None = None,
    rng: int | None = None,
    config: DipConfig | None = None,
) -> NDArray[np.float32]:
    """Enlarge an image: find an image that gives the observation after filtering and sampling.

    Parameters
    ----------
    image : ([T, [C, ]][Z, ]Y, X) array_like
        Image to enlarge: real numbers of any scale. NaN and infinite pixels count as
        missing and are filled.
    factor : int or mapping of str to int
        Magnification along Y and X, or along each axis, such as {"y": 2, "x": 4};
        {"z": 4} adds planes between those of a stack. Whole numbers from 2 to 16.
        Default: 4.
    kernel : {"lanczos2", "box", "gaussian", "none"}
        Low-pass filter that acted before the image was sampled; "box" for a camera that
        bins or for thick sections, "none" for thin optical sections with gaps. Default:
        "lanczos2".
    along_z : {"correct", "fit"}
        Way to add planes if only z is enlarged: correct the cubic interpolation by what the
        planes show, which takes seconds to a minute, or fit a network to the whole stack.
        Default: "correct".
    noise : {"auto", "gaussian", "poisson", "poisson-gaussian", "laplace"}, optional
        Noise model; "auto" measures the noise level in the image. Default: that of
        `config`, "auto".
    preset : {"fast", "balanced", "paper"}, optional
        Preset of network and fit: "balanced" is better and slower than "fast", "paper" has
        the published settings. Default: that of `config`, "balanced".
    stop : {"auto", "heldout", "variance", "discrepancy", "none"}, optional
        Early stopping rule. Default: that of `config`, "auto".
    channel_axis : int, optional
        Axis of `image` that holds channels, which are then fitted jointly. Default: None;
        `config.axes`, or else the number of dimensions, then defines all axes.
    device : str, optional
        Device of the fit: "auto", "cpu", "cuda", "cuda:1" or "mps". Default: that of
        `config`, "auto".
    rng : int, optional
        Seed of network weights, latent and held-out pixels. Default: that of `config`, 0.
    config : DipConfig, optional
        All other settings. Default: ``DipConfig()``.

    Returns
    -------
    restored : ([T, [C, ]][factor Z, ]factor Y, factor X) ndarray of float32
        Enlarged image in the units of `image`. Pixel centres shift by (factor - 1) / 2 of
        the new pixels.

    Raises
    ------
    InputError
        The factor is not a whole number from 2 to 16, or the image cannot be restored.
    UsageError
        A setting has no valid value, or the task does not support the stopping rule.
    DeviceError
        The device is missing, failed or ran out of memory.
    DivergedError
        The fit diverged.

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
    return restored(
        image,
        SuperResolve(factor, kernel, along_z),
        channel_axis,
        config,
        noise=noise,
        preset=preset,
        stop=stop,
        device=device,
        seed=rng,
    )


def deconvolve(
    image: ArrayLike,
    psf: ArrayLike | None = None,
    *,
    sigma: float | Mapping[str, float] | None = None,
    refine_psf: bool = False,
    microscope: Microscope | Literal["auto"] = "auto",
    na: float | None = None,
    wavelength: float | None = None,
    wavelength_excitation: float | None = None,
    pinhole: float | None = None,
    sheet_thickness: float | None = None,
    refractive_index: float | None = None,
    optics: Optics = DEFAULT_OPTICS,
    specimen_index: float | None = None,
    depth_of_first_plane: float | None = None,
    noise: Noise | None = None,
    preset: Preset | None = None,
    stop: Stop | None = None,
    channel_axis: int | None = None,
    device: str | None = None,
    rng: int | None = None,
    config: DipConfig | None = None,
) -> NDArray[np.float32]:
    """Undo the blur of a known point spread function (PSF).

    Give exactly one of: `psf`; `sigma`; the optics, `na` and `wavelength`.

    Parameters
    ----------
    image : ([T, [C, ]][Z, ]Y, X) array_like
        Blurred image: real numbers of any scale. NaN and infinite pixels count as missing
        and are filled.
    psf : ([Z, ]Y, X) array_like, optional
        Image of a point source, in any units and at any position, with the voxel size of
        the image; with Z, whole volumes are deconvolved. A
        `napari_dip.core.image.image.Image` with another voxel size is resampled.
    sigma : float or mapping of str to float, optional
        Standard deviation of a Gaussian PSF [pixel], along Y and X, or along each axis,
        such as {"z": 2, "y": 1, "x": 1}.
    refine_psf : bool
        Whether `sigma` is an initial guess that the fit refines along each axis. Default:
        False.
    microscope : str
        Kind of microscope of the computed PSF: "widefield", "confocal", "spinning-disk",
        "two-photon" or "light-sheet". Default: "auto", that of the file, or else wide
        field.
    na : float, optional
        Numerical aperture of the objective, from 0.05 to 1.7, for a computed PSF. The voxel
        size comes from `config.voxel_size`.
    wavelength : float, optional
        Wavelength of the emitted light [micrometre], for the computed PSF.
    wavelength_excitation : float, optional
        Wavelength of the exciting light [micrometre], for a confocal, spinning disk or
        two-photon microscope.
    pinhole : float, optional
        Diameter of the pinhole [Airy units]. Default: 1.
    sheet_thickness : float, optional
        Full width at half maximum of the light sheet [micrometre].
    refractive_index : float, optional
        Refractive index of the immersion medium, for the computed PSF. Default: 1.518.
    optics : {"scalar", "vectorial"}
        Theory of the computed PSF; "vectorial", for a high numerical aperture, needs the
        extra `psf`. Default: "scalar".
    specimen_index : float, optional
        Refractive index of the specimen, for a computed PSF of a volume, which then changes
        with depth. Default: that of the immersion medium.
    depth_of_first_plane : float, optional
        Depth of the first plane below the cover glass, as the stage shows it [micrometre].
        Later planes are deeper. Default: 0.
    noise : {"auto", "gaussian", "poisson", "poisson-gaussian", "laplace"}, optional
        Noise model; "auto" measures the noise level in the image. Default: that of
        `config`, "auto".
    preset : {"fast", "balanced", "paper"}, optional
        Preset of network and fit: "balanced" is better and slower than "fast", "paper" has
        the published settings. Default: that of `config`, "balanced".
    stop : {"auto", "heldout", "variance", "discrepancy", "none"}, optional
        Early stopping rule. Default: that of `config`, "auto".
    channel_axis : int, optional
        Axis of `image` that holds channels, which are then fitted jointly. Default: None;
        `config.axes`, or else the number of dimensions, then defines all axes.
    device : str, optional
        Device of the fit: "auto", "cpu", "cuda", "cuda:1" or "mps". Default: that of
        `config`, "auto".
    rng : int, optional
        Seed of network weights, latent and held-out pixels. Default: that of `config`, 0.
    config : DipConfig, optional
        All other settings. Default: ``DipConfig()``.

    Returns
    -------
    restored : ([T, [C, ]][Z, ]Y, X) ndarray of float32
        Deconvolved image, with the shape and in the units of `image`.

    Raises
    ------
    InputError
        No PSF or several were given, or the array is not a valid PSF.
    UsageError
        A setting has no valid value, or the task does not support the stopping rule.
    DeviceError
        The device is missing, failed or ran out of memory.
    DivergedError
        The fit diverged.

    See Also
    --------
    measure_psf : PSF from an image of beads.
    napari_dip.core.operators.psf.microscope.microscope_psf : PSF from the optics.

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
    task = Deconvolve(
        psf,
        sigma,
        na,
        wavelength,
        refractive_index,
        refine_psf,
        optics,
        microscope=microscope,
        wavelength_excitation=wavelength_excitation,
        pinhole=pinhole,
        sheet_thickness=sheet_thickness,
        specimen_index=specimen_index,
        depth_of_first_plane=depth_of_first_plane,
    )
    return restored(
        image,
        task,
        channel_axis,
        config,
        noise=noise,
        preset=preset,
        stop=stop,
        device=device,
        seed=rng,
    )
