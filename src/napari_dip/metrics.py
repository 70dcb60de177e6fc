"""Image quality with and without a reference image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from skimage import metrics as skimage_metrics

from napari_dip.errors import InputError

_SSIM_WINDOW = 7
_FRC_THRESHOLD = 1 / 7
# Distance within which steps at a seam are compared with other steps [pixels].
_NEAR_SEAM = 16
# The square of a larger value overflows float64.
_MAX_VALUE = 1e150


def data_range(reference: ArrayLike) -> float:
    """Return 255 for uint8, else the largest minus the smallest finite value.

    Parameters
    ----------
    reference : (...) array_like
        Reference image.

    Raises
    ------
    InputError
        The reference is constant, so that PSNR is not defined.
    """
    values = np.asarray(reference)
    if values.dtype == np.uint8:
        return 255.0
    finite = values[np.isfinite(values)].astype(np.float64)
    width = float(np.ptp(finite)) if finite.size else 0.0
    if width == 0:
        raise InputError("Got a constant reference; expected one with at least two values.")
    return width


def psnr(image: ArrayLike, reference: ArrayLike) -> float:
    """Return the peak signal-to-noise ratio [dB] of all finite pixels and channels.

    Parameters
    ----------
    image, reference : (...) array_like
        Images of the same shape and intensity scale.

    Examples
    --------
    >>> reference = np.zeros((8, 8), np.uint8)
    >>> round(psnr(reference + 10, reference), 2)
    28.13
    """
    values, truth = _finite_pair(image, reference)
    with np.errstate(divide="ignore"):  # equal images have an infinite ratio
        return float(
            skimage_metrics.peak_signal_noise_ratio(truth, values, data_range=data_range(reference))
        )


def nrmse(image: ArrayLike, reference: ArrayLike) -> float:
    """Return the norm of the error divided by the norm of the reference, over finite pixels.

    Parameters
    ----------
    image, reference : (...) array_like
        Images of the same shape and intensity scale.
    """
    return float(skimage_metrics.normalized_root_mse(*reversed(_finite_pair(image, reference))))


def ssim(image: ArrayLike, reference: ArrayLike, axes: str) -> float | None:
    """Return the mean structural similarity of all planes; None if planes are below 7 x 7 pixels.

    Parameters
    ----------
    image, reference : (...) array_like
        Images of the same shape and intensity scale.
    axes : str
        One letter per dimension, such as "ZYX"; the mean is over every axis but Y and X.
    """
    values, truth = np.asarray(image, np.float64), np.asarray(reference, np.float64)
    check_same_shape(values, truth)
    if min(values.shape[axes.index("Y")], values.shape[axes.index("X")]) < _SSIM_WINDOW:
        return None
    width = data_range(reference)
    similarities = [
        skimage_metrics.structural_similarity(b, a, data_range=width, win_size=_SSIM_WINDOW)
        for a, b in zip(_planes(values, axes), _planes(truth, axes), strict=True)
    ]
    return float(np.mean(similarities))


def frc(image: ArrayLike, reference: ArrayLike, axes: str) -> float | None:
    """Return the highest spatial frequency at which two images agree (Fourier ring correlation).

    Parameters
    ----------
    image, reference : (...) array_like
        Images of the same shape; spectra are summed over all planes.
    axes : str
        One letter per dimension, such as "ZYX".

    Returns
    -------
    float or None
        Frequency [cycles per pixel] at which the ring correlation first falls
        below 1/7; 0.5 if it never does; None for planes below 16 x 16 pixels.

    References
    ----------
    N. Banterle et al., "Fourier ring correlation as a resolution criterion
    for super-resolution microscopy", J. Struct. Biol. 183 (2013).
    """
    values, truth = np.asarray(image, np.float64), np.asarray(reference, np.float64)
    check_same_shape(values, truth)
    pairs = list(zip(_planes(values, axes), _planes(truth, axes), strict=True))
    shape = pairs[0][0].shape
    if min(shape) < 16:
        return None
    frequency = np.hypot(*np.meshgrid(*map(np.fft.fftfreq, shape), indexing="ij"))
    count = min(shape) // 2
    ring = np.minimum(
        (frequency * 2 * count).astype(int), count
    )  # the last ring holds all beyond Nyquist
    window = np.outer(*(np.hanning(n) for n in shape))
    cross, power = np.zeros(count + 1), np.zeros((2, count + 1))
    for a, b in pairs:
        spectra = [np.fft.fft2(window * (plane - plane.mean())) for plane in (a, b)]
        cross += np.bincount(ring.ravel(), (spectra[0] * spectra[1].conj()).real.ravel(), count + 1)
        for row, spectrum in zip(power, spectra, strict=True):
            row += np.bincount(ring.ravel(), (np.abs(spectrum) ** 2).ravel(), count + 1)
    correlation = cross[:count] / np.sqrt(np.maximum(power[0] * power[1], 1e-300))[:count]
    below = np.flatnonzero(correlation[1:] < _FRC_THRESHOLD)
    return 0.5 if below.size == 0 else float((below[0] + 1) / (2 * count))


def affine_match(reference: ArrayLike, image: ArrayLike) -> NDArray[np.float64]:
    """Return slope * reference + intercept, fitted to an image by least squares.

    Use it for pairs of images whose intensities were scaled separately.

    Parameters
    ----------
    reference, image : (...) array_like
        Images of the same shape.
    """
    truth, values = np.asarray(reference, np.float64), np.asarray(image, np.float64)
    check_same_shape(values, truth)
    slope, intercept = np.polyfit(truth.ravel(), values.ravel(), 1)
    return np.asarray(slope * truth + intercept)


def residual_whiteness(residual: NDArray[Any]) -> float | None:
    """Return the standard deviation of differences of neighbours divided by that of the residual.

    It is 1.41 for white noise. Below 1.1 the residual is smooth: structure was
    removed, or the noise is correlated. None for a constant residual.

    Parameters
    ----------
    residual : (..., Y, X) array
        Observation minus estimate; NaN and infinite values are ignored.
    """
    residual = np.where(np.isfinite(residual), residual, np.nan)
    differences = np.concatenate(
        [np.diff(residual, axis=axis).ravel() for axis in (-2, -1)]
    ).astype(np.float64)
    differences = differences[np.isfinite(differences)]
    spread = float(np.std(residual[np.isfinite(residual)], dtype=np.float64))
    if spread == 0 or differences.size == 0:
        return None
    return float(np.std(differences)) / spread


def check_same_shape(image: Any, reference: Any) -> None:
    """Raise an `InputError` unless two arrays have the same shape."""
    if tuple(image.shape) != tuple(reference.shape):
        raise InputError(
            f"Got a reference of shape {tuple(reference.shape)} for an image of shape "
            f"{tuple(image.shape)}; expected the same shape."
        )


def _finite_pair(
    image: ArrayLike, reference: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    values, truth = np.asarray(image, np.float64), np.asarray(reference, np.float64)
    check_same_shape(values, truth)
    finite = np.isfinite(values) & np.isfinite(truth)
    if not finite.any():
        raise InputError("Got no pixel that is finite in both images; expected at least one.")
    largest = max(np.abs(values[finite]).max(), np.abs(truth[finite]).max())
    if largest > _MAX_VALUE:
        raise InputError(
            f"Got values up to {largest:g}; expected at most {_MAX_VALUE:g}. Divide both images by "
            "the same constant."
        )
    return values[finite], truth[finite]


def _planes(values: NDArray[np.float64], axes: str) -> NDArray[np.float64]:
    """Return all planes as (P, Y, X)."""
    last = np.moveaxis(values, (axes.index("Y"), axes.index("X")), (-2, -1))
    return last.reshape(-1, *last.shape[-2:])


def seam_ratio(
    image: NDArray[Any], seams: Mapping[int, Sequence[tuple[int, int]]]
) -> tuple[float, float] | None:
    """Return the mean gradient magnitude at seams, divided by that near them, and its limit.

    A ratio of 1 means that no seam is visible. The ratio varies by chance, because rows
    and columns of an image differ and seams lie in few of them.

    Parameters
    ----------
    image : (...) array
        Image stitched from tiles; of a lazy array one plane near a seam is read at a time.
    seams : mapping of int to sequence of (start, stop)
        Blended rows between two tiles, by dimension; gradients are measured at the
        start, the middle and the end of each.

    Returns
    -------
    (ratio, chance) or None
        Ratio, and the value that it exceeds by chance only: two standard errors above 1.
        None without seams or without finite values.

    Examples
    --------
    >>> ramp = np.arange(64.0)
    >>> seam_ratio(ramp, {0: [(30, 34)]})
    (1.0, 1.0)
    >>> seam_ratio(ramp + 10 * (ramp > 31), {0: [(32, 32)]})
    (11.0, 1.0)
    """
    across, near = [np.empty(0)], [np.empty(0)]
    for axis, bands in seams.items():
        for start, stop in bands:
            first = max(start - _NEAR_SEAM, 0)
            profile = _mean_steps(image, axis, slice(first, stop + _NEAR_SEAM))
            at = sorted({start, (start + stop) // 2, stop})
            across.append(profile[[position - first - 1 for position in at]])
            near.append(np.delete(profile, range(start - first - 1, stop - first)))
    rows, others = (group[np.isfinite(group)] for group in map(np.concatenate, (across, near)))
    if not rows.size or not others.sum() > 0:
        return None
    chance = 1 + 2 * others.std() / others.mean() / np.sqrt(rows.size)
    return float(rows.mean() / others.mean()), float(chance)


def _mean_steps(image: Any, axis: int, band: slice) -> NDArray[np.float64]:
    """Return the mean step magnitude along an axis for each pair of neighbouring rows."""
    shape = tuple(image.shape)
    total = np.zeros(len(range(shape[axis])[band]) - 1)
    counts = np.zeros_like(total)
    # Read plane by plane, unless the steps lie between planes.
    leading = shape[: min(axis, len(shape) - 2)]
    for index in np.ndindex(*leading):
        part = [*index, *(slice(None),) * (len(shape) - len(index))]
        part[axis] = band
        slab = np.asarray(image[tuple(part)], dtype=np.float64)
        along = tuple(dim for dim in range(slab.ndim) if dim != axis - len(index))
        steps = np.abs(np.diff(slab, axis=axis - len(index)))
        known = np.isfinite(steps)
        total += steps.sum(axis=along, where=known)
        counts += known.sum(axis=along)
    means = np.full(len(total), np.nan)
    np.divide(total, counts, out=means, where=counts > 0)
    return means
