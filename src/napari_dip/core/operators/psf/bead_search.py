"""Search for single beads in an image of beads: centres, widths, and why others are refused."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize

from napari_dip.core.noise.normal import FWHM, STD_PER_MAD

# Standard deviations of the smoothed background that the peak of a bead exceeds it by.
_CONTRAST = 8.0
# Smoothing before the search, in standard deviations of a bead.
_SMOOTHING = 0.5
# A smaller share of the peak of a bead is no neighbour, but a diffraction ring or noise.
_NEIGHBOUR = 0.15
# Half width of the box around a bead, in FWHM: the first that leaves enough beads.
_REACHES, _ENOUGH = (3.0, 2.0, 1.5), 3
# Distance of neighbours beyond the box, in FWHM.
_GAP = 1.0
# Largest relative difference of the width of a bead from the median of all.
_WIDTH_SPREAD = 0.25
# Number of pixels with the largest value of an image that make a bead saturated.
_SATURATED = 3
_SIZE = "of another size"
# Number of beads that the first estimate of the width uses, and of candidates that are examined.
_FIRST, _MOST = 40, 2000


@dataclass(frozen=True, slots=True)
class Bead:
    """A bead, described by a Gaussian.

    Attributes
    ----------
    centre : tuple of float
        Position along each axis [pixels].
    sigma : tuple of float
        Standard deviation along each axis [pixels].
    """

    centre: tuple[float, ...]
    sigma: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Search:
    """Result of a search.

    Attributes
    ----------
    beads : tuple of Bead
        Beads that can be averaged.
    refused : dict of str to int
        Number of refused beads for each reason.
    reach : tuple of int
        Half width of the box around a bead along each axis [pixels].
    """

    beads: tuple[Bead, ...]
    refused: dict[str, int]
    reach: tuple[int, ...]


def find_beads(values: NDArray[np.float64], reach: tuple[int | None, ...]) -> Search:
    """Find beads that are bright, single, complete, not saturated, and of similar size.

    Parameters
    ----------
    values : ([Z, ]Y, X) array
        Image of beads; NaN where pixels are missing.
    reach : tuple of int or None
        Half width of the box around a bead along each axis [pixels]; None for three times
        the width of the beads, or less if few beads are so far apart.

    Examples
    --------
    >>> y, x = np.mgrid[:40, :40]
    >>> spot = np.exp(-((y - 20.3) ** 2 + (x - 18.8) ** 2) / 4.5)
    >>> noise = np.random.default_rng(0).normal(0, 1, spot.shape)
    >>> [round(at, 1) for at in find_beads(1000 * spot + noise, (None, None)).beads[0].centre]
    [20.3, 18.8]
    """
    known = np.isfinite(values)
    filled = np.where(known, values, np.median(values[known]) if known.any() else 0.0)
    width = _typical_width(filled)
    if width is None:
        return Search((), {}, tuple(n or 1 for n in reach))
    smooth, peaks, heights = _maxima(filled, _SMOOTHING * width, FWHM * width / 2)
    spots = _Spots(values, filled, smooth, peaks, heights, width)
    searches = [_select(spots, _box(reach, factor, spots)) for factor in _REACHES]
    enough = (search for search in searches if len(search.beads) >= _ENOUGH)
    return next(enough, max(searches, key=lambda search: len(search.beads)))


@dataclass(frozen=True, slots=True)
class _Spots:
    """Bright spots of an image: with and without missing pixels, smoothed, and their maxima."""

    values: NDArray[np.float64]
    filled: NDArray[np.float64]
    smooth: NDArray[np.float64]
    peaks: NDArray[np.intp]
    heights: NDArray[np.float64]
    width: NDArray[np.float64]


def _select(spots: _Spots, box: NDArray[np.intp]) -> Search:
    """Return the spots that are single beads, with a box of this half width around each."""
    beads: list[Bead] = []
    refused = Counter[str]()
    for place, peak in enumerate(spots.peaks):
        reason = _refusal(spots, place, box)
        if reason is None:
            bead = _fitted(spots.filled, peak, spots.width)
            beads += [] if bead is None else [bead]
            reason = None if bead is not None else _SIZE
        if reason:
            refused[reason] += 1
    alike = _of_one_size(beads)
    if len(alike) < len(beads):
        refused[_SIZE] += len(beads) - len(alike)
    return Search(tuple(alike), dict(refused), tuple(map(int, box)))


def _refusal(spots: _Spots, place: int, box: NDArray[np.intp]) -> str | None:
    """Return why a spot is no single bead; "" for noise, None for a bead."""
    peak = spots.peaks[place]
    around = tuple(slice(max(at - n, 0), at + n + 1) for at, n in zip(peak, box, strict=True))
    cutout, shell = spots.values[around], _shell(spots.smooth[around])
    background = np.median(shell)
    spread = STD_PER_MAD * np.median(np.abs(shell - background))
    if not spots.smooth[tuple(peak)] - background > _CONTRAST * spread:
        return ""
    if cutout.shape != tuple(2 * n + 1 for n in box):
        return "at the border"
    if not np.isfinite(cutout).all():
        return "with missing pixels"
    if (cutout == spots.filled.max()).sum() >= _SATURATED:
        return "saturated"
    near = np.abs(spots.peaks - peak) <= box + _GAP * FWHM * spots.width
    others = near.all(axis=1) & (spots.heights > _NEIGHBOUR * spots.heights[place])
    return "near another" if others.sum() > 1 else None


def _typical_width(values: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Return the median standard deviation of the brightest spots [pixels], if there are any."""
    start = np.ones(values.ndim)
    _, peaks, _ = _maxima(values, start, 2 * start)
    found = [_fitted(values, peak, 1.5 * start) for peak in peaks[:_FIRST]]
    widths = [bead.sigma for bead in found if bead is not None]
    return np.median(widths, axis=0) if widths else None


def _maxima(
    values: NDArray[np.float64], sigma: NDArray[np.float64], apart: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.float64]]:
    """Return smoothed values, their local maxima (N, axes), brightest first, and the heights.

    Maxima are at least `apart` pixels from each other, and heights are above the background.
    """
    smooth = ndimage.gaussian_filter(values, sigma)
    background = np.median(smooth)
    spread = STD_PER_MAD * np.median(np.abs(smooth - background))
    size = [2 * max(round(float(n)), 1) + 1 for n in apart]
    top = (smooth == ndimage.maximum_filter(smooth, size)) & (smooth > background + 5 * spread)
    peaks = np.argwhere(top)
    heights = smooth[top] - background
    order = np.argsort(-heights, kind="stable")[:_MOST]
    return smooth, peaks[order], heights[order]


def _box(reach: tuple[int | None, ...], factor: float, spots: _Spots) -> NDArray[np.intp]:
    """Return the half width of the box; along Z, half of the beads must fit."""
    fwhm = FWHM * spots.width
    own = np.ceil(factor * fwhm).astype(int)
    own[-2:] = own[-2:].max()  # a PSF is about round
    if len(own) == 3:
        planes = spots.peaks[:, 0]
        room = np.median(np.minimum(planes, spots.values.shape[0] - 1 - planes))
        own[0] = min(own[0], max(int(room), int(np.ceil(fwhm[0]))))
    given = [n if at is None else at for n, at in zip(own, reach, strict=True)]
    return np.maximum(given, 1)


def _shell(cutout: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the values on the faces of a box."""
    inside = np.zeros(cutout.shape, bool)
    inside[tuple(slice(1, -1) for _ in cutout.shape)] = True
    return np.asarray(cutout[~inside])


def _fitted(
    values: NDArray[np.float64], peak: NDArray[np.intp], width: NDArray[np.float64]
) -> Bead | None:
    """Return the Gaussian that fits the core of a bead; None if none fits."""
    core = [max(int(np.ceil(FWHM * sigma)), 2) for sigma in width]
    low = [max(int(at) - n, 0) for at, n in zip(peak, core, strict=True)]
    high = [int(at) + n + 1 for at, n in zip(peak, core, strict=True)]
    cutout = values[tuple(slice(*ends) for ends in zip(low, high, strict=True))]
    grids = np.ogrid[tuple(slice(n) for n in cutout.shape)]
    floor, height = float(np.percentile(cutout, 10)), float(values[tuple(peak)])
    count = cutout.ndim

    def difference(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        exponent = sum(
            ((grid - at) * slope) ** 2
            for grid, at, slope in zip(
                grids, numbers[2 : 2 + count], numbers[2 + count :], strict=True
            )
        )
        return np.asarray(numbers[0] + numbers[1] * np.exp(-exponent) - cutout).ravel()

    start = [floor, height - floor, *(peak - low), *(1 / (np.sqrt(2) * width))]
    fit = optimize.least_squares(difference, start, method="lm", max_nfev=200)
    centre, sigma = fit.x[2 : 2 + count], 1 / (np.sqrt(2) * np.abs(fit.x[2 + count :]) + 1e-9)
    within = np.abs(centre + low - peak) <= core
    if not fit.success or fit.x[1] <= 0 or not within.all() or not (sigma < 10 * width).all():
        return None
    return Bead(tuple(map(float, centre + low)), tuple(map(float, sigma)))


def _of_one_size(beads: list[Bead]) -> list[Bead]:
    """Return the beads whose widths are close to the median along each axis."""
    if not beads:
        return []
    widths = np.array([bead.sigma for bead in beads])
    alike = np.abs(widths / np.median(widths, axis=0) - 1) <= _WIDTH_SPREAD
    return [bead for bead, same in zip(beads, alike.all(axis=1), strict=True) if same]
