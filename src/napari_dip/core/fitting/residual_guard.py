"""Residual guard: blend the observation back where a fit removed more than noise."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from napari_dip.core.image.regional_means import DEVIATION, at_pixels, regional_means
from napari_dip.core.operators.base import Identity

if TYPE_CHECKING:
    from napari_dip.config import FitConfig
    from napari_dip.core.problem import Problem

# The power of the residual may exceed that of the noise by this share and by chance; from a
# little more on all of the excess counts. The standard deviation of correlated noise may be
# 40% more than measured.
_UNCERTAINTY, _UNCERTAINTY_CORRELATED, _RAMP = 0.15, 1.0, 0.32
# The share of the residual that stays removed is the ratio of noise to residual to this
# power. With 1 the expected error is least if the noise is known exactly; more keeps texture
# where it is overestimated and costs little where it is not (docs/performance.md).
_CAUTION = 2.5
_NEARLY_ALL = 0.95
# Where less than this share stays removed, the observation was mostly restored.
_HALF = 0.5


class ResidualGuard:
    """Limits what is removed from an observation to what the noise explains.

    Parameters
    ----------
    problem : Problem
        Picture and noise; the operator is the identity.

    Notes
    -----
    A pixel that is predicted from its neighbours has an error that is independent of its
    noise, so the power R of the residual is that of the noise N plus that of the error.
    Keeping the share N / R of the residual removed has the least expected error. R and N are
    compared region by region: where R is hardly more than N, the estimate stays as it is;
    where texture was lost, R is several times N and the observation comes back.

    References
    ----------
    N. Wiener, "Extrapolation, Interpolation, and Smoothing of Stationary Time Series", 1949.
    """

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._weights = problem.valid.float()
        # Independent values in a region: fewer where neighbouring pixels share their noise,
        # at the border and beside missing pixels.
        independent = 4 * math.pi * DEVIATION**2 / (1 + 4 * math.pi * problem.noise.grain**2)
        inside = regional_means(self._weights, beyond=True).clamp(min=1e-6)
        uncertainty = _UNCERTAINTY_CORRELATED if problem.noise.grain else _UNCERTAINTY
        self._least = 1 + uncertainty + (2 / (independent * inside)).sqrt()

    @torch.no_grad()
    def __call__(self, estimate: Tensor) -> Tensor:
        """Return an estimate (1, C, [Z,] Y, X) with the observation blended in."""
        observation = self._problem.observation
        blended = torch.lerp(observation, estimate, self.removed(estimate))
        return torch.where(self._problem.valid, blended, estimate)

    @torch.no_grad()
    def removed(self, estimate: Tensor) -> Tensor:
        """Return the share of the residual that stays removed, 0 to 1, at each pixel."""
        return at_pixels(self._shares(estimate), estimate.shape)

    @torch.no_grad()
    def most_removed(self, estimate: Tensor) -> float:
        """Return the share of the residual that stays removed where it is largest.

        It is smaller in all but 5% of the regions.
        """
        shares = self._shares(estimate)[regional_means(self._weights) > 0]
        return float(shares.flatten().sort().values[int(_NEARLY_ALL * (shares.numel() - 1))])

    @torch.no_grad()
    def findings(self, estimate: Tensor) -> dict[str, float]:
        """Return the share of the residual's power and of the area that was given back."""
        share = self.removed(estimate)
        residual = self._weights * (self._problem.observation - estimate) ** 2
        area = self._weights.sum().clamp(min=1.0)
        kept = (share**2 * residual).sum() / residual.sum().clamp(min=1e-20)
        restored = (self._weights * (share < _HALF)).sum() / area
        return {"returned_power": float(1 - kept), "returned_area": float(restored)}

    def _shares(self, estimate: Tensor) -> Tensor:
        """Return the share that stays removed around each cell, (1, C * Z, Y / 8, X / 8)."""
        residual = (self._problem.observation - estimate) ** 2
        noise = self._problem.noise.variance(estimate).expand_as(residual)
        ratio = self._regional(residual) / self._regional(noise).clamp(min=1e-20)
        excess = ((ratio - self._least) / _RAMP).clamp(0, 1)
        return ratio.clamp(min=1) ** (-_CAUTION * excess)

    def _regional(self, power: Tensor) -> Tensor:
        """Return the mean over the region around each cell, (1, C * Z, Y / 8, X / 8)."""
        sums = regional_means(self._weights * power)
        return sums / regional_means(self._weights).clamp(min=1e-6)


def build_guard(problem: Problem, settings: FitConfig) -> ResidualGuard | None:
    """Return the guard of a fit; None where there is none, or no residual to compare."""
    guarded = settings.residual_guard and isinstance(problem.operator, Identity)
    return ResidualGuard(problem) if guarded else None
