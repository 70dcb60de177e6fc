"""Thinning: split an observation into parts whose noise is independent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from napari_dip.core.noise.model import NoiseModel

# Mean number of photons of a pixel up to which they are drawn one by one. Above it the noise of
# the parts is normal, and float32 does not hold each count.
_FEW = 1e4


def can_thin(noise: NoiseModel) -> bool:
    """Return whether parts are independent: white noise without outliers and rounding."""
    return not (noise.grain or noise.laplace or noise.tolerance is not None)


def thin(
    observation: Tensor, noise: NoiseModel, shares: Sequence[float], random: torch.Generator
) -> list[Tensor]:
    """Split an observation into parts of independent noise.

    The mean of each part is that of the observation; the variance of its noise is that of the
    observation divided by the share.

    Parameters
    ----------
    observation : (1, C, [Z,] Y, X) Tensor
        Observation in network units.
    noise : NoiseModel
        Its noise; see `can_thin`.
    shares : sequence of float
        Share of each part; their sum is 1.
    random : torch.Generator
        Random generator on the device of the observation.

    Returns
    -------
    list of (1, C, [Z,] Y, X) Tensor
        Parts. Their mean, weighted by the shares, is the observation.

    Notes
    -----
    Each photon falls into one of the parts, by chance. Read noise counts as photons of a dark
    level with the same variance. For noise without photons, or with very many, correlated normal
    noise is added to the parts.

    References
    ----------
    A. Leiner et al., "Data thinning for convolution-closed distributions", JMLR 25 (2024).

    Examples
    --------
    >>> from napari_dip.core.noise.model import NoiseModel
    >>> random = torch.Generator().manual_seed(0)
    >>> light = torch.poisson(torch.full((1, 1, 64, 64), 50.0), generator=random)
    >>> first, second = thin(light, NoiseModel(1.0, 0.0, 0.1), (0.5, 0.5), random)
    >>> bool(torch.allclose((first + second) / 2, light)), round(float(first.var()), -1)
    (True, 100.0)
    """
    slope = torch.as_tensor(noise.slope, device=observation.device)
    if bool((slope > 0).all()):
        dark = noise.intercept / slope**2
        photons = (observation / slope + dark).clamp(min=0).round()
        if float(photons.mean()) <= _FEW:
            beyond = observation - (photons - dark) * slope  # what rounding changed
            counts = _split_photons(photons, shares, random)
            return [
                (part / share - dark) * slope + beyond
                for part, share in zip(counts, shares, strict=True)
            ]
    deviation = noise.variance(observation).sqrt()
    draws = [
        torch.randn(observation.shape, generator=random, device=random.device) / math.sqrt(share)
        for share in shares
    ]
    mean = torch.stack([share * draw for share, draw in zip(shares, draws, strict=True)]).sum(0)
    return [observation + deviation * (draw - mean) for draw in draws]


def _split_photons(
    photons: Tensor, shares: Sequence[float], random: torch.Generator
) -> list[Tensor]:
    """Return the photons of each pixel, split at random into parts of these mean shares."""
    counts, left = [], 1.0
    for share in shares[:-1]:
        chance = torch.full_like(photons, min(share / left, 1.0))
        counts.append(torch.binomial(photons, chance, generator=random))
        photons, left = photons - counts[-1], left - share
    return [*counts, photons]
