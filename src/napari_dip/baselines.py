"""Baselines: what well-known methods make of the same image, behind one signature.

Each is a library call for one plane on a scale of 0 to 1, told the deviation
of the noise that was measured for ours, so that all start from the same facts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
from skimage import restoration

from napari_dip import metrics
from napari_dip.core import blocks
from napari_dip.core.noise import estimate_mean_variance
from napari_dip.core.scaling import scale_image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dip.core.image import Image

    Plane = NDArray[np.float64]
    Baseline = Callable[[Plane, float], Plane]


def _total_variation(plane: Plane, sigma: float) -> Plane:
    return restoration.denoise_tv_chambolle(plane, weight=sigma, channel_axis=0)  # type: ignore[no-any-return]


def _non_local_means(plane: Plane, sigma: float) -> Plane:
    # A single channel would be dropped, and X taken for channels.
    grey = len(plane) == 1
    denoised: Plane = restoration.denoise_nl_means(
        plane[0] if grey else plane,
        h=0.8 * sigma,
        sigma=sigma,
        fast_mode=True,
        channel_axis=None if grey else 0,
    )
    return denoised[None] if grey else denoised


def _wavelet(plane: Plane, sigma: float) -> Plane:
    return restoration.denoise_wavelet(plane, sigma=sigma, channel_axis=0)  # type: ignore[no-any-return]


def _bm3d(plane: Plane, sigma: float) -> Plane:
    import bm3d

    return np.stack([bm3d.bm3d(channel, sigma) for channel in plane])


# Name, function, and the module that it needs beside scikit-image.
_BASELINES: tuple[tuple[str, Baseline, str | None], ...] = (
    ("total variation", _total_variation, None),
    ("non-local means", _non_local_means, None),
    ("wavelet", _wavelet, "pywt"),
    ("BM3D", _bm3d, "bm3d"),
)


def available() -> dict[str, Baseline]:
    """Return the baselines whose libraries are installed.

    Examples
    --------
    >>> list(available())[:2]
    ['total variation', 'non-local means']
    """
    return {
        name: baseline
        for name, baseline, module in _BASELINES
        if module is None or find_spec(module) is not None
    }


@dataclass(frozen=True, slots=True)
class Row:
    """One method's result.

    Attributes
    ----------
    name : str
        Of the method.
    image : Image
        float32, on the scale of the observation.
    seconds : float
        It took.
    psnr, ssim : float or None
        With a reference.
    """

    name: str
    image: Image
    seconds: float
    psnr: float | None = None
    ssim: float | None = None


def compare(image: Image, reference: Image | None = None) -> Iterator[Row]:
    """Denoise an image with each baseline in turn, plane by plane.

    Parameters
    ----------
    image : Image
        Without missing pixels, which no baseline can handle.
    reference : Image, optional
        Truth of the same shape.

    Yields
    ------
    Row
    """
    for name, baseline in available().items():
        start = time.perf_counter()
        restored = _denoise(image, baseline)
        yield judged(name, image.with_data(restored), time.perf_counter() - start, reference)


def judged(name: str, restored: Image, seconds: float, reference: Image | None) -> Row:
    """Return a row with its quality, if there is a truth to compare with."""
    if reference is None:
        return Row(name, restored, seconds)
    pair = np.asarray(restored.data), np.asarray(reference.data)
    return Row(name, restored, seconds, metrics.psnr(*pair), metrics.ssim(*pair, restored.axes))


def _denoise(image: Image, baseline: Baseline) -> NDArray[np.float32]:
    result = np.array(image.data, dtype=np.float32)
    scalings = scale_image(image)
    sigmas = [
        float(np.sqrt(estimate_mean_variance(blocks.some_planes(image, channel)).mean_variance))
        for channel in range(len(scalings))
    ]
    for block in blocks.plan(image, None):
        channel = block.channels[0] if block.channels else 0
        scaling = scalings[channel]
        if scaling.constant:
            continue
        unit = scaling.scale(blocks.read(image, block)).astype(np.float64)  # (C, Y, X)
        estimate = baseline(unit, sigmas[channel] / scaling.gain)
        result[block.selection] = blocks.from_channels_first(scaling.unscale(estimate), block)
    return result
