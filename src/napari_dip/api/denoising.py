"""What was added to an image is taken away: noise, and the blocks of compression."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_dip.api._restore import restored
from napari_dip.config import DEFAULT_LOSS
from napari_dip.core.tasks import Denoise, Guided, Quantisation, RemoveJpeg
from napari_dip.core.tasks.base import as_picture

if TYPE_CHECKING:
    from typing import Unpack

    from numpy.typing import ArrayLike, NDArray

    from napari_dip.api._restore import Choices
    from napari_dip.config import DipConfig, JpegLoss, Noise, Preset, Stop


def denoise(
    image: ArrayLike,
    noise: Noise | None = None,
    preset: Preset | None = None,
    stop: Stop | None = None,
    *,
    channel_axis: int | None = None,
    device: str | None = None,
    rng: int | None = None,
    config: DipConfig | None = None,
) -> NDArray[np.float32]:
    """Denoise an image with an untrained network, without training data.

    Parameters
    ----------
    image : ([T, [C, ]][Z, ]Y, X) array_like
        Real numbers of any scale. NaN and infinite pixels are missing and
        filled. Leading axes are restored plane by plane.
    noise : {"auto", "gaussian", "poisson", "poisson-gaussian", "laplace"}, optional
        Noise model; estimated from the image by default.
    preset : {"balanced", "fast", "paper"}, optional
        How much work is done.
    stop : {"auto", "heldout", "variance", "discrepancy", "sure", "none"}, optional
        Early stopping.
    channel_axis : int, optional
        Dimension that holds channels, which are fitted jointly.
    device : str, optional
        "auto", "cpu", "cuda", "cuda:1" or "mps".
    rng : int, optional
        Seed.
    config : DipConfig, optional
        All other choices, and the defaults of the ones above.

    Returns
    -------
    restored : ([T, [C, ]][Z, ]Y, X) ndarray of float32
        Same shape as `image`, values on its scale.

    Raises
    ------
    InputError
        The image is empty, complex, has fewer than two dimensions, or no
        finite pixel.
    DeviceError
        The device is missing, failed or ran out of memory.

    See Also
    --------
    napari_dip.restore : The generator behind it, with progress and a report.

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
        image, Denoise(), channel_axis, config,
        noise=noise, preset=preset, stop=stop, device=device, rng=rng,
    )  # fmt: skip


def restore_guided(
    image: ArrayLike,
    guide: ArrayLike,
    *,
    channel_axis: int | None = None,
    config: DipConfig | None = None,
    **choices: Unpack[Choices],
) -> NDArray[np.float32]:
    """Denoise an image with the help of another picture of the same scene.

    Parameters
    ----------
    image : ([T, [C, ]][Z, ]Y, X) array_like
        Real numbers.
    guide : (Y, X), (Y, X, 3) or (...) array_like
        A flash photograph, or a channel with more photons.
    channel_axis, config, **choices
        As for `denoise`.

    Returns
    -------
    restored : (...) ndarray of float32
        Shape and scale of `image`.

    Raises
    ------
    InputError
        The guide has another size, or pixels that are not finite.

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
    return restored(image, Guided(guide), channel_axis, config, **choices)


def remove_jpeg(
    image: ArrayLike,
    quantisation: Quantisation | None = None,
    *,
    loss: JpegLoss = DEFAULT_LOSS,
    channel_axis: int | None = None,
    config: DipConfig | None = None,
    **choices: Unpack[Choices],
) -> NDArray[np.float32]:
    """Remove the blocks and ringing of compression, which a network learns last.

    Parameters
    ----------
    image : ([T, [C, ]][Z, ]Y, X) array_like
        The decoded JPEG. With `quantisation` its pixels as they were decoded:
        (Y, X) or (Y, X, 3) of uint8.
    quantisation : Quantisation, optional
        Tables of the file, from `napari_dip.io.images.read_quantisation`.
    loss : {"auto", "coefficients", "bins", "plain"}
        "coefficients": those of the cosine transform are compared, in steps
        of their quantisation; "bins": only those that leave the bin they were
        rounded to count; "plain": pixels are compared, as published; "auto":
        coefficients where the tables are given.
    channel_axis, config, **choices
        As for `denoise`.

    Returns
    -------
    restored : (...) ndarray of float32
        Shape and scale of `image`.

    References
    ----------
    .. [1] D. Ulyanov, A. Vedaldi, V. Lempitsky, "Deep Image Prior", IJCV 128
           (2020), Fig. 1.
    .. [2] Bins: G. K. Wallace, "The JPEG still picture compression standard",
           CACM 34 (1991).

    Examples
    --------
    >>> from napari_dip import DipConfig
    >>> remove_jpeg(np.eye(16), config=DipConfig(max_iterations=2)).shape
    (16, 16)
    """
    task = RemoveJpeg(quantisation, loss)
    if task.quantised:
        return restored(as_picture(image), task, None, config, **choices)
    return restored(image, task, channel_axis, config, **choices)
