"""Stripes: detection of offsets that are common to the pixels of a line."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.fft import dct

from napari_dip.core.image.constant_regions import without_constant_regions
from napari_dip.core.noise.normal import MEDIAN_OF_SQUARE, STD_PER_MAD
from napari_dip.core.noise.stripes.line_steps import (
    EDGE,
    LEAST_SIDE,
    LONGEST,
    TINY,
    Direction,
    Stripes,
    along_rows,
    band_steps,
    common_step,
)

# Fewest bands that are compared, and fewest lines: in fewer, a grating with noise may look
# irregular.
_FEWEST_BANDS, _FEWEST_LINES = 4, 192
# Steps between lines at these distances are compared between bands, and stripes are believed
# if the lower quartile of the correlations of distant bands exceeds a limit at one of them.
# Images without stripes have at most 0.06 at distance 1 and 0.17 at distance 4.
_SEARCHED = {1: 0.16, 4: 0.3}
_LOWER_QUARTILE = 0.25
# Smallest share of the lines of a band that are known, and smallest step relative to other bands.
_KNOWN, _LEAST_STEP = 0.5, 1e-3
# Steps of one band are clipped at this multiple of their median size before they are compared.
_CLIP = 3.0
# Offsets of stripes are irregular: the power of their steps is spread over the frequencies. Its
# participation ratio, relative to their number, is 0.07 or more, and its flatness (geometric mean
# divided by mean) within windows 0.17 or more; gratings, bars and shading have less of one.
_LEAST_SPREAD, _LEAST_FLATNESS, _WINDOW = 0.055, 0.12, 32
# The steps without edges have at least this multiple of the power of noise and objects.
_LEAST_POWER = 2.0
# Power up to this multiple of that of noise and objects may be chance.
_BEYOND_CHANCE = 3.0
# Stripes end within the lines if what differs from the common offset correlates by this much
# between bands at one of these distances. Images without stripes have at most 0.10.
_PARTIAL, _NEAR = 0.15, (2, 3)


def find_stripes(planes: NDArray[Any]) -> Stripes | None:
    """Search planes for stripes along rows or columns.

    Parameters
    ----------
    planes : (P, Y, X) array
        Planes of a channel; values that are not finite are left out.

    Returns
    -------
    Stripes or None
        The stronger stripes of the two directions; None without any.

    Notes
    -----
    Each line is divided into bands, and the step from line to line is measured in each band by
    its interquartile mean. Texture and objects make steps in some bands. Stripes make the same
    step in all bands, so the steps of distant bands correlate. The lower quartile over all pairs
    of distant bands counts, the median over the planes. A grating, bars or a shading that extend
    over the whole image do so too, but their steps are regular: few frequencies have most of the
    power.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> noise, offsets = random.normal(size=(1, 192, 128)), random.normal(size=(192, 1))
    >>> find_stripes(noise), find_stripes(noise + offsets)
    (None, Stripes(direction='rows', partial=False))
    """
    lines: dict[Direction, int] = {"rows": planes.shape[-2], "columns": planes.shape[-1]}
    enough = [direction for direction, count in lines.items() if count >= _FEWEST_LINES]
    if not enough or min(planes.shape[-2:]) < LEAST_SIDE:
        return None
    planes = without_constant_regions(planes)
    with ThreadPoolExecutor() as pool:  # NumPy sorts without Python's lock
        of_each = pool.map(partial(_strength, planes), enough)
        strengths = dict(zip(enough, of_each, strict=True))
    direction = max(enough, key=lambda name: strengths[name])
    if strengths[direction] <= 1 or not _is_irregular(planes, direction):
        return None
    return Stripes(direction)


def end_within_lines(planes: NDArray[Any], direction: Direction) -> bool:
    """Return whether stripes of planes (P, Y, X) end within the lines.

    What differs from the common offset of a line then correlates between neighbouring bands.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> offsets, noise = random.normal(size=(1, 128, 1)), 0.1 * random.normal(size=(1, 128, 128))
    >>> left = np.arange(128) < 10 + random.integers(100, size=(1, 128, 1))
    >>> end_within_lines(offsets + noise, "rows"), end_within_lines(offsets * left + noise, "rows")
    (False, True)
    """
    found = []
    for plane in without_constant_regions(planes):
        steps = band_steps(along_rows(plane, direction), 1)
        correlations = _correlations(steps - common_step(steps)[0][:, None])
        distances = [n for n in _NEAR if len(correlations) > n]
        found.append(max((np.median(np.diagonal(correlations, n)) for n in distances), default=0))
    return bool(np.median(found) > _PARTIAL)


def _strength(planes: NDArray[Any], direction: Direction) -> float:
    """Return the correlation of distant bands, relative to the limit of stripes."""
    strengths = [
        _common_correlation(along_rows(plane, direction), lag) / limit
        for plane in planes
        for lag, limit in _SEARCHED.items()
    ]
    by_plane = np.reshape(strengths, (len(planes), len(_SEARCHED)))
    return float(np.median(by_plane, axis=0).max())


def _is_irregular(planes: NDArray[Any], direction: Direction) -> bool:
    """Return whether the common steps of lines exceed those by chance at many frequencies.

    Large steps do not count: the edges of bars may extend over the whole image.
    """
    found = []
    for plane in planes:
        steps, deviations = common_step(band_steps(along_rows(plane, direction), 1))
        size = np.abs(steps - np.median(steps))
        steps = np.where(size > EDGE * STD_PER_MAD * np.median(size), 0, steps)
        lowest = max(1, 2 * len(steps) // LONGEST)
        power = dct(steps, norm="ortho")[lowest:] ** 2 + TINY
        # The steps of bands that objects and noise make have this power in their mean.
        of_bands = np.median(dct(deviations, axis=0, norm="ortho")[lowest:] ** 2, axis=1)
        chance = np.median(of_bands) / MEDIAN_OF_SQUARE / deviations.shape[1]
        excess = np.maximum(power - _BEYOND_CHANCE * chance, 0) + TINY
        windows = np.array_split(power, max(1, len(power) // _WINDOW))
        flatness = np.mean([np.log(part).mean() - np.log(part.mean()) for part in windows])
        spread = excess.sum() ** 2 / (excess**2).sum() / len(excess)
        found.append((spread, np.exp(flatness), power.mean() / max(chance, TINY)))
    least = (_LEAST_SPREAD, _LEAST_FLATNESS, _LEAST_POWER)
    return bool((np.median(found, axis=0) >= least).all())


def _common_correlation(plane: NDArray[Any], lag: int) -> float:
    correlations = _correlations(band_steps(plane, lag))
    distant = correlations[np.triu_indices(len(correlations), max(2, len(correlations) // 4))]
    if len(correlations) < _FEWEST_BANDS or not distant.size:
        return 0.0
    return float(np.quantile(distant, _LOWER_QUARTILE))


def _correlations(steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the correlations (B, B) of bands; none if fewer than half of the bands have steps.

    Bands without steps, such as padding, are left out, and so is a line that some band lacks.
    """
    bands = steps.shape[1]
    steps = steps[:, np.isfinite(steps).mean(axis=0) >= _KNOWN]
    steps = steps[np.isfinite(steps).all(axis=1)]
    if len(steps) < LEAST_SIDE // 2 or not steps.size:
        return np.zeros((0, 0))
    # A shading makes the same steps over many lines. Along one axis the filter is ten times faster.
    shading = [ndimage.median_filter(band, LONGEST // 2 + 1, mode="nearest") for band in steps.T]
    steps = steps - np.stack(shading, axis=1)
    size = np.median(np.abs(steps), axis=0)
    steps, size = steps[:, size > _LEAST_STEP * size.max()], size[size > _LEAST_STEP * size.max()]
    if len(size) < max(2, bands / 2):
        return np.zeros((0, 0))
    clip = _CLIP * size
    return np.asarray(np.corrcoef(np.clip(steps, -clip, clip), rowvar=False))
