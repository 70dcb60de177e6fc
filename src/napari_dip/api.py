"""Array in, array out: one function per task, named and documented as in scikit-image."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from napari_dip.config import DipConfig
from napari_dip.core.image import as_image
from napari_dip.core.restore import restore
from napari_dip.tasks import Denoise

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from numpy.typing import ArrayLike, NDArray

    from napari_dip.config import Noise, Preset, Stop
    from napari_dip.core.image import Image
    from napari_dip.tasks import Task

Step = TypeVar("Step")
Outcome = TypeVar("Outcome")


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
    noise : {"auto", "gaussian", "poisson", "poisson-gaussian"}, optional
        Noise model; estimated from the image by default.
    preset : {"fast", "balanced", "paper"}, optional
        How much work is done.
    stop : {"auto", "heldout", "variance", "none"}, optional
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
    >>> image = np.random.default_rng(0).poisson(20.0, (16, 16))
    >>> restored = denoise(image, config=DipConfig(max_iterations=2), device="cpu")
    >>> restored.shape, restored.dtype
    ((16, 16), dtype('float32'))
    """
    chosen = {"noise": noise, "preset": preset, "stop": stop, "device": device, "seed": rng}
    if channel_axis is not None:
        chosen["channels"] = "joint"
    given = {name: value for name, value in chosen.items() if value is not None}
    # Validated anew: model_copy would not check what the caller wrote.
    settings = DipConfig.model_validate({**(config or DipConfig()).model_dump(), **given})
    return _restored(as_image(image, settings.axes, channel_axis=channel_axis), Denoise(), settings)


def _restored(image: Image, task: Task, config: DipConfig) -> NDArray[np.float32]:
    result = finish(restore(image, task, config))
    return np.asarray(result.image.data)


def finish(
    steps: Generator[Step, None, Outcome], each: Callable[[Step], object] = lambda _: None
) -> Outcome:
    """Exhaust a generator such as `restore` or `fit`, and return its value.

    Parameters
    ----------
    steps : generator
        Yields `Progress` or `Snapshot`, returns `Restoration` or `Fit`.
    each : callable
        Called with all that is yielded.

    Examples
    --------
    >>> steps = restore(np.eye(8), config=DipConfig(max_iterations=2, device="cpu"))
    >>> finish(steps).image.shape
    (8, 8)
    """
    while True:
        try:
            each(next(steps))
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome
