"""Functions that fill missing pixels or missing frequencies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_dip.api._restore import restored
from napari_dip.config import DEFAULT_KNOWN
from napari_dip.core.tasks import Inpaint, ReconstructKSpace
from napari_dip.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from napari_dip.config import DipConfig, Known, Noise, Preset, Stop


def inpaint(
    image: ArrayLike,
    mask: ArrayLike | None = None,
    *,
    labels: tuple[int, ...] = (),
    inverse: bool = False,
    known: Known = DEFAULT_KNOWN,
    noise: Noise | None = None,
    preset: Preset | None = None,
    stop: Stop | None = None,
    channel_axis: int | None = None,
    device: str | None = None,
    rng: int | None = None,
    config: DipConfig | None = None,
) -> NDArray[np.float32]:
    """Fill missing pixels with an untrained network.

    Parameters
    ----------
    image : ([T, [C, ]][Z, ]Y, X) array_like
        Image with missing pixels: real numbers of any scale. NaN and infinite pixels are
        missing in any case.
    mask : (Y, X) or ([T, [C, ]][Z, ]Y, X) array_like, optional
        Mask that is not 0 where pixels are missing; one plane for all, or one for each.
        Default: only pixels that are not finite are missing.
    labels : tuple of int
        Values of the mask that mark missing pixels. Default: all but 0.
    inverse : bool
        Whether the mask marks known pixels instead of missing ones. Default: False.
    known : {"keep", "restore"}
        Known pixels of the result: kept as observed, or denoised. Default: "keep".
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
        Filled image, with the shape and in the units of `image`.

    Raises
    ------
    InputError
        The mask has another Y or X size, or marks all pixels or none as missing.
    UsageError
        A setting has no valid value, or the task does not support the stopping rule.
    DeviceError
        The device is missing, failed or ran out of memory.
    DivergedError
        The fit diverged.

    References
    ----------
    .. [1] D. Ulyanov, A. Vedaldi, V. Lempitsky, "Deep Image Prior", IJCV 128
           (2020), eq. 6.

    Examples
    --------
    >>> from napari_dip import DipConfig
    >>> mask = np.eye(16)
    >>> inpaint(np.ones((16, 16)) + mask, mask, config=DipConfig(max_iterations=2)).shape
    (16, 16)
    """
    task = Inpaint(mask, labels, inverse, known)
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


def reconstruct_fourier(
    image: ArrayLike,
    mask: ArrayLike | None = None,
    *,
    inverse: bool = False,
    maps: ArrayLike | None = None,
    noise: Noise | None = None,
    preset: Preset | None = None,
    stop: Stop | None = None,
    device: str | None = None,
    rng: int | None = None,
    config: DipConfig | None = None,
) -> NDArray[np.float32]:
    """Reconstruct an image from part of its frequencies, as in fast MRI.

    Parameters
    ----------
    image : ([C, ]Y, X) array_like of complex, or ([T, ][Z, ]Y, X) array_like of real
        Complex: k-space of one coil or several, zero frequency in the middle. Real: an
        image, such as a zero-filled one, of which only the frequencies of the mask are
        used.
    mask : (Y, X) or (X,) array_like, optional
        Mask that is not 0 at recorded frequencies or columns, zero frequency in the
        middle. Default: the frequencies at which complex k-space is not 0; a real image
        needs a mask.
    inverse : bool
        Whether the mask is 0 at recorded frequencies instead. Default: False.
    maps : ([C, ]Y, X) array_like of complex, optional
        Sensitivity map of each coil. One complex image is then estimated for all coils.
        Default: one image for each coil.
    noise : {"auto", "gaussian", "poisson", "poisson-gaussian", "laplace"}, optional
        Noise model; "auto" measures the noise level in the image. Default: that of
        `config`, "auto".
    preset : {"fast", "balanced", "paper"}, optional
        Preset of network and fit: "balanced" is better and slower than "fast", "paper" has
        the published settings. Default: that of `config`, "balanced".
    stop : {"auto", "heldout", "variance", "discrepancy", "none"}, optional
        Early stopping rule. Default: that of `config`, "auto".
    device : str, optional
        Device of the fit: "auto", "cpu", "cuda", "cuda:1" or "mps". Default: that of
        `config`, "auto".
    rng : int, optional
        Seed of network weights, latent and held-out pixels. Default: that of `config`, 0.
    config : DipConfig, optional
        All other settings. Default: ``DipConfig()``.

    Returns
    -------
    restored : ([T, ][Z, ]Y, X) ndarray of float32
        Real image; from k-space the magnitude, root sum of squares over coils. Recorded
        frequencies are kept, unless noise is found in them.

    Raises
    ------
    InputError
        The mask has another shape or excludes zero frequency, the maps have another shape,
        or values are not finite.
    UsageError
        A setting has no valid value, or the task does not support the stopping rule.
    DeviceError
        The device is missing, failed or ran out of memory.
    DivergedError
        The fit diverged.

    References
    ----------
    .. [1] M. Z. Darestani, R. Heckel, "Accelerated MRI with un-trained neural
           networks", IEEE Transactions on Computational Imaging 7 (2021).

    Examples
    --------
    >>> from napari_dip import DipConfig
    >>> columns = np.arange(16) % 2 == 0
    >>> reconstruct_fourier(np.eye(16), columns, config=DipConfig(max_iterations=2)).shape
    (16, 16)
    """
    if np.iscomplexobj(image):
        task, zero_filled = ReconstructKSpace.of_kspace(image, mask, inverse=inverse, maps=maps)
        return restored(
            zero_filled,
            task,
            None,
            config,
            noise=noise,
            preset=preset,
            stop=stop,
            device=device,
            seed=rng,
        )
    if maps is not None:
        raise InputError("Got sensitivity maps for a real image; expected complex k-space.")
    return restored(
        image,
        ReconstructKSpace(mask, inverse),
        None,
        config,
        noise=noise,
        preset=preset,
        stop=stop,
        device=device,
        seed=rng,
    )
