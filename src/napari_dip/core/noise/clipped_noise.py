"""Clipped noise: the variance of normal noise before it was clipped at black."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

# Mean divided by standard deviation of a normal distribution before clipping at 0. Below a mean
# of 0 more than half of the values are lost, so the correction for 0 is the largest one.
_BEFORE = np.linspace(0, 4, 401)
# A level counts as clipped if it has at least this share of the black pixels of clipped normal
# noise.
_LEAST_BLACK = 0.5
# Photon counts reach black without clipping; their variance is the mean times the step. A level
# counts as clipped only if its variance exceeds this by more than this factor.
_MORE_THAN_PHOTONS = 2.0


def unclipped_variance(
    mean: NDArray[np.float64],
    variance: NDArray[np.float64],
    black: NDArray[np.float64],
    step: float,
) -> NDArray[np.float64]:
    """Return the variance of the noise of each level before it was clipped at black.

    Parameters
    ----------
    mean, variance : (L,) array
        Mean above black and variance of the pixels of each level, after clipping.
    black : (L,) array
        Share of black pixels in each level, 0 to 1.
    step : float
        Difference between black and the next larger value in the image.

    Returns
    -------
    (L,) array
        Corrected variance; the given variance where no clipping is found.

    Notes
    -----
    The ratio of mean and standard deviation of a clipped normal distribution determines the
    standard deviation before clipping.

    References
    ----------
    A. Foi, "Clipped noisy images: Heteroskedastic modeling and practical denoising", Signal
    Processing 89 (2009).

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(0, 5, 100_000).clip(min=0)
    >>> level = np.array([[noise.mean()], [noise.var()], [np.mean(noise == 0)]])
    >>> unclipped_variance(*level, step=1e-3).round()
    array([25.])
    """
    means, deviations = _clipped(_BEFORE)
    ratio = mean / np.sqrt(np.maximum(variance, np.finfo(np.float64).tiny))
    before = np.interp(ratio, means / deviations, _BEFORE)
    kept = np.interp(before, _BEFORE, deviations**2)
    clipped = black >= _LEAST_BLACK * ndtr(-before)
    clipped &= variance > _MORE_THAN_PHOTONS * step * mean
    return np.where(clipped, variance / kept, variance)


def _clipped(mean: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and standard deviation of normal noise of variance 1, clipped at 0."""
    density, above = np.exp(-(mean**2) / 2) / np.sqrt(2 * np.pi), ndtr(mean)
    clipped = mean * above + density
    squares = (1 + mean**2) * above + mean * density
    return clipped, np.sqrt(squares - clipped**2)
