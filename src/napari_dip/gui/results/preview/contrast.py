"""Contrast limits of a result: those of its source, unless its own range clearly differs. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from napari.layers import Image as ImageLayer

    from napari_dip.core.restoration.progress import Progress

Range = tuple[float, float]

# Smallest share of the source's limits that the values of a result fill.
_FILLED = 0.5
# Largest excess of the values over the source's limits, as a share of these.
_EXCESS = 0.05
_PERCENTILES = (0.1, 99.9)
# Share of the iterations whose estimates do not decide the limits.
_EARLY = 0.1
# Number of values that are enough for the percentiles.
_ENOUGH = 250_000


@dataclass(frozen=True, slots=True)
class Contrast:
    """Choice of the contrast limits of a result.

    Attributes
    ----------
    source : (float, float)
        Contrast limits of the source.
    observed : (float, float)
        Range of the values of the source. Values that the source's limits cut off may be cut
        off in the result too.
    """

    source: Range
    observed: Range

    def limits(self, restored: Range) -> Range:
        """Return the contrast limits of a result with this range of values."""
        low, high = self.source
        first, last = restored
        excess = _EXCESS * (high - low)
        dark = last - first < _FILLED * (high - low)
        burnt = (
            first < min(low, self.observed[0]) - excess
            or last > max(high, self.observed[1]) + excess
        )
        return restored if first < last and (dark or burnt) else self.source


def value_range(values: NDArray[Any]) -> Range:
    """Return the range of an array without its outliers; (0, 0) without a finite value.

    Examples
    --------
    >>> value_range(np.array([np.nan]))
    (0.0, 0.0)
    >>> value_range(np.full(10, 3.0))
    (3.0, 3.0)
    """
    sample = values.reshape(-1)[:: max(values.size // _ENOUGH, 1)]
    finite = sample[np.isfinite(sample)]
    if not finite.size:
        return 0.0, 0.0
    low, high = np.percentile(finite, _PERCENTILES)
    return float(low), float(high)


class LayerContrast:
    """The contrast limits of one result layer, during a run and at its end.

    Parameters
    ----------
    limits : (float, float)
        Contrast limits of the source.
    observation : array
        Image to restore.
    """

    def __init__(self, limits: Sequence[float], observation: NDArray[Any]) -> None:
        source = (float(limits[0]), float(limits[1]))
        self._contrast = Contrast(source, value_range(observation))
        self._ours = {source}  # other limits were set by the user
        self._ranges: dict[int, Range] = {}

    def show_estimate(self, layer: ImageLayer, progress: Progress, values: NDArray[Any]) -> None:
        """Set the limits for the estimates so far; early ones are smooth and do not count."""
        if progress.iteration < _EARLY * progress.max_iterations:
            return
        self._ranges[progress.block] = value_range(values)
        lows, highs = zip(*self._ranges.values(), strict=True)
        self._set(layer, (min(lows), max(highs)))

    def show_result(self, layer: ImageLayer, values: NDArray[Any]) -> None:
        """Set the limits for the result."""
        self._set(layer, value_range(values))

    def _set(self, layer: ImageLayer, restored: Range) -> None:
        if tuple(layer.contrast_limits) in self._ours:
            limits = self._contrast.limits(restored)
            self._ours.add(limits)
            layer.contrast_limits = limits
