"""Noise models: the likelihood of an observation, given an estimate.

All of them are one family, variance = slope * intensity + intercept: Gaussian
noise has no slope, photon noise no intercept, a camera both. Laplace noise is
Gaussian noise with outliers, such as impulses.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from napari_dip.core.records import NoiseRecord

if TYPE_CHECKING:
    from torch import Tensor

    from napari_dip.core.image.scaling import Scaling

# The darkest pixels of an image keep this share of the mean variance at least:
# a fitted line may reach zero there, and their weight infinity.
LEAST_SHARE = 0.1
# In network units: a drawing without noise must not ask for infinite precision.
_LEAST_VARIANCE = 1e-8


class MeanVariance(NamedTuple):
    """The line variance = slope * intensity + intercept, on the image's scale.

    Attributes
    ----------
    slope, intercept : float
        Of the line.
    mean_variance : float
        Mean over all valid pixels.
    rise : float
        Increase of the variance over the image's range, relative to the mean variance.
    grain : float
        Standard deviation of the Gaussian that would blur white noise into this noise
        [pixels]; 0 for white noise.
    correlation : float or None
        Correlation of neighbouring pixels; None where it cannot be measured.
    error : float
        Relative standard error of `mean_variance`.
    """

    slope: float
    intercept: float
    mean_variance: float
    rise: float
    grain: float = 0.0
    correlation: float | None = None
    error: float = 0.0


@dataclass(frozen=True, slots=True)
class NoiseModel:
    """Noise of one channel, or of each of several, in network units.

    Attributes
    ----------
    slope, intercept : float or (C, 1, 1) Tensor
        Line of the variance over the noise-free intensity.
    floor : float or (C, 1, 1) Tensor
        Lower limit of the variance.
    equal : float or (C, 1, 1) Tensor, optional
        Variance that all pixels have in the data fidelity, so that they weigh the same;
        by default each pixel has its own.
    laplace : bool
        Heavy tails: outliers count by their distance, not by its square.
    tolerance : float or (C, 1, 1) Tensor, optional
        Differences up to this are no error: the observation was rounded.
    grain : float
        Standard deviation of the Gaussian that would blur white noise into this noise
        [pixels].
    """

    slope: float | Tensor
    intercept: float | Tensor
    floor: float | Tensor
    equal: float | Tensor | None = None
    laplace: bool = False
    tolerance: float | Tensor | None = None
    grain: float = 0.0

    def variance(self, estimate: Tensor) -> Tensor:
        """Return the noise variance at each pixel of an estimate (1, C, [Z,] Y, X).

        Where it is the same at all pixels, it is that of each channel, (C, [1,] 1, 1).
        """
        if (
            isinstance(self.slope, float)
            and self.slope == 0
            and not isinstance(self.intercept, float)
        ):
            return self.intercept.clamp(min=self.floor)
        return (self.slope * estimate + self.intercept).clamp(min=self.floor)

    def weighting_variance(self, estimate: Tensor) -> Tensor:
        """Return the variance that the data fidelity divides by, shaped as `variance`."""
        if self.equal is None:
            return self.variance(estimate)
        return estimate.new_tensor(self.equal) if isinstance(self.equal, float) else self.equal

    def nll(self, estimate: Tensor, observation: Tensor) -> Tensor:
        """Return the negative log-likelihood of each pixel; 1 on average at truth.

        All are (1, C, [Z,] Y, X), in network units.

        Notes
        -----
        (y - x)^2 / v(x) with the variance held fixed when differentiated: its
        gradient is that of the Gaussian, the Poisson and the shifted-Poisson
        likelihood alike, and vanishes on average at the truth. For Laplace
        noise |y - x| over its mean, the standard deviation / sqrt(2). For rounded
        values the difference is that beyond the tolerance, 0 at truth.
        """
        variance = self.weighting_variance(estimate.detach())
        if self.tolerance is not None:
            beyond = ((estimate - observation).abs() - self.tolerance).clamp(min=0)
            return beyond**2 / variance
        if self.laplace:
            return (estimate - observation).abs() * (2 / variance) ** 0.5
        return (estimate - observation) ** 2 / variance


def noise_model(
    line: MeanVariance, scaling: Scaling, *, laplace: bool = False, equal: bool = False
) -> NoiseModel:
    """Express a mean-variance line in network units.

    Parameters
    ----------
    line : MeanVariance
        On the image's scale.
    scaling : Scaling
        Intensity map of the channel.
    laplace : bool
        Noise with heavy tails.
    equal : bool
        All pixels weigh the same in the data fidelity.
    """
    mean = max(line.mean_variance / scaling.gain**2, _LEAST_VARIANCE)
    return NoiseModel(
        slope=line.slope / scaling.gain,
        intercept=(line.slope * scaling.offset + line.intercept) / scaling.gain**2,
        floor=max(LEAST_SHARE * line.mean_variance / scaling.gain**2, _LEAST_VARIANCE),
        equal=mean if equal else None,
        laplace=laplace,
        grain=line.grain,
    )


def rounding(tolerance: float, scaling: Scaling) -> tuple[NoiseModel, NoiseRecord]:
    """Return the noise of an observation that was rounded to whole steps.

    A difference of a step beyond the tolerance counts 1.
    """
    model = NoiseModel(
        slope=0.0,
        intercept=1 / scaling.gain**2,
        floor=0.0,
        tolerance=tolerance / scaling.gain,
    )
    return model, NoiseRecord(model="uniform", sigma=1 / math.sqrt(12))
