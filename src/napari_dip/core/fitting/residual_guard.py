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

# Share by which the power of the residual may exceed that of the noise, beside chance, for
# white and for correlated noise (whose standard deviation may be 40% more than measured). The
# excess above it counts gradually, and fully from `_RAMP` on. A network that knows the noise level
# keeps texture by itself, so a larger residual is mostly noise that was not measured.
_UNCERTAINTY, _LARGE_UNCERTAINTY, _RAMP = 0.15, 1.0, 0.32
# Exponent of the ratio of noise to residual. 1 minimises the expected error if the noise
# level is exact; more keeps texture where the level is too high, and costs little where it is
# exact (docs/performance.md).
_CAUTION = 2.5
# If neighbours predict a held-out pixel with an error of so many noise variances or more, what
# counts as noise may be texture. The residual of a network that knows the noise level then stays
# removed up to this share only, which costs little where the level is right.
_DOUBT_FROM, _DOUBT_FULLY, _IN_DOUBT = 1.5, 2.5, 0.75
# Share of the regions that `most_removed` looks at, those with the least removed first.
_NEARLY_ALL = 0.95
# Share of the residual below which the observation counts as mostly restored.
_HALF = 0.5


class ResidualGuard:
    """Limits the residual that a fit removes from an observation to the power of the noise.

    Parameters
    ----------
    problem : Problem
        Observation and noise model; the operator is the identity.
    knows_noise : bool
        Whether the network knows the noise level. Default False.
    strength : float
        Factor of the noise level that the user chose; above 1, a residual of that much noise is
        expected. Default 1.

    Notes
    -----
    The error of a pixel that is predicted from its neighbours is independent of the noise of
    that pixel. So the power R of the residual is the power N of the noise plus that of the
    error, and the expected error is least if the share N / R of the residual stays removed. R
    and N are compared region by region: where R is hardly more than N, the estimate stays as
    it is; where texture was lost, R is several times N and the observation is blended back.

    References
    ----------
    N. Wiener, "Extrapolation, Interpolation, and Smoothing of Stationary Time Series", 1949.
    """

    def __init__(
        self, problem: Problem, *, knows_noise: bool = False, strength: float = 1.0
    ) -> None:
        self._problem = problem
        self._expected = max(strength, 1.0) ** 2  # power of the residual, in noise variances
        self._weights = problem.valid.float()
        self._knows_noise = knows_noise
        # Number of independent values in a region. It is smaller where the noise of
        # neighbouring pixels is correlated, at the border and beside missing pixels.
        independent = 4 * math.pi * DEVIATION**2 / (1 + 4 * math.pi * problem.noise.grain**2)
        inside = regional_means(self._weights, beyond=True).clamp(min=1e-6)
        large = knows_noise or problem.noise.grain
        uncertainty = _LARGE_UNCERTAINTY if large else _UNCERTAINTY
        self._least = 1 + uncertainty + (2 / (independent * inside)).sqrt()

    @torch.no_grad()
    def __call__(self, estimate: Tensor, heldout_error: float | None = None) -> Tensor:
        """Return an estimate (1, C, [Z,] Y, X) with the observation blended in.

        Parameters
        ----------
        estimate : (1, C, [Z,] Y, X) Tensor
            Estimate of the fit.
        heldout_error : float, optional
            Its mean squared error at held-out pixels, in noise variances. Default: not known.
        """
        observation = self._problem.observation
        blended = torch.lerp(observation, estimate, self.removed(estimate, heldout_error))
        return torch.where(self._problem.valid, blended, estimate)

    @torch.no_grad()
    def removed(self, estimate: Tensor, heldout_error: float | None = None) -> Tensor:
        """Return the share of the residual that stays removed, 0 to 1, at each pixel."""
        shares = at_pixels(self._shares(estimate), estimate.shape)
        return shares * self._most_certain(heldout_error)

    @torch.no_grad()
    def most_removed(self, estimate: Tensor) -> float:
        """Return the 95th percentile, over regions, of the share that stays removed."""
        shares = self._shares(estimate)[regional_means(self._weights) > 0]
        return float(shares.flatten().sort().values[int(_NEARLY_ALL * (shares.numel() - 1))])

    @torch.no_grad()
    def findings(self, estimate: Tensor, heldout_error: float | None = None) -> dict[str, float]:
        """Return the share of the residual's power, and of the area, that was blended back."""
        share = self.removed(estimate, heldout_error)
        residual = self._weights * (self._problem.observation - estimate) ** 2
        area = self._weights.sum().clamp(min=1.0)
        kept = (share**2 * residual).sum() / residual.sum().clamp(min=1e-20)
        restored = (self._weights * (share < _HALF)).sum() / area
        return {"returned_power": float(1 - kept), "returned_area": float(restored)}

    def _most_certain(self, heldout_error: float | None) -> float:
        """Return the largest share that may stay removed in view of the held-out error."""
        if not self._knows_noise or heldout_error is None:
            return 1.0
        doubt = (heldout_error / self._expected - _DOUBT_FROM) / (_DOUBT_FULLY - _DOUBT_FROM)
        return 1 - (1 - _IN_DOUBT) * min(max(doubt, 0.0), 1.0)

    def _shares(self, estimate: Tensor) -> Tensor:
        """Return the share that stays removed around each cell, (1, C * Z, Y / 8, X / 8)."""
        residual = (self._problem.observation - estimate) ** 2
        noise = self._expected * self._problem.noise.variance(estimate).expand_as(residual)
        ratio = self._regional(residual) / self._regional(noise).clamp(min=1e-20)
        excess = ((ratio - self._least) / _RAMP).clamp(0, 1)
        return ratio.clamp(min=1) ** (-_CAUTION * excess)

    def _regional(self, power: Tensor) -> Tensor:
        """Return the mean over the region around each cell, (1, C * Z, Y / 8, X / 8)."""
        sums = regional_means(self._weights * power)
        return sums / regional_means(self._weights).clamp(min=1e-6)


def build_guard(
    problem: Problem, settings: FitConfig, strength: float = 1.0
) -> ResidualGuard | None:
    """Return the guard of a fit; None if it is off or the operator is not the identity."""
    guarded = settings.residual_guard and isinstance(problem.operator, Identity)
    if not guarded:
        return None
    knows_noise = settings.latent == "recorrupted"
    return ResidualGuard(problem, knows_noise=knows_noise, strength=strength)
