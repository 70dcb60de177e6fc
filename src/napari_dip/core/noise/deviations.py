"""Residual of a restoration in units of the noise that the report expects at each pixel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_dip.core.noise.model import LEAST_SHARE

if TYPE_CHECKING:
    from napari_dip.core.records import NoiseRecord

_COLOURS = 3  # a fourth sample is opacity


def deviations(
    observed: NDArray[Any], restored: NDArray[Any], axes: str, noises: Sequence[NoiseRecord]
) -> NDArray[np.float32]:
    """Return observation minus estimate, divided by the standard deviation of the noise.

    If only noise was removed, the result has a standard deviation of 1 everywhere, also where
    bright pixels have more noise than dark ones.

    Parameters
    ----------
    observed, restored : (...) array
        Observation and estimate, in image units.
    axes : str
        Axes of the arrays.
    noises : sequence of NoiseRecord
        Noise of each entry of the axis C, or of all.

    Returns
    -------
    (...) array
        Deviations, without the axis S: the samples of RGB are added and divided by the square
        root of their number. Missing pixels are 0.

    Examples
    --------
    >>> from napari_dip.core.records import NoiseRecord
    >>> noise = NoiseRecord(model="poisson", sigma=10.0, gain=1.0)
    >>> observed, restored = np.array([[70.0, 160.0]]), np.array([[64.0, 136.0]])
    >>> found = deviations(observed, restored, "YX", [noise])
    >>> [round(value, 2) for value in found.ravel().tolist()]
    [0.75, 2.06]
    """
    estimate = np.asarray(restored, np.float32)
    residual = np.asarray(observed, np.float32) - estimate
    shape = [len(noises) if axis == "C" else 1 for axis in axes]
    if np.prod(shape) != len(noises):
        noises, shape = noises[:1], [1] * len(axes)
    variance, gain = (
        np.reshape(np.array(values, np.float32), shape)
        for values in ([one.sigma**2 for one in noises], [one.gain or 0.0 for one in noises])
    )
    # The line of the noise model passes through the mean variance at the mean intensity.
    others = tuple(place for place, axis in enumerate(axes) if axis != "C" or shape[place] == 1)
    mean = estimate.mean(axis=others, keepdims=True)
    least = np.maximum(LEAST_SHARE * variance, np.finfo(np.float32).tiny)
    result = residual / np.sqrt(np.maximum(variance + gain * (estimate - mean), least))
    result = np.where(np.isfinite(result), result, np.float32(0)).astype(np.float32)
    if "S" in axes:
        place = axes.index("S")
        colours = result.take(range(min(_COLOURS, result.shape[place])), axis=place)
        return np.asarray(colours.sum(axis=place) / np.sqrt(colours.shape[place]), np.float32)
    return result
