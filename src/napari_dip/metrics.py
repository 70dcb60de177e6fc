"""Image quality with and without a reference; thin calls to scikit-image where it has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from skimage import metrics as skimage_metrics

from napari_dip.errors import InputError

_SSIM_WINDOW = 7
_FRC_THRESHOLD = 1 / 7
# Seams are compared with what lies within so many pixels, where the picture is about the same.
_NEAR_SEAM = 16
# Squares of larger differences are infinite.
_LARGEST = 1e150


def data_range(reference: ArrayLike) -> float:
    """Return 255 for uint8, else the largest minus the smallest finite value.

    Raises
    ------
    InputError
        When the reference is constant: no decibel is defined.
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
    """Peak signal-to-noise ratio [dB] over all finite pixels and channels.

    Parameters
    ----------
    image, reference : (...) array_like
        Same shape and intensity scale.

    Examples
    --------
    >>> reference = np.zeros((8, 8), np.uint8)
    >>> round(psnr(reference + 10, reference), 2)
    28.13
    """
    ours, truth = _finite_pair(image, reference)
    with np.errstate(divide="ignore"):  # equal images have an infinite ratio
        return float(
            skimage_metrics.peak_signal_noise_ratio(truth, ours, data_range=data_range(reference))
        )


def nrmse(image: ArrayLike, reference: ArrayLike) -> float:
    """Root-mean-square error over the norm of the reference, over all finite pixels."""
    return float(skimage_metrics.normalized_root_mse(*reversed(_finite_pair(image, reference))))


def ssim(image: ArrayLike, reference: ArrayLike, axes: str) -> float | None:
    """Structural similarity, averaged over planes; None when Y or X is below the 7 x 7 window.

    Parameters
    ----------
    image, reference : (...) array_like
        Same shape.
    axes : str
        One letter per dimension; every axis but Y and X is averaged over.
    """
    ours, truth = np.asarray(image, np.float64), np.asarray(reference, np.float64)
    check_same_shape(ours, truth)
    if min(ours.shape[axes.index("Y")], ours.shape[axes.index("X")]) < _SSIM_WINDOW:
        return None
    width = data_range(reference)
    values = [
        skimage_metrics.structural_similarity(b, a, data_range=width, win_size=_SSIM_WINDOW)
        for a, b in zip(_planes(ours, axes), _planes(truth, axes), strict=True)
    ]
    return float(np.mean(values))


def frc(image: ArrayLike, reference: ArrayLike, axes: str) -> float | None:
    """Fourier ring correlation: highest spatial frequency two images agree on.

    Parameters
    ----------
    image, reference : (...) array_like
        Same shape; planes of all other axes are averaged.
    axes : str
        One letter per dimension.

    Returns
    -------
    float or None
        Frequency [cycles per pixel] at which the correlation of rings first
        falls below 1/7; 0.5 when it never does, None for planes below 16 x 16.

    References
    ----------
    N. Banterle et al., "Fourier ring correlation as a resolution criterion
    for super-resolution microscopy", J. Struct. Biol. 183 (2013).
    """
    ours, truth = np.asarray(image, np.float64), np.asarray(reference, np.float64)
    check_same_shape(ours, truth)
    pairs = list(zip(_planes(ours, axes), _planes(truth, axes), strict=True))
    shape = pairs[0][0].shape
    if min(shape) < 16:
        return None
    frequency = np.hypot(*np.meshgrid(*map(np.fft.fftfreq, shape), indexing="ij"))
    count = min(shape) // 2
    ring = np.minimum((frequency * 2 * count).astype(int), count)  # beyond Nyquist: the last
    window = np.outer(*(np.hanning(n) for n in shape))
    cross, power = np.zeros(count + 1), np.zeros((2, count + 1))
    for a, b in pairs:
        ours_f, truth_f = (np.fft.fft2(window * (plane - plane.mean())) for plane in (a, b))
        cross += np.bincount(ring.ravel(), (ours_f * truth_f.conj()).real.ravel(), count + 1)
        for row, spectrum in zip(power, (ours_f, truth_f), strict=True):
            row += np.bincount(ring.ravel(), (np.abs(spectrum) ** 2).ravel(), count + 1)
    correlation = cross[:count] / np.sqrt(np.maximum(power[0] * power[1], 1e-300))[:count]
    below = np.flatnonzero(correlation[1:] < _FRC_THRESHOLD)
    return 0.5 if below.size == 0 else float((below[0] + 1) / (2 * count))


def affine_match(reference: ArrayLike, image: ArrayLike) -> NDArray[np.float64]:
    """Return a * reference + b that lies closest to the image.

    For pairs whose intensities were scaled separately; the fit is least squares.
    """
    truth, ours = np.asarray(reference, np.float64), np.asarray(image, np.float64)
    check_same_shape(ours, truth)
    slope, intercept = np.polyfit(truth.ravel(), ours.ravel(), 1)
    return np.asarray(slope * truth + intercept)


def residual_whiteness(residual: NDArray[Any]) -> float | None:
    """Standard deviation of neighbours' differences over that of the residual.

    1.41 for white noise; below 1.1 the residual is smooth: structure was
    removed, or the noise is correlated. None for a residual without spread.

    Parameters
    ----------
    residual : (..., Y, X) array
        Observation minus estimate; values that are not finite are left out.
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
    ours, truth = np.asarray(image, np.float64), np.asarray(reference, np.float64)
    check_same_shape(ours, truth)
    finite = np.isfinite(ours) & np.isfinite(truth)
    if not finite.any():
        raise InputError("Got no pixel that is finite in both images; expected some.")
    largest = max(np.abs(ours[finite]).max(), np.abs(truth[finite]).max())
    if largest > _LARGEST:
        raise InputError(
            f"Got values up to {largest:g}; expected such that their squares are numbers. Divide "
            "both images by a constant."
        )
    return ours[finite], truth[finite]


def _planes(values: NDArray[np.float64], axes: str) -> NDArray[np.float64]:
    """Return all planes as (P, Y, X)."""
    last = np.moveaxis(values, (axes.index("Y"), axes.index("X")), (-2, -1))
    return last.reshape(-1, *last.shape[-2:])


def seam_ratio(
    image: NDArray[Any], seams: Mapping[int, Sequence[tuple[int, int]]]
) -> tuple[float, float] | None:
    """Mean gradient magnitude across seams over that near them; 1 where none is to be seen.

    And how large it is by chance: rows and columns of a picture differ, and seams lie
    in few of them.

    Parameters
    ----------
    image : (...) array
        Put together from tiles; of a lazy one as much is read at once as a plane has near a seam.
    seams : mapping of int to sequence of (start, stop)
        Along each dimension, where a tile takes over from the one before: gradients
        count where that begins, in its middle, and where it ends.

    Returns
    -------
    (ratio, chance) or None
        Of the mean of as many rows near the seams, two standard deviations above 1; None
        without seams, or where nothing is finite.

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
    """Return the mean magnitude of the steps along an axis, one for each pair of rows."""
    shape = tuple(image.shape)
    total = np.zeros(len(range(shape[axis])[band]) - 1)
    counts = np.zeros_like(total)
    # Plane by plane, where planes are not what is compared.
    leading = shape[: min(axis, len(shape) - 2)]
    for place in np.ndindex(*leading):
        part = [*place, *(slice(None),) * (len(shape) - len(place))]
        part[axis] = band
        slab = np.asarray(image[tuple(part)], dtype=np.float64)
        along = tuple(dim for dim in range(slab.ndim) if dim != axis - len(place))
        steps = np.abs(np.diff(slab, axis=axis - len(place)))
        known = np.isfinite(steps)
        total += steps.sum(axis=along, where=known)
        counts += known.sum(axis=along)
    means = np.full(len(total), np.nan)
    np.divide(total, counts, out=means, where=counts > 0)
    return means
