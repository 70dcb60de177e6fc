"""Offsets of stripes: estimation of the stripes of a plane."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.fft import dct, idct, idctn
from scipy.linalg import solveh_banded

from napari_dip.core.noise.normal import MEDIAN_OF_SQUARE, STD_PER_MAD
from napari_dip.core.noise.stripes.line_steps import (
    EDGE,
    LEAST_SIDE,
    LONGEST,
    TINY,
    Stripes,
    along_rows,
    band_steps,
    common_step,
)

# The same limit for edges as `EDGE`, where each band has its own offset.
_LOCAL_EDGE = 6.0
# Numbers of lines over which the level before and behind an edge is compared.
_LASTING = (32, 16, 8, 4)
# Heights of bars across all bands [lines], and lines on each side that a bar is compared with.
_BARS, _BESIDE = range(2, 17), 8
# Least contrast of each line of a bar, relative to that of the bar.
_ALIKE = 0.4
# Largest share of the lines that may belong to bars: more are no exception.
_MOST_IN_BARS = 0.1
# Share of the frequencies over which a power spectrum is averaged.
_AVERAGED = 0.08
# Local stripes count where their power exceeds that of the image by this factor.
_LOCAL_EXCESS = 2.0
# Ratio of the mean and the median of the power of a frequency.
_OF_MEDIAN = 1 / MEDIAN_OF_SQUARE


def estimate_stripes(plane: NDArray[Any], stripes: Stripes) -> NDArray[np.float32]:
    """Estimate the stripes of a plane.

    Parameters
    ----------
    plane : (Y, X) array
        Plane; values that are not finite are left out.
    stripes : Stripes
        Direction of the stripes.

    Returns
    -------
    (Y, X), (Y, 1) or (1, X) float32 array
        Stripes, in image units; their mean is 0.

    Notes
    -----
    The steps from line to line are added up and filtered, each frequency by the share of its
    power that the bands of a line have in common (Wiener filter). Bands that an object crosses do
    not count, nor do large steps and lasting changes of the level, such as edges of objects.
    Of partial stripes every band of a line has its own offset, filtered by the share of power
    that changes slowly along the line; lines of objects that run along the stripes lose contrast.

    References
    ----------
    B. Münch et al., "Stripe and ring artifact removal with combined wavelet-Fourier filtering",
    Optics Express 17 (2009) 8567.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> noise, offsets = random.normal(size=(128, 128)), random.normal(size=(128, 1))
    >>> found = estimate_stripes(noise + offsets, Stripes("rows"))
    >>> bool((found - offsets).std() < 0.25)
    True
    """
    upright = along_rows(plane, stripes.direction)
    steps = band_steps(upright, 1)
    if min(upright.shape) < LEAST_SIDE or not np.isfinite(steps).any():
        return np.zeros((1, 1), np.float32)
    if stripes.partial:
        pattern = _along_line(_local_offsets(steps), upright.shape[1])
    else:
        pattern = _common_offsets(steps)[:, None]
    return along_rows(pattern.astype(np.float32), stripes.direction)


def _common_offsets(steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the offset of each line (L,) from the steps of its bands (L - 1, B)."""
    common, deviations = common_step(steps)
    bands = steps.shape[1]
    error = STD_PER_MAD * float(np.median(np.abs(deviations)))
    common = _without_levels(_without_bars(common))
    common = _without_edges(common, max(error**2 / bands, TINY))
    of_bands = _transform(deviations)
    # Bands are independent, so their common offset has their power divided by their number.
    image = _averaged(np.median(of_bands**2, axis=1) * _OF_MEDIAN) / bands
    transform = _transform(common[:, None])[:, 0]
    power = _averaged(transform**2)
    share = _shares(power, image, 1.0)
    return np.asarray(idct(transform / _step_gain(len(transform)) ** 0.5 * share, norm="ortho"))


def _local_offsets(steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the offset of each band of each line (L, B) from the steps (L - 1, B)."""
    known = np.where(np.isfinite(steps), steps, np.nan_to_num(np.nanmedian(steps)))
    clip = _LOCAL_EDGE * STD_PER_MAD * float(np.median(np.abs(known)))
    transform = dct(_transform(np.clip(known, -clip, clip)), axis=1, norm="ortho")
    half = steps.shape[1] // 2
    # Along a line, stripes change slowly and what the image adds changes from band to band.
    image = _averaged(np.median(transform[:, half:] ** 2, axis=1) * _OF_MEDIAN)
    power = _averaged(transform**2)
    shares = _shares(power, image[:, None], _LOCAL_EXCESS)
    shares[:, half:] = 0
    gain = _step_gain(len(transform))[:, None] ** 0.5
    return np.asarray(idctn(transform / gain * shares, norm="ortho"))


def _without_bars(steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Subtract bars, such as a layer that crosses the whole plane; one line is not a bar.

    Lines belong to a bar if the mean of their offsets differs from that on each side by more than
    the offsets of as many other lines do. The bar that differs most is subtracted first.
    """
    steps = steps.copy()
    in_bars = 0
    while in_bars < _MOST_IN_BARS * len(steps):
        score, height, first, contrast = max(_bar(steps, height) for height in _BARS)
        if score <= EDGE:
            break
        steps[first - 1] -= contrast
        steps[first + height - 1] += contrast
        in_bars += height
    return steps


def _bar(steps: NDArray[np.float64], height: int) -> tuple[float, int, int, float]:
    """Return the most distinct bar of a height, as its score, height, first line and contrast."""
    offsets = np.concatenate([[0.0], np.cumsum(steps)])  # except for a constant
    if len(offsets) < 4 * (height + 2 * _BESIDE):
        return 0.0, height, 0, 0.0
    lines = np.lib.stride_tricks.sliding_window_view(offsets[_BESIDE:-_BESIDE], height)
    sides = np.convolve(offsets, np.full(_BESIDE, 1 / _BESIDE), mode="valid")
    above, below = sides[: len(lines), None], sides[_BESIDE + height :, None]
    level = lines - (above + below) / 2
    contrast = level.mean(axis=1)
    sign = np.sign(contrast)
    # One stripe that stands out is not a bar: each line has a share of the contrast.
    alike = sign * contrast * _ALIKE < (sign[:, None] * level).min(axis=1)
    differences = np.stack([(lines - side).mean(axis=1) for side in (above, below)])
    scale = STD_PER_MAD * float(np.median(np.abs(differences - np.median(differences))))
    size = np.where(alike, (sign * differences).min(axis=0), 0)
    first = int(np.argmax(size))
    return float(size[first]) / max(scale, TINY), height, first + _BESIDE, float(contrast[first])


def _without_levels(steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Subtract lasting changes of the level, such as a straight edge of a large object.

    A change counts if it differs from all others over the same number of lines.
    """
    steps = steps.copy()
    for lines in _LASTING:
        sums = np.concatenate([[0.0], np.cumsum(steps)])
        if len(sums) < 4 * lines:
            break
        means = np.convolve(sums, np.full(lines, 1 / lines), mode="valid")
        changes = means[lines:] - means[:-lines]  # across step lines - 1, and so on
        size = np.abs(changes - np.median(changes))
        limit = EDGE * STD_PER_MAD * float(np.median(size))
        peaks = (size > limit) & (size == ndimage.maximum_filter1d(size, 2 * lines + 1))
        steps[np.flatnonzero(peaks) + lines - 1] -= changes[peaks]
    return steps


def _without_edges(steps: NDArray[np.float64], variance: float) -> NDArray[np.float64]:
    """Replace large steps by the likeliest steps of independent offsets, given the others.

    Parameters
    ----------
    steps : (L - 1,) array
        Steps between lines.
    variance : float
        Variance of the error of a step.
    """
    total = (STD_PER_MAD * float(np.median(np.abs(steps - np.median(steps))))) ** 2
    edge = np.abs(steps) > EDGE * total**0.5
    prior = max(total - variance, 0.01 * variance, TINY) / 2
    weights = np.where(edge, 0.0, 1 / variance)
    system = np.zeros((2, len(steps) + 1))
    system[0, 1:] = -weights
    system[1] = 1 / prior
    system[1, 1:] += weights
    system[1, :-1] += weights
    right = np.zeros(len(steps) + 1)
    right[1:] += weights * steps
    right[:-1] -= weights * steps
    return np.where(edge, np.diff(solveh_banded(system, right)), steps)


def _transform(steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the cosine transform of the sums of steps (L - 1, B), (L, B), weighted as steps.

    The weights keep the power of white offsets, and of steps, at a similar size at all
    frequencies, so that it can be averaged.
    """
    sums = np.vstack([np.zeros((1, steps.shape[1])), np.cumsum(steps, axis=0)])
    transform = dct(sums - sums.mean(axis=0), axis=0, norm="ortho")
    return np.asarray(transform * _step_gain(len(sums))[:, None] ** 0.5)


def _step_gain(lines: int) -> NDArray[np.float64]:
    """Return the squared gain of a step at each frequency (L,); 1 at the mean, which is 0."""
    gain = (2 * np.sin(np.pi * np.arange(lines) / (2 * lines))) ** 2
    gain[0] = 1.0
    return gain


def _averaged(power: NDArray[np.float64]) -> NDArray[np.float64]:
    width = max(3, int(_AVERAGED * len(power)))
    return np.asarray(ndimage.uniform_filter1d(power, width, axis=0, mode="nearest"))


def _shares(
    power: NDArray[np.float64], image: NDArray[np.float64], excess: float
) -> NDArray[np.float64]:
    """Return the share of stripes at each frequency; 0 at long periods."""
    stripes = np.maximum(power - excess * image, 0)
    shares = stripes / np.maximum(stripes + image, TINY)
    lines = len(shares)
    period = 2 * lines / np.maximum(np.arange(lines), 0.5)
    short = np.clip(3 - 2 * period / LONGEST, 0, 1)
    return np.asarray(shares * short.reshape(-1, *(1,) * (shares.ndim - 1)))


def _along_line(offsets: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Interpolate the offsets of bands (L, B) at all pixels of the lines (L, width)."""
    sizes = [len(band) for band in np.array_split(np.arange(width), offsets.shape[1])]
    centres = np.cumsum(sizes) - np.array(sizes) / 2 - 0.5
    places = np.interp(np.arange(width), centres, np.arange(len(centres)))
    before = np.minimum(places.astype(int), len(centres) - 2)
    share = places - before
    between = offsets[:, before] * (1 - share) + offsets[:, before + 1] * share
    return np.asarray(between)
