"""Width of a PSF: the full width at half maximum along an axis."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize
from scipy.interpolate import CubicSpline

# Smoothing across the line on which a width is measured, against noise [pixels].
_ACROSS = 0.5


def full_width(psf: NDArray[Any], axis: int) -> float:
    """Return the full width at half maximum along an axis, through the centre [pixels].

    Examples
    --------
    >>> line = np.exp(-0.5 * (np.arange(-20, 21) / 3.0) ** 2)
    >>> round(full_width(line, 0) / 3.0, 3)
    2.355
    """
    sigma = [_ACROSS * (place != axis) for place in range(psf.ndim)]
    smooth = ndimage.gaussian_filter(np.asarray(psf, np.float64), sigma)
    centre = [n // 2 for n in psf.shape]
    line = smooth[tuple(slice(None) if place == axis else at for place, at in enumerate(centre))]
    at, middle = np.arange(len(line)), len(line) // 2
    coarse = _half_crossings(line)
    core = np.abs(at - middle) <= max(1.1 * coarse, 2)

    def difference(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        height, centre, scale, power = numbers
        distance = np.abs(at[core] - centre) / scale
        return np.asarray(height * np.exp(-(distance**power)) - line[core])

    top = line[middle]
    fit = optimize.least_squares(
        difference,
        (top, middle, coarse / (2 * np.sqrt(np.log(2))), 2.0),
        bounds=((0, middle - 2, 0.1, 1.0), (3 * top, middle + 2, 2.0 * len(line), 5.0)),
    )
    _, _, scale, power = fit.x
    return float(2 * scale * np.log(2) ** (1 / power))


def _half_crossings(line: NDArray[np.float64]) -> float:
    """Return the distance of the half maxima around the middle of a line [pixels]."""
    fine = np.linspace(0, len(line) - 1, 50 * len(line))
    curve = CubicSpline(np.arange(len(line)), line)(fine)
    middle = len(fine) // 2
    above = curve >= line[len(line) // 2] / 2
    left = int(np.argmin(np.append(above[middle::-1], False)))
    right = int(np.argmin(np.append(above[middle:], False)))
    return float((left + right) * (fine[1] - fine[0]))
