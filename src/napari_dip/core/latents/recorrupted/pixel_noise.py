"""Noise of single pixels, such as the hot pixels of a camera, in a latent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from napari_dip.core.image.infill import mean_of_neighbours

if TYPE_CHECKING:
    from napari_dip.core.problem import Problem


def relative_power(problem: Problem, regional: Tensor) -> Tensor:
    """Return the noise variance of each pixel divided by that of a pixel without excess.

    Parameters
    ----------
    problem : Problem
        Problem with the noise model.
    regional : (1, C, Y, X) Tensor
        Mean intensity around each pixel.

    Returns
    -------
    (1, C or 1, Y, X) Tensor
        1 where all pixels have the same noise.
    """
    if problem.noise.excess is None:
        return torch.ones_like(regional[:, :1])
    return 1 + problem.noise.excess / problem.noise.line_variance(regional)


def shared(values: Tensor, share: Tensor) -> Tensor:
    """Keep a share of each pixel, and take the rest from the mean of its neighbours.

    Where the noise has p times the power of that of other pixels, a share of 1 / p gives the
    pixel its weight in a mean of least variance.

    Parameters
    ----------
    values : (1, C, Y, X) Tensor
        Pixels.
    share : (1, C or 1, Y, X) Tensor
        Share of each pixel, 0 to 1; the mean of the neighbours is weighted by it, too.

    Examples
    --------
    >>> share = torch.ones(1, 1, 3, 3)
    >>> share[..., 1, 1] = 0.25
    >>> float(shared(4 * (1 - share), share)[..., 1, 1])
    0.75
    """
    if bool((share == 1).all()):  # the usual case needs no neighbours
        return values
    mask = share.expand_as(values)
    return torch.lerp(mean_of_neighbours(values, mask), values, mask)
