"""Samples for all tasks but denoising: a cell, degraded as each task assumes."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from napari_dip.config import DEFAULT_FACTOR
from napari_dip.core.image.image import Image
from napari_dip.core.image.scaling import restore_dtype
from napari_dip.samples.noisy import LayerData, Sample, cell, fluorescence

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SIGMA_BLUR = 2.0
# Standard deviation of the blur of the fluorescence [pixels].
WIDEFIELD_BLUR = 1.5
_QUALITY = 15


def napari_scratched() -> list[LayerData]:
    """Return a scratched cell and a mask of the scratches, for the task "Inpaint"."""
    truth = _truth()
    mask = scratches(truth.shape)
    scratched = np.where(mask > 0, truth.max(), truth)
    return [
        _layer(truth, "scratched cell (truth)", visible=False),
        _layer(scratched, "scratched cell"),
        (mask, {"name": "scratches", "axis_labels": ("y", "x")}, "labels"),
    ]


def napari_small() -> list[LayerData]:
    """Return a cell with fewer pixels, for the task "Super-resolve"."""
    import torch

    from napari_dip.core.tasks import SuperResolve

    truth = _truth()
    factor = DEFAULT_FACTOR
    operator = SuperResolve(factor).operator(Image(truth[::factor, ::factor], "YX"), "YX")
    tensor = torch.from_numpy(truth.astype(np.float32))[None, None]  # (1, 1, Y, X)
    small = operator(tensor)[0, 0].numpy()
    # The centre of a large pixel is the centre of the small pixels that it covers.
    placement = {"scale": (factor, factor), "translate": ((factor - 1) / 2,) * 2}
    return [
        _layer(truth, "small cell (truth)", visible=False),
        _layer(restore_dtype(small, truth.dtype), "small cell", **placement),
    ]


def napari_blurred() -> list[LayerData]:
    """Return a blurred cell and its PSF, for the task "Deconvolve"."""
    from napari_dip.core.tasks import Deconvolve

    truth = _truth()
    blurred = ndimage.gaussian_filter(truth.astype(np.float64), _SIGMA_BLUR)
    noise = np.random.default_rng(2).normal(0, 1.0, truth.shape)
    psf = Deconvolve(sigma=_SIGMA_BLUR).fitting_psf(Image(truth, "YX"), "YX")
    return [
        _layer(truth, "blurred cell (truth)", visible=False),
        _layer(psf, "PSF of the blurred cell", visible=False),
        _layer((blurred + noise).astype(np.float32), "blurred cell"),
    ]


def blurred_fluorescence() -> Sample:
    """Return a plane of `fluorescence` with a Gaussian blur of `WIDEFIELD_BLUR` and photon noise.

    Examples
    --------
    >>> blurred_fluorescence().image.shape
    (192, 192)
    """
    plane = fluorescence().plane(1)
    truth = plane.reference.with_data(plane.reference.data - plane.reference.data.min())
    photons = np.random.default_rng(2).poisson(ndimage.gaussian_filter(truth.data, WIDEFIELD_BLUR))
    return Sample("blurred fluorescence", truth.with_data(photons.astype(np.uint16)), truth)


def napari_jpeg() -> list[LayerData]:
    """Return a cell decoded from a strongly compressed JPEG, for the task "Dejpeg"."""
    from PIL import Image as Picture

    truth, file = _truth(), io.BytesIO()
    Picture.fromarray(truth).save(file, "JPEG", quality=_QUALITY)
    decoded = np.asarray(Picture.open(file))
    return [
        _layer(truth, "compressed cell (truth)", visible=False),
        _layer(decoded, "compressed cell"),
    ]


def napari_dim() -> list[LayerData]:
    """Return a dim image of a cell and a bright one as guide, for the task "Guided"."""
    truth = _truth()
    dim = np.random.default_rng(3).poisson(truth / 20.0).astype(np.uint16)
    bright = restore_dtype(255.0 * (truth / 255.0) ** 0.6, truth.dtype)
    return [_layer(bright, "bright cell", visible=False), _layer(dim, "dim cell")]


def napari_undersampled() -> list[LayerData]:
    """Return a cell with missing frequencies, for the task "Fourier"."""
    truth = _truth()
    mask = lines(truth.shape)
    spectrum = np.fft.fft2(truth) * np.fft.ifftshift(mask)
    observed = np.fft.ifft2(spectrum).real
    options = {"name": "recorded frequencies", "axis_labels": ("y", "x"), "visible": False}
    return [
        _layer(truth, "undersampled cell (truth)", visible=False),
        (mask, options, "labels"),
        _layer(observed.astype(np.float32), "undersampled cell"),
    ]


def scratches(shape: tuple[int, ...], count: int = 12) -> NDArray[np.uint8]:
    """Return a mask of straight scratches.

    Parameters
    ----------
    shape : (int, int)
        Number of pixels along Y and X.
    count : int, default 12
        Number of scratches.

    Returns
    -------
    (Y, X) uint8 array
        1 where pixels are missing, else 0.
    """
    from skimage.draw import line
    from skimage.morphology import dilation, disk

    rng, mask = np.random.default_rng(4), np.zeros(shape, np.uint8)
    for _ in range(count):
        ends = [int(rng.integers(0, size)) for size in (*shape, *shape)]
        mask[line(*ends)] = 1
    return np.asarray(dilation(mask, disk(1)), np.uint8)


def lines(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return a mask of recorded lines of k-space.

    Parameters
    ----------
    shape : (int, int)
        Number of frequencies along Y and X.

    Returns
    -------
    (Y, X) uint8 array
        1 where a frequency is recorded, else 0; zero frequency in the middle.
    """
    rng, mask = np.random.default_rng(5), np.zeros(shape, np.uint8)
    chosen = rng.random(shape[0]) < 0.25
    middle, width = shape[0] // 2, shape[0] // 24
    chosen[middle - width : middle + width] = True
    chosen |= np.roll(chosen[::-1], 1)  # a real image has both frequencies of each pair
    mask[chosen] = 1
    return mask


def _truth() -> NDArray[np.uint8]:
    values: NDArray[np.uint8] = cell().reference.data
    return values


def _layer(data: NDArray[Any], name: str, **options: Any) -> LayerData:
    return data, {"name": name, "axis_labels": ("y", "x"), **options}, "image"
