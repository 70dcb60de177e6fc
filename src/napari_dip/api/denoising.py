"""Functions that remove noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_dip.api._restore import restored
from napari_dip.core.tasks import Denoise, Guided

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from napari_dip.config import DipConfig, Noise, Preset, Stop


def denoise(
    image: ArrayLike,
    noise: Noise | None = None,
    preset: Preset | None = None,
    stop: Stop | None = None,
    *,
    channel_axis: int | None = None,
    device: str | None = None,
    rng: int | None = None,
    camera_offset: ArrayLike | None = None,
    camera_gain: ArrayLike | None = None,
    camera_variance: ArrayLike | None = None,
    config: DipConfig | None = None,
) -> NDArray[np.float32]:
    """Denoise an image with an untrained network, without training data.

    Parameters
    ----------
    image : ([T, [C, ]][Z, ]Y, X) array_like
        Noisy image: real numbers of any scale. NaN and infinite pixels count as missing
        and are filled. Planes along the leading axes are restored one by one.
    noise : {"auto", "gaussian", "poisson", "poisson-gaussian", "laplace"}, optional
        Noise model; "auto" measures the noise level in the image. Default: that of
        `config`, "auto".
    preset : {"fast", "balanced", "paper"}, optional
        Preset of network and fit: "balanced" is better and slower than "fast", "paper" has
        the published settings. Default: that of `config`, "balanced".
    stop : {"auto", "heldout", "variance", "discrepancy", "sure", "none"}, optional
        Early stopping rule. Default: that of `config`, "auto".
    channel_axis : int, optional
        Axis of `image` that holds channels, which are then fitted jointly. Default: None;
        `config.axes`, or else the number of dimensions, then defines all axes.
    device : str, optional
        Device of the fit: "auto", "cpu", "cuda", "cuda:1" or "mps". Default: that of
        `config`, "auto".
    rng : int, optional
        Seed of network weights, latent and held-out pixels. Default: that of `config`, 0.
    camera_offset : (Y, X) array_like, optional
        Offset of each pixel of the camera [ADU]. Default: all pixels have the same.
    camera_gain : (Y, X) array_like, optional
        Gain of each pixel [ADU per photo-electron]. Default: all pixels have the same.
    camera_variance : (Y, X) array_like, optional
        Variance of the read noise of each pixel [ADU^2]. Default: all pixels have the same.
    config : DipConfig, optional
        All other settings. Default: ``DipConfig()``.

    Returns
    -------
    restored : ([T, [C, ]][Z, ]Y, X) ndarray of float32
        Denoised image, with the shape and in the units of `image`.

    Raises
    ------
    InputError
        The image is empty, complex, has fewer than two dimensions, or has no finite pixel.
    UsageError
        A setting has no valid value, or the task does not support the stopping rule.
    DeviceError
        The device is missing, failed or ran out of memory.
    DivergedError
        The fit diverged.

    See Also
    --------
    napari_dip.restore : Generator that yields progress and returns result and report.

    References
    ----------
    .. [1] D. Ulyanov, A. Vedaldi, V. Lempitsky, "Deep Image Prior", IJCV 128
           (2020), 1867-1888. :DOI:`10.1007/s11263-020-01303-4`

    Examples
    --------
    >>> from napari_dip import DipConfig
    >>> image = np.random.default_rng(0).poisson(20.0, (16, 16))
    >>> restored = denoise(image, config=DipConfig(max_iterations=2), device="cpu")
    >>> restored.shape, restored.dtype
    ((16, 16), dtype('float32'))
    """
    return restored(
        image,
        Denoise(
            camera_offset=camera_offset,
            camera_gain=camera_gain,
            camera_variance=camera_variance,
        ),
        channel_axis,
        config,
        noise=noise,
        preset=preset,
        stop=stop,
        device=device,
        seed=rng,
    )


def restore_guided(
    image: ArrayLike,
    guide: ArrayLike,
    *,
    noise: Noise | None = None,
    preset: Preset | None = None,
    stop: Stop | None = None,
    channel_axis: int | None = None,
    device: str | None = None,
    rng: int | None = None,
    camera_offset: ArrayLike | None = None,
    camera_gain: ArrayLike | None = None,
    camera_variance: ArrayLike | None = None,
    config: DipConfig | None = None,
) -> NDArray[np.float32]:
    """Denoise an image with the help of another image of the same scene.

    Parameters
    ----------
    image : ([T, [C, ]][Z, ]Y, X) array_like
        Noisy image: real numbers of any scale. NaN and infinite pixels count as missing
        and are filled. Planes along the leading axes are restored one by one.
    guide : (Y, X), (Y, X, 3) or ([T, [C, ]][Z, ]Y, X) array_like
        Guide image with the Y and X size of `image`, in any units: a flash photograph, or
        a channel with more photons. All pixels must be finite.
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
    camera_offset : (Y, X) array_like, optional
        Offset of each pixel of the camera [ADU]. Default: all pixels have the same.
    camera_gain : (Y, X) array_like, optional
        Gain of each pixel [ADU per photo-electron]. Default: all pixels have the same.
    camera_variance : (Y, X) array_like, optional
        Variance of the read noise of each pixel [ADU^2]. Default: all pixels have the same.
    config : DipConfig, optional
        All other settings. Default: ``DipConfig()``.

    Returns
    -------
    restored : ([T, [C, ]][Z, ]Y, X) ndarray of float32
        Denoised image, with the shape and in the units of `image`.

    Raises
    ------
    InputError
        The guide has another size or pixels that are not finite, or the image cannot be
        restored.
    UsageError
        A setting has no valid value, or the task does not support the stopping rule.
    DeviceError
        The device is missing, failed or ran out of memory.
    DivergedError
        The fit diverged.

    References
    ----------
    .. [1] D. Ulyanov, A. Vedaldi, V. Lempitsky, "Deep Image Prior", IJCV 128
           (2020), Sec. 3.5.

    Examples
    --------
    >>> from napari_dip import DipConfig
    >>> restore_guided(np.eye(16), np.ones((16, 16)), config=DipConfig(max_iterations=2)).shape
    (16, 16)
    """
    return restored(
        image,
        Guided(
            guide,
            camera_offset=camera_offset,
            camera_gain=camera_gain,
            camera_variance=camera_variance,
        ),
        channel_axis,
        config,
        noise=noise,
        preset=preset,
        stop=stop,
        device=device,
        seed=rng,
    )
