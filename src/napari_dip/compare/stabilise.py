"""Variance stabilisation of photon noise, for methods that expect Gaussian noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari_dip.compare.facts import Facts, Values


def stabilised(denoiser: Callable[[Values, Facts], Values]) -> Callable[[Values, Facts], Values]:
    """Return a denoiser that stabilises the variance of Poisson-Gaussian noise first."""

    def denoise(values: Values, facts: Facts) -> Values:
        slope = float(facts.noise.slope) if facts.noise else 0.0
        if slope <= 0 or facts.noise is None:
            return denoiser(values, facts)
        intercept = float(facts.noise.intercept)
        stable = stabilise(values, slope, intercept)
        return unstabilise(denoiser(stable, replace(facts, sigma=1.0)), slope, intercept)

    return denoise


def stabilise(values: Values, slope: float, intercept: float = 0.0) -> Values:
    """Make the standard deviation of Poisson-Gaussian noise about 1.

    Generalised Anscombe transform.

    Parameters
    ----------
    values : (...) array
        Noisy intensities, whose variance is `slope` * intensity + `intercept`.
    slope, intercept : float
        Line of the variance over intensity; the slope is positive.
    """
    photons = values / slope + 3 / 8 + intercept / slope**2
    return np.asarray(2 * np.sqrt(np.maximum(photons, 0)))


def unstabilise(stable: Values, slope: float, intercept: float = 0.0) -> Values:
    """Return the intensities of a denoised stabilised image.

    Unbiased inverse of `stabilise` in closed form (Makitalo and Foi, IEEE TIP 22, 2013).

    Parameters
    ----------
    stable : (...) array
        Denoised values, on the scale of `stabilise`.
    slope, intercept : float
        Line of the variance over intensity, as for `stabilise`.
    """
    clean = np.maximum(stable, 2 * np.sqrt(3 / 8))
    root = np.sqrt(3 / 2)
    photons = clean**2 / 4 + root / (4 * clean) - 11 / (8 * clean**2) + 5 * root / (8 * clean**3)
    return np.asarray(slope * (photons - 1 / 8 - intercept / slope**2))
