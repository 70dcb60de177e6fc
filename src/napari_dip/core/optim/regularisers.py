"""Regularisers: penalty terms that are added to the loss.

Each penalty is a mean over pixels without units: intensities are measured in standard deviations
of the noise and distances in pixels, so that a weight has the same effect on every image.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from napari_dip.config import FitConfig
    from napari_dip.core.problem import Problem


class Regularisers:
    """Weighted sum of the penalties of an estimate (1, C, [Z,] Y, X).

    Parameters
    ----------
    problem : Problem
        Problem of the block, on the device of the fit.
    settings : FitConfig
        Weights of the penalties; a weight of 0 leaves its penalty out.
    """

    def __init__(self, problem: Problem, settings: FitConfig) -> None:
        self._problem, self._settings = problem, settings

    def __call__(self, estimate: Tensor) -> Tensor:
        total, weight = estimate.new_zeros(()), self._settings.tv_weight
        if weight:
            sigma = self._problem.noise.weighting_variance(estimate.detach()) ** 0.5
            variation = total_variation(estimate / sigma, self._problem.anisotropy)
            total = total + weight * variation
        return total


def total_variation(estimate: Tensor, anisotropy: float = 1.0) -> Tensor:
    """Return the mean length of the isotropic gradient over all channels.

    Parameters
    ----------
    estimate : (1, C, [Z,] Y, X) Tensor
        Image whose channels share their edges; C equal channels count as one.
    anisotropy : float
        Spacing of the planes divided by the spacing of the pixels. Default 1.0.

    Returns
    -------
    () Tensor
        Mean length of the gradient, in units of the estimate per pixel.

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
        # The outermost pixel is repeated beyond the border.
        torch.diff(estimate, dim=axis, append=estimate.narrow(axis, -1, 1)) / spacing
        for axis, spacing in zip(axes, spacings, strict=True)
    ]
    # Unlike a square root, vector_norm has a gradient at 0: it is 0.
    lengths: Tensor = torch.linalg.vector_norm(torch.cat(slopes, dim=1), dim=1)
    return lengths.mean() / math.sqrt(estimate.shape[1])
