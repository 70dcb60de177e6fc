"""Regularisers: what makes an estimate unlikely whatever was observed; added to the loss.

Each is a mean over pixels of a number without units: intensities are measured
in standard deviations of the noise, distances in pixels, so that a weight
means the same for every image.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from napari_dip.config import FitConfig
    from napari_dip.core.problem import Problem


def penalty(problem: Problem, estimate: Tensor, settings: FitConfig) -> Tensor | float:
    """Return what the settings add to the loss of an estimate (1, C, [Z,] Y, X)."""
    if not settings.tv_weight:
        return 0.0
    sigma = problem.noise.variance(estimate.detach()).sqrt()
    return settings.tv_weight * total_variation(estimate / sigma, problem.anisotropy)


def total_variation(estimate: Tensor, anisotropy: float = 1.0) -> Tensor:
    """Return the mean length of the gradient, isotropic, all channels together.

    Parameters
    ----------
    estimate : (1, C, [Z,] Y, X) Tensor
        Channels have their edges in the same places; C equal ones count as one.
    anisotropy : float
        Spacing of planes over that of pixels.

    Returns
    -------
    () Tensor
        In units of the estimate per pixel.

    References
    ----------
    L. Rudin, S. Osher, E. Fatemi, "Nonlinear total variation based noise
    removal algorithms", Physica D 60 (1992); P. Blomgren, T. Chan, "Color TV",
    IEEE TIP 7 (1998).

    Examples
    --------
    >>> step = torch.tensor([0.0, 0, 3, 3]).expand(1, 1, 4, 4)
    >>> float(total_variation(step))
    0.75
    """
    axes = range(2, estimate.ndim)
    spacings = [anisotropy if estimate.ndim == 5 and axis == 2 else 1.0 for axis in axes]
    slopes = [
        # Beyond the border the outermost pixel goes on.
        torch.diff(estimate, dim=axis, append=estimate.narrow(axis, -1, 1)) / spacing
        for axis, spacing in zip(axes, spacings, strict=True)
    ]
    # Unlike a square root, a norm has a gradient at 0, which is 0.
    lengths: Tensor = torch.linalg.vector_norm(torch.cat(slopes, dim=1), dim=1)
    return lengths.mean() / math.sqrt(estimate.shape[1])
