"""Function that removes compression artefacts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_dip.api._restore import restored
from napari_dip.config import DEFAULT_LOSS
from napari_dip.core.tasks import Quantisation, RemoveJpeg
from napari_dip.core.tasks.base import as_picture

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from napari_dip.config import DipConfig, JpegLoss, Noise, Preset, Stop


def remove_jpeg(
    image: ArrayLike,
    quantisation: Quantisation | None = None,
    *,
    loss: JpegLoss = DEFAULT_LOSS,
    noise: Noise | None = None,
    preset: Preset | None = None,
    stop: Stop | None = None,
    channel_axis: int | None = None,
    device: str | None = None,
    rng: int | None = None,
    config: DipConfig | None = None,
) -> NDArray[np.float32]:
    """Remove the blocks and ringing of JPEG compression.

    The network learns these artefacts later than the image, and the fit stops before.

    Parameters
    ----------
    image : ([T, [C, ]][Z, ]Y, X) array_like
        Decoded JPEG: real numbers of any scale. With `quantisation`, the unchanged decoded
        pixels: (Y, X) or (Y, X, 3), uint8.
    quantisation : Quantisation, optional
        Quantisation tables of the file, from `napari_dip.io.images.read_quantisation`.
        Default: unknown, which allows only the loss "plain".
    loss : {"auto", "coefficients", "bins", "plain"}
        Differences that the fit minimises. "coefficients": of cosine coefficients, in
        quantisation steps. "bins": the same, but only outside the interval that is rounded
        to the recorded value. "plain": of pixels, as published. "auto", the default:
        coefficients if `quantisation` is given, else plain.
    noise : {"auto", "gaussian", "poisson", "poisson-gaussian", "laplace"}, optional
        Noise model; "auto" measures the noise level in the image. Default: that of
        `config`, "auto".
    preset : {"fast", "balanced", "paper"}, optional
        Preset of network and fit: "balanced" is better and slower than "fast", "paper" has
        the published settings. Default: that of `config`, "balanced".
    stop : {"auto", "heldout", "variance", "discrepancy", "blocks", "none"}, optional
        Early stopping rule. Default: that of `config`, "auto"; with
        quantisation tables this is "blocks", otherwise "heldout" and "variance". "blocks"
        needs the tables, "heldout" is not possible with them.
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
        Restored image, with the shape and in the units of `image`.

    Raises
    ------
    InputError
        The loss needs quantisation tables that are not given, or the image does not hold
        the decoded pixels.
    UsageError
        A setting has no valid value, or the task does not support the stopping rule.
    DeviceError
        The device is missing, failed or ran out of memory.
    DivergedError
        The fit diverged.

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
        return restored(
            as_picture(image),
            task,
            None,
            config,
            noise=noise,
            preset=preset,
            stop=stop,
            device=device,
            seed=rng,
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
