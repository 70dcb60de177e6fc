"""Incomplete planes: the noise where so many pixels are missing that no patch is complete."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from napari_dip.core.image.image import finite_mask

# Side of a region [pixels], and smallest number of differences in a region and of regions.
_SIDE, _FEWEST, _FEWEST_REGIONS = 16, 4, 16
# The quantile of the regions that is measured: most texture lies in other regions.
_QUANTILE = 0.2
# Degrees of freedom for each difference; those that overlap are not independent.
_FREEDOM = 0.7


def incomplete_variance(planes: NDArray[Any]) -> float | None:
    """Return the variance of white noise between few known pixels.

    Parameters
    ----------
    planes : (P, Y, X) array
        Planes of the channel; missing pixels are NaN.

    Returns
    -------
    float or None
        Variance in squared image units; None if no difference has enough known pixels.

    Notes
    -----
    The second difference of four pixels in a square, of three pixels in a line, or else the
    difference of two pixels is measured: the first of them that enough known pixels form. Its
    mean square is measured in regions of 16 x 16 pixels; a low quantile of the regions, divided
    by that of the chi-squared distribution, is the variance. Texture in all regions counts as
    noise.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> noisy = random.normal(0, 3, (1, 128, 128))
    >>> noisy[random.random(noisy.shape) < 0.6] = np.nan
    >>> bool(abs(incomplete_variance(noisy) - 9) < 2)
    True
    """
    known = np.where(finite_mask(planes), planes, np.nan).astype(np.float64)
    down = np.diff(known, axis=1)
    square = np.diff(down, axis=2) / 2
    lines = [np.diff(known, 2, axis=axis) / math.sqrt(6) for axis in (1, 2)]
    pairs = [step / math.sqrt(2) for step in (down, np.diff(known, axis=2))]
    for differences in ([square], lines, pairs):
        powers, counts = _regions(differences, known.shape)
        if len(powers) >= _FEWEST_REGIONS:
            freedom = _FREEDOM * counts
            usual = stats.chi2.ppf(_QUANTILE, freedom) / freedom
            return float(np.quantile(powers / usual, _QUANTILE))
    return None


def _regions(
    differences: list[NDArray[np.float64]], shape: tuple[int, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean square and the number of the known differences in each region."""
    planes, rows, columns = shape
    sums = np.zeros((planes, rows // _SIDE + 1, columns // _SIDE + 1))
    counts = np.zeros_like(sums)
    for values in differences:
        plane, y, x = np.nonzero(np.isfinite(values))
        region = (plane, y // _SIDE, x // _SIDE)
        np.add.at(sums, region, values[plane, y, x] ** 2)
        np.add.at(counts, region, 1)
    enough = counts >= _FEWEST
    return sums[enough] / counts[enough], counts[enough]
