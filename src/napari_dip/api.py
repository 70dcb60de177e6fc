"""Array in, array out: one function per task, named and documented as in scikit-image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

import numpy as np

from napari_dip.config import DEFAULT_FEATURES, DipConfig
from napari_dip.core.image import as_image
from napari_dip.core.restore import restore
from napari_dip.errors import InputError
from napari_dip.tasks import (
    Deconvolve,
    Denoise,
    Fourier,
    Guided,
    Inpaint,
    InvertFeatures,
    Quantisation,
    RemoveJpeg,
    SuperResolve,
)
from napari_dip.tasks.task import as_picture

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from typing import Literal, Unpack

    from numpy.typing import ArrayLike, NDArray
    from torch import nn

    from napari_dip.config import JpegLoss, Kernel, Noise, Optics, Preset, Stop
    from napari_dip.core.image import Image
    from napari_dip.tasks import Task


class Choices(TypedDict, total=False):
    """What may be chosen without a `DipConfig`; None leaves the configuration's."""

    noise: Noise | None
    preset: Preset | None
    stop: Stop | None
    device: str | None
    rng: int | None


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
    return _restored(
        image, Denoise(), channel_axis, config,
        noise=noise, preset=preset, stop=stop, device=device, rng=rng,
    )  # fmt: skip


def inpaint(
    image: ArrayLike,
    mask: ArrayLike | None = None,
    *,
    labels: tuple[int, ...] = (),
    inverse: bool = False,
    known: Literal["keep", "restore"] = "keep",
    channel_axis: int | None = None,
    config: DipConfig | None = None,
    **choices: Unpack[Choices],
) -> NDArray[np.float32]:
    """Fill missing pixels with an untrained network.

    Parameters
    ----------
    image : ([T, [C, ]][Z, ]Y, X) array_like
        Real numbers; pixels that are not finite are missing in any case.
    mask : (Y, X) or (...) array_like, optional
        Not 0 where pixels are missing.
    labels : tuple of int
        Only these values of the mask mark missing pixels.
    inverse : bool
        The mask marks known pixels.
    known : {"keep", "restore"}
        Whether known pixels come back as they were, or denoised.
    channel_axis, config, **choices
        As for `denoise`.

    Returns
    -------
    restored : (...) ndarray of float32
        Shape and scale of `image`.

    Raises
    ------
    InputError
        The mask fits not, or leaves no pixel, or none to fill.

    References
    ----------
    .. [1] D. Ulyanov, A. Vedaldi, V. Lempitsky, "Deep Image Prior", IJCV 128
           (2020), eq. 6.

    Examples
    --------
    >>> mask = np.eye(16)
    >>> inpaint(np.ones((16, 16)) + mask, mask, config=DipConfig(max_iterations=2)).shape
    (16, 16)
    """
    task = Inpaint(mask, labels, inverse, known)
    return _restored(image, task, channel_axis, config, **choices)


def super_resolve(
    image: ArrayLike,
    factor: int | Mapping[str, int] = 4,
    *,
    kernel: Kernel = "lanczos2",
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
    >>> super_resolve(np.eye(16), 2, config=DipConfig(max_iterations=2)).shape
    (32, 32)
    """
    return _restored(image, SuperResolve(factor, kernel), channel_axis, config, **choices)


def deconvolve(
    image: ArrayLike,
    psf: ArrayLike | None = None,
    *,
    sigma: float | Mapping[str, float] | None = None,
    refine_psf: bool = False,
    na: float | None = None,
    wavelength: float | None = None,
    refractive_index: float = 1.518,
    optics: Optics = "scalar",
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
        Image of a point, on any scale and at any place; with Z, whole volumes
        are deconvolved.
    sigma : float or mapping of str to float, optional
        In its place, the standard deviation of a Gaussian [pixels].
    refine_psf : bool
        `sigma` is a guess: the width along each axis is fitted as well.
    na, wavelength, refractive_index : float, optional
        In its place, the optics of a wide-field microscope: numerical
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
    napari_dip.core.psf.widefield_psf : The PSF of a microscope from its optics.

    References
    ----------
    .. [1] D. Ulyanov, A. Vedaldi, V. Lempitsky, "Deep Image Prior", IJCV 128
           (2020), eq. 2.

    Examples
    --------
    >>> deconvolve(np.eye(16), sigma=1.0, config=DipConfig(max_iterations=2)).shape
    (16, 16)
    """
    task = Deconvolve(psf, sigma, na, wavelength, refractive_index, refine_psf, optics)
    return _restored(image, task, channel_axis, config, **choices)


def remove_jpeg(
    image: ArrayLike,
    quantisation: Quantisation | None = None,
    *,
    loss: JpegLoss = "auto",
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
        Tables of the file, from `napari_dip.io.read_quantisation`.
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
    >>> remove_jpeg(np.eye(16), config=DipConfig(max_iterations=2)).shape
    (16, 16)
    """
    task = RemoveJpeg(quantisation, loss)
    if task.quantised:
        return _restored(as_picture(image), task, None, config, **choices)
    return _restored(image, task, channel_axis, config, **choices)


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
    >>> restore_guided(np.eye(16), np.ones((16, 16)), config=DipConfig(max_iterations=2)).shape
    (16, 16)
    """
    return _restored(image, Guided(guide), channel_axis, config, **choices)


def reconstruct_fourier(
    image: ArrayLike,
    mask: ArrayLike | None = None,
    *,
    inverse: bool = False,
    maps: ArrayLike | None = None,
    config: DipConfig | None = None,
    **choices: Unpack[Choices],
) -> NDArray[np.float32]:
    """Reconstruct an image of which some frequencies were recorded, as in fast MRI.

    Parameters
    ----------
    image : ([C, ]Y, X) array_like of complex, or ([T, ][Z, ]Y, X) of real numbers
        Measured k-space, zero frequency in the middle, of one coil or of
        several; or a real image of which only the frequencies of the mask are
        believed, such as a zero-filled one.
    mask : (Y, X) or (X,) array_like, optional
        Not 0 at recorded frequencies, or columns; zero frequency in the
        middle. Of k-space, by default, where it is not 0.
    inverse : bool
        The mask is 0 where frequencies were recorded.
    maps : ([C, ]Y, X) array_like of complex, optional
        Sensitivity of each coil: one complex image is estimated, seen by all
        of them, instead of one for each.
    config, **choices
        As for `denoise`.

    Returns
    -------
    restored : ([T, ][Z, ]Y, X) ndarray of float32
        The real image; of k-space the magnitude, root sum of squares over
        coils. Recorded frequencies are as they were.

    Raises
    ------
    InputError
        The mask has another shape, or does not hold zero frequency.

    References
    ----------
    .. [1] M. Z. Darestani, R. Heckel, "Accelerated MRI with un-trained neural
           networks", IEEE Transactions on Computational Imaging 7 (2021).

    Examples
    --------
    >>> columns = np.arange(16) % 2 == 0
    >>> reconstruct_fourier(np.eye(16), columns, config=DipConfig(max_iterations=2)).shape
    (16, 16)
    """
    if np.iscomplexobj(image):
        task, zero_filled = Fourier.of_kspace(image, mask, inverse=inverse, maps=maps)
        return _restored(zero_filled, task, None, config, **choices)
    if maps is not None:
        raise InputError("Got sensitivity maps for a real image; expected complex k-space.")
    return _restored(image, Fourier(mask, inverse), None, config, **choices)


def invert_features(
    image: ArrayLike,
    features: str | nn.Module = DEFAULT_FEATURES,
    *,
    layer: str = "",
    unit: int | None = None,
    channel_axis: int | None = None,
    config: DipConfig | None = None,
    **choices: Unpack[Choices],
) -> NDArray[np.float32]:
    """Find a natural picture that looks the same to a trained network.

    Parameters
    ----------
    image : ([T, [C, ]][Z, ]Y, X) array_like
        Real numbers; of three channels (`channel_axis`) they are red, green
        and blue, and each of any other number is grey.
    features : str or torch.nn.Module
        "efficientnet-lite0" (``pip install "napari-dip[features]"``),
        "alexnet" (torchvision with its weights), either with a layer behind a
        colon; or a module that takes (N, 3, Y, X) from 0 to 1.
    layer : str
        Of the module, as in its `named_modules`; its output by default.
    unit : int, optional
        Find a picture that makes this unit, or channel, of the layer as active
        as it can be, averaged over positions; of the image only size and range
        of intensities count.
    channel_axis, config, **choices
        As for `denoise`. There is no noise and nothing to hold out: by
        default the fit ends at its largest number of iterations.

    Returns
    -------
    inverted : (...) ndarray of float32
        Shape of `image`, and its range of intensities.

    Raises
    ------
    InputError
        The network is not installed, has no such layer or unit, or does not
        take pictures of this size.

    References
    ----------
    .. [1] D. Ulyanov, A. Vedaldi, V. Lempitsky, "Deep Image Prior", IJCV 128
           (2020), Sec. 3.4.
    .. [2] A. Mahendran, A. Vedaldi, "Understanding deep image representations
           by inverting them", CVPR 2015.

    Examples
    --------
    >>> import torch
    >>> phi = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 5), torch.nn.ReLU())
    >>> invert_features(np.eye(16), phi, layer="0", config=DipConfig(max_iterations=2)).shape
    (16, 16)
    """
    task = InvertFeatures(features, layer, unit)
    return _restored(image, task, channel_axis, config, **choices)


def _restored(
    image: ArrayLike | Image,
    task: Task,
    channel_axis: int | None,
    config: DipConfig | None,
    **choices: Unpack[Choices],
) -> NDArray[np.float32]:
    chosen: dict[str, Any] = {**choices, "seed": choices.get("rng")}
    chosen.pop("rng", None)
    if channel_axis is not None:
        chosen["channels"] = "joint"
    given = {name: value for name, value in chosen.items() if value is not None}
    # Validated anew: model_copy would not check what the caller wrote.
    settings = DipConfig.model_validate({**(config or DipConfig()).model_dump(), **given})
    named = as_image(image, settings.axes, channel_axis=channel_axis)
    return np.asarray(finish(restore(named, task, settings)).image.data)


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
