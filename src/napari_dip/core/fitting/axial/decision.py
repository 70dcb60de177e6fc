"""Decision: whether the correction of an interpolation is better at held-out squares."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from math import log10, sqrt
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from napari_dip.core.fitting.axial.examples import Batch, LateralExamples

# Standard errors by which the correction must be better than interpolation.
_MARGIN = 2.0
# Error of cubic interpolation, relative to what noise alone explains, up to which there is no
# structure to learn.
_NOISE = 1.03
# Planes of a group, whose errors count as one: neighbouring planes resemble one another.
_GROUP = 4


@dataclass(frozen=True, slots=True)
class Decision:
    """Errors at held-out squares, in network units squared.

    Attributes
    ----------
    cubic : float
        Mean squared error of cubic interpolation.
    corrected : float
        Mean squared error of the corrected interpolation.
    uncertainty : float
        Standard error of `relative_error`.
    noise : float
        Mean squared error of cubic interpolation that noise alone explains.
    noise_uncertainty : float
        Standard deviation of `cubic` relative to `noise`, if there is only noise.
    """

    cubic: float
    corrected: float
    uncertainty: float
    noise: float
    noise_uncertainty: float

    @property
    def is_structured(self) -> bool:
        """Whether cubic interpolation misses more than noise and chance explain."""
        return self.cubic > (_NOISE + _MARGIN * self.noise_uncertainty) * self.noise

    @property
    def is_better(self) -> bool:
        """Whether the correction is better by more than chance and noise explain."""
        return self.is_structured and 1 - self.relative_error > _MARGIN * self.uncertainty

    @property
    def relative_error(self) -> float:
        """Error of the corrected interpolation, relative to that of cubic interpolation."""
        return self.corrected / max(self.cubic, 1e-30)

    @property
    def gain(self) -> float:
        """Gain of the correction [dB]."""
        return -10 * log10(max(self.relative_error, 1e-30))


def decide(
    examples: LateralExamples,
    corrected: Callable[[Batch], NDArray[np.float32]],
) -> Decision:
    """Compare a correction with cubic interpolation at the held-out squares.

    Parameters
    ----------
    examples : LateralExamples
        Examples with held-out squares.
    corrected : callable
        Function from a batch to the corrected interpolation (N, F, X).
    """
    groups: defaultdict[tuple[int, int], NDArray[np.float64]] = defaultdict(lambda: np.zeros(3))
    for square, batch in examples.heldout():
        errors = [
            (batch.weight * (fine - batch.truth) ** 2).sum(axis=(1, 2), dtype=float)
            for fine in (batch.cubic, corrected(batch))
        ]
        sums = np.stack([*errors, batch.weight.sum(axis=(1, 2), dtype=float)], axis=1)
        for plane, row in enumerate(sums):
            groups[square, plane // _GROUP] += row
    table = np.stack([row for row in groups.values() if row[2]] or [np.array([1.0, 1.0, 1.0])])
    cubic, better, weights = table.T
    ratio = better.sum() / max(cubic.sum(), 1e-30)
    return Decision(
        cubic=float(cubic.sum() / weights.sum()),
        corrected=float(better.sum() / weights.sum()),
        uncertainty=_standard_error(better, cubic, ratio),
        noise=examples.noise,
        # Interpolated rows of a coarse row share its noise.
        noise_uncertainty=sqrt(2 * examples.factor / max(float(weights.sum()), 1.0)),
    )


def _standard_error(above: NDArray[np.float64], below: NDArray[np.float64], ratio: float) -> float:
    """Return the standard error of the ratio of two sums, whose terms may differ much in size."""
    spread = above - ratio * below
    correction = len(spread) / max(len(spread) - 1, 1e-9)
    return float(np.sqrt(correction * np.square(spread).sum()) / max(below.sum(), 1e-30))
