"""Steps between the lines of a plane, measured in bands across the lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_dip.core.noise.normal import STD_PER_MAD

Direction = Literal["rows", "columns"]

# Smallest side of a plane whose stripes can be found [pixels].
LEAST_SIDE = 64
# Longest period of stripes [lines]; slower changes belong to the image.
LONGEST = 128
# Steps larger than this multiple of the standard deviation belong to an edge, not to stripes.
EDGE = 4.0
# Smallest divisor, where nothing varies.
TINY = 1e-30
# Smallest width of a band [pixels], and largest number of bands.
_BAND, _MOST_BANDS = 16, 16
# Deviation from the other bands, in standard deviations, from which on a band does not count.
_BIWEIGHT, _ROUNDS = 4.7, 5


@dataclass(frozen=True, slots=True)
class Stripes:
    """Stripes of a channel.

    Attributes
    ----------
    direction : {"rows", "columns"}
        Lines that stripes run along; each row, or each column, has an offset.
    partial : bool
        Whether the offset may change along a line, because stripes end within the lines.
    """

    direction: Direction
    partial: bool = False


def along_rows(plane: NDArray[Any], direction: Direction) -> NDArray[Any]:
    """Return a plane (Y, X) whose stripes run along rows, or turn such a plane back."""
    return plane if direction == "rows" else plane.T


def band_steps(plane: NDArray[Any], lag: int) -> NDArray[np.float64]:
    """Return the step between lines in each band.

    Parameters
    ----------
    plane : (L, N) array
        Plane whose stripes run along rows; values that are not finite are left out.
    lag : int
        Distance of the lines.

    Returns
    -------
    (L - lag, B) array
        Interquartile mean of the steps in each band; NaN where no pixel is known.

    Examples
    --------
    >>> band_steps(np.outer([0, 3, 1], np.ones(32)), 1)
    array([[ 3.,  3.],
           [-2., -2.]])
    """
    values = np.where(np.isfinite(plane), plane, np.nan).astype(np.float64)
    count = int(np.clip(plane.shape[1] // _BAND, 2, _MOST_BANDS))
    bands = np.array_split(values[lag:] - values[:-lag], count, axis=1)
    return np.stack([_interquartile_mean(band) for band in bands], axis=1)


def _interquartile_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of the middle half of the known values of each row."""
    known = np.isfinite(values).sum(axis=1, keepdims=True)
    left_out = known // 4
    ranks = np.arange(values.shape[1])
    middle = (ranks >= left_out) & (ranks < known - left_out)
    total = np.where(middle, np.sort(values, axis=1), 0).sum(axis=1)
    count = middle.sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def common_step(steps: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the step that the bands of a line have in common.

    Parameters
    ----------
    steps : (L, B) array
        Step of each band.

    Returns
    -------
    (L,) array
        Common step. Bands far from the others, which an object crosses, do not count (Tukey's
        biweight).
    (L, B) array
        Deviation of each band, clipped where a band does not count.

    Examples
    --------
    >>> steps = np.random.default_rng(0).normal(size=(9, 8))
    >>> steps[4, :3] += 100
    >>> bool(np.abs(common_step(steps)[0]).max() < 1)
    True
    """
    known = np.isfinite(steps)
    common = np.nanmedian(np.where(known.any(axis=1, keepdims=True), steps, 0), axis=1)
    steps = np.where(known, steps, common[:, None])
    limit = _BIWEIGHT * STD_PER_MAD * float(np.median(np.abs(steps - common[:, None])))
    for _ in range(_ROUNDS):
        deviations = steps - common[:, None]
        weights = np.maximum(1 - (deviations / max(limit, TINY)) ** 2, 0) ** 2 * known
        total = weights.sum(axis=1)
        moved = (weights * deviations).sum(axis=1) / np.maximum(total, TINY)
        common = common + np.where(total > 0, moved, 0)
    return common, np.clip(steps - common[:, None], -limit, limit)
