"""Scaling: the affine intensity map of an image, found before tiling and inverted at the end.

Normalisation of each block would make seams and flicker and would break Poisson models. Each
channel has its own map; the samples of an RGB pixel share one.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_dip.core.image.axes import channel_axis
from napari_dip.core.image.constant_regions import find_constant_regions, is_constant
from napari_dip.core.image.image import Image, finite_mask
from napari_dip.core.image.percentiles import percentiles
from napari_dip.core.image.typical_planes import (
    RANGE_PERCENTILES,
    are_typical,
    sample_planes,
    summarise,
)
from napari_dip.errors import InputError

# Network units of the intensity range. The map clips nothing, so hot pixels keep their values.
WINDOW = (0.1, 0.9)
# Headroom beyond the extreme pixels, relative to their range: a bounded activation saturates
# before it reaches its limits.
_HEADROOM = 0.1
# Largest number of pixels that are read to find the map of a channel.
_MAX_SAMPLES = 4_000_000
# Largest absolute value, with a margin to the limits of float32.
_LARGEST = 1e37
# Relative rounding error of equal pixels that were computed in double precision.
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Scaling:
    """Affine map of one channel: scaled = (value - offset) / gain.

    Attributes
    ----------
    offset, gain : float
        Offset and gain of the map, in image units.
    low, high : float
        Scaled values of the darkest and brightest valid pixel, with headroom.
    darkest : float
        Value of the darkest valid pixel, in image units.
    constant : bool
        Whether all valid pixels are equal, so that there is nothing to fit.
    """

    offset: float
    gain: float
    low: float
    high: float
    darkest: float
    constant: bool

    @property
    def range(self) -> tuple[float, float]:
        """Image values at both ends of the window."""
        low, high = (self.offset + self.gain * end for end in WINDOW)
        return low, high

    @property
    def dark(self) -> float:
        """Scaled intensity without light: 0 of the image, or its darkest pixel if negative."""
        return (min(self.darkest, 0.0) - self.offset) / self.gain

    def scale(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Map image values to network units."""
        return ((values.astype(np.float64) - self.offset) / self.gain).astype(np.float32)

    def unscale(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Map network units to image values; a constant image gets its only value."""
        if self.constant:
            return np.full(values.shape, self.darkest, dtype=np.float32)
        return (values.astype(np.float64) * self.gain + self.offset).astype(np.float32)


def find_scaling(values: NDArray[Any], *, keep_zero: bool = False) -> Scaling:
    """Return the map of the intensity range of the values to the window of network units.

    Parameters
    ----------
    values : (...) array
        Real numbers; values that are not finite are ignored.
    keep_zero : bool
        Use no offset, as complex numbers require. Default False.

    Raises
    ------
    InputError
        No value is finite, or float32 cannot hold the range of the values.

    Examples
    --------
    >>> scaling = find_scaling(np.arange(1000.0))
    >>> bool(np.allclose(scaling.unscale(scaling.scale(np.array([7.0]))), 7.0, rtol=1e-4))
    True
    """
    valid = values[finite_mask(values)]
    if valid.size == 0:
        raise InputError("Got no finite pixel; expected an image with valid pixels.")
    darkest, brightest = float(valid.min()), float(valid.max())
    largest = max(abs(darkest), abs(brightest))
    if not np.isfinite(brightest - darkest) or largest > _LARGEST:
        raise InputError(
            f"Got values from {darkest:g} to {brightest:g}; expected a range that float32 "
            "can hold. Divide the image by a constant."
        )
    # float32 cannot restore differences below its resolution of the values.
    constant = brightest - darkest <= largest * float(np.finfo(np.float32).eps)
    if 0 < brightest - darkest < 1 / _LARGEST:
        raise InputError(
            f"Got values from {darkest:g} to {brightest:g}; expected a range that float32 "
            "can hold. Multiply the image by a constant."
        )
    if constant and brightest - darkest > largest * _ROUNDING:
        raise InputError(
            f"Got values from {darkest:.10g} to {brightest:.10g}; expected differences that "
            "float32, the type of results, can hold. Subtract a constant from the image."
        )
    window_low, window_high = percentiles(valid, RANGE_PERCENTILES)
    if window_high <= window_low:  # nearly all pixels are equal
        window_low, window_high = darkest, brightest
    width = WINDOW[1] - WINDOW[0]
    gain = 1.0 if constant else float(window_high - window_low) / width
    offset = 0.0 if keep_zero else float(window_low) - WINDOW[0] * gain
    headroom = _HEADROOM * (brightest - darkest)
    return Scaling(
        offset=offset,
        gain=gain,
        low=(darkest - headroom - offset) / gain,
        high=(brightest + headroom - offset) / gain,
        darkest=darkest,
        constant=constant,
    )


def scale_image(image: Image, *, joint: bool = False, regions: bool = False) -> tuple[Scaling, ...]:
    """Return one map per channel of the image.

    Constant planes and outliers have no influence on the map.

    Parameters
    ----------
    image : Image
        Image; the samples of an RGB pixel count as one channel.
    joint : bool
        Use one map without offset for all channels, such as real and imaginary parts.
        Default False.
    regions : bool
        Ignore constant regions, because they are not fitted. Default False.
    """
    axis = channel_axis(image)
    if joint and axis is not None:
        return (find_scaling(_sample(image), keep_zero=True),) * image.shape[axis]
    return tuple(
        _typical_scaling(image, channel, regions=regions)
        for channel in range(1 if axis is None else image.shape[axis])
    )


def _typical_scaling(image: Image, channel: int, *, regions: bool) -> Scaling:
    axis = channel_axis(image)
    sample = _sample(image, axis, channel)
    overall = find_scaling(sample)  # raises InputError if float32 cannot hold the values
    axes = image.axes.replace("C", "")
    planes = np.moveaxis(sample, [axes.index(axis) for axis in "YX"], [-2, -1])
    planes = planes.reshape(-1, *planes.shape[-2:])
    channels = 1 if axis is None else image.shape[axis]
    if overall.constant and planes.size * channels < prod(image.shape):
        planes = sample_planes(image, channel)  # searches all planes for one that is not constant
        overall = find_scaling(planes)
    searched = planes.size
    if len(planes) > 1:
        planes = planes[are_typical([summarise(plane) for plane in planes])]
    if regions:
        constant = np.array([find_constant_regions(plane) for plane in planes], dtype=bool)
        planes = planes[~constant]
    valid = planes[finite_mask(planes)]
    nothing_left_out = valid.size == searched
    if valid.size == 0 or nothing_left_out or is_constant(valid):
        return overall
    return find_scaling(valid)


def _sample(image: Image, axis: int | None = None, channel: int = 0) -> NDArray[Any]:
    """Return at most about `_MAX_SAMPLES` pixels of a channel, thinned along the first axes.

    Leaving out complete planes first reads the least from a lazy array.
    """
    selection: list[int | slice] = [slice(None)] * len(image.shape)
    if axis is not None:
        selection[axis] = channel
    count = float(np.prod([n for i, n in enumerate(image.shape) if i != axis]))
    for i, n in enumerate(image.shape):
        if i == axis or count <= _MAX_SAMPLES:
            continue
        step = min(n, int(np.ceil(count / _MAX_SAMPLES)))
        # The sample is centred: the first and the last planes of a stack may be the faintest.
        selection[i] = slice((n - 1) % step // 2, None, step)
        count *= np.ceil(n / step) / n
    return np.asarray(image.data[tuple(selection)])


def restore_dtype(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Convert to a dtype without wrapping: integers are rounded and clipped.

    Examples
    --------
    >>> restore_dtype(np.array([-3.0, 254.6, 300.0]), np.dtype(np.uint8))
    array([  0, 255, 255], dtype=uint8)
    """
    if dtype.kind == "b":
        return values >= 0.5
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        rounded = np.rint(values.astype(np.float64))
        # float64 rounds the largest 64-bit number up, out of range: cast only smaller values.
        inside = np.clip(rounded, limits.min, np.nextafter(float(limits.max), 0))
        return np.where(rounded >= limits.max, limits.max, inside.astype(dtype)).astype(dtype)
    return values.astype(dtype)
