"""Noise models: the likelihood of an observation, given an estimate.

All models have variance = slope * intensity + intercept: Gaussian noise has slope 0, photon noise
has intercept 0, camera noise has both. Laplace noise has outliers, such as impulses.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from napari_dip.core.records import NoiseRecord

if TYPE_CHECKING:
    from torch import Tensor

    from napari_dip.core.image.scaling import Scaling

# Smallest variance of a pixel, relative to the mean variance: a fitted line may reach zero at
# the darkest pixels, whose weight would be infinite.
LEAST_SHARE = 0.1
# Smallest variance in network units: a drawing without noise must not have infinite weights.
_LEAST_VARIANCE = 1e-8


class MeanVariance(NamedTuple):
    """Line variance = slope * intensity + intercept, in image units.

    Attributes
    ----------
    slope, intercept : float
        Slope and intercept of the line.
    mean_variance : float
        Mean variance over all valid pixels.
    rise : float
        Increase of the variance over the intensity range, relative to the mean variance.
    grain : float
        Standard deviation of the Gaussian that would blur white noise into this noise
        [pixels]; 0 for white noise.
    correlation : float or None
        Correlation of neighbouring pixels; None if it cannot be measured.
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
    """Noise of one channel or of several channels, in network units.

    Attributes
    ----------
    slope, intercept : float or (C, 1, 1) Tensor
        Line of the variance over the noise-free intensity.
    floor : float or (C, 1, 1) Tensor
        Lower limit of the variance.
    equal : float or (C, 1, 1) Tensor, optional
        Variance of all pixels in the data fidelity, for equal weights; by default each
        pixel has its own variance.
    laplace : bool
        Heavy tails: the data fidelity is proportional to the absolute difference instead of
        its square. Default False.
    tolerance : float or (C, 1, 1) Tensor, optional
        Largest difference that counts as rounding of the observation, not as an error.
    grain : float
        Standard deviation of the Gaussian that would blur white noise into this noise
        [pixels]; 0 for white noise.
    excess : (1, C, [Z,] Y, X) Tensor, optional
        Variance of each pixel beyond the line, such as the read noise of hot pixels; none by
        default.
    """

    slope: float | Tensor
    intercept: float | Tensor
    floor: float | Tensor
    equal: float | Tensor | None = None
    laplace: bool = False
    tolerance: float | Tensor | None = None
    grain: float = 0.0
    excess: Tensor | None = None

    def variance(self, estimate: Tensor) -> Tensor:
        """Return the noise variance of each pixel of an estimate (1, C, [Z,] Y, X).

        The shape is (C, [1,] 1, 1) if all pixels of a channel have the same variance.
        """
        line = self.line_variance(estimate)
        return line if self.excess is None else line + self.excess

    def line_variance(self, estimate: Tensor) -> Tensor:
        """Return the variance without the excess of single pixels, in the shape of `variance`."""
        if (
            isinstance(self.slope, float)
            and self.slope == 0
            and not isinstance(self.intercept, float)
        ):
            return self.intercept.clamp(min=self.floor)
        return (self.slope * estimate + self.intercept).clamp(min=self.floor)

    def of_share(self, share: float) -> NoiseModel:
        """Return the noise of a part that has this share of the photons, see `thin`."""
        return replace(
            self,
            slope=self.slope / share,
            intercept=self.intercept / share,
            floor=self.floor / share,
            equal=None if self.equal is None else self.equal / share,
        )

    def weighting_variance(self, estimate: Tensor) -> Tensor:
        """Return the variance in the data fidelity, in the shape of `variance`."""
        if self.equal is None:
            return self.variance(estimate)
        equal = estimate.new_tensor(self.equal) if isinstance(self.equal, float) else self.equal
        return equal if self.excess is None else equal + self.excess

    def nll(self, estimate: Tensor, observation: Tensor) -> Tensor:
        """Return the negative log-likelihood of each pixel; its mean is 1 at the truth.

        Parameters
        ----------
        estimate, observation : (1, C, [Z,] Y, X) Tensor
            Images in network units.

        Notes
        -----
        It is (y - x)^2 / v(x), with the variance v fixed during differentiation. The gradient
        equals that of the Gaussian, the Poisson and the shifted-Poisson likelihood, and its
        mean is 0 at the truth. For Laplace noise it is |y - x| divided by its mean, the
        standard deviation / sqrt(2). For rounded values y - x is reduced by the tolerance, and
        the result is 0 at the truth.
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
    """Return the noise model of a mean-variance line, in network units.

    Parameters
    ----------
    line : MeanVariance
        Line of the variance over the intensity, in image units.
    scaling : Scaling
        Intensity map of the channel.
    laplace : bool
        Whether the noise has heavy tails. Default False.
    equal : bool
        Whether all pixels have the same weight in the data fidelity. Default False.
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
    """Return the noise model and the record of an observation rounded to steps of 1.

    Parameters
    ----------
    tolerance : float
        Largest difference that counts as rounding, in steps. The negative log-likelihood is 1
        at one step beyond it.
    scaling : Scaling
        Intensity map of the channel.
    """
    model = NoiseModel(
        slope=0.0,
        intercept=1 / scaling.gain**2,
        floor=0.0,
        tolerance=tolerance / scaling.gain,
    )
    return model, NoiseRecord(model="uniform", sigma=1 / math.sqrt(12))
