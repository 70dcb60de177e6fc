"""Regularisers: what makes an estimate unlikely whatever was observed; added to the loss.

Each is a mean over pixels of a number without units: intensities are measured
in standard deviations of the noise, distances in pixels, so that a weight
means the same for every image.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from skimage.restoration import denoise_tv_chambolle
from torch import Tensor

from napari_dip.core.image.infill import mean_of_neighbours
from napari_dip.core.operators.features import Features
from napari_dip.core.operators.pretrained import Pretrained, load_pretrained
from napari_dip.errors import InputError

if TYPE_CHECKING:
    from napari_dip.config import FitConfig
    from napari_dip.core.problem import Problem


class Regularisers:
    """What the settings add to the loss of an estimate (1, C, [Z,] Y, X).

    Parameters
    ----------
    problem : Problem
        On the device where it is fitted.
    settings : FitConfig
        Weights, 0 for what is left out.

    Raises
    ------
    InputError
        The trained network is not there, or does not take such pictures.
    """

    def __init__(self, problem: Problem, settings: FitConfig) -> None:
        self._problem, self._settings = problem, settings
        self._features = (
            FeatureDistance(load_pretrained(settings.features), plain_picture(problem))
            if settings.feature_weight
            else None
        )

    def __call__(self, estimate: Tensor) -> Tensor:
        settings, total = self._settings, estimate.new_zeros(())
        if settings.tv_weight:
            sigma = self._problem.noise.weighting_variance(estimate.detach()) ** 0.5
            variation = total_variation(estimate / sigma, self._problem.anisotropy)
            total = total + settings.tv_weight * variation
        if self._features is not None:
            inside = self._problem.operator.inside(estimate)
            total = total + settings.feature_weight * self._features(inside)
        return total


class FeatureDistance:
    """|Phi(x) - Phi(x_0)|^2 / |Phi(x_0)|^2: how unlike a picture x_0 looks to a trained network.

    Parameters
    ----------
    pretrained : Pretrained
        Phi.
    picture : (1, C, [Z,] Y, X) Tensor
        x_0, of one channel or three.

    References
    ----------
    The loss of feature inversion (Mahendran and Vedaldi, CVPR 2015) beside a
    data term, as perceptual losses are (Johnson, Alahi, Fei-Fei, ECCV 2016).
    """

    def __init__(self, pretrained: Pretrained, picture: Tensor) -> None:
        self._phi = Features(pretrained)
        with torch.no_grad():
            self._target, _ = self._phi.measured(picture, torch.ones_like(picture))
        self._size = self._target.square().mean().clamp(min=1e-12)

    def __call__(self, estimate: Tensor) -> Tensor:
        return (self._phi(estimate) - self._target).square().mean() / self._size


def plain_picture(problem: Problem) -> Tensor:
    """Return what an observation looks like, restored plainly (1, C, [Z,] Y, X).

    Noise is removed by total variation and gaps are filled from their neighbours, where
    the observation has pixels; then it is enlarged, decoded, or what else its operator calls for.
    """
    if not problem.is_picture:
        raise InputError(
            "Got feature_weight for an observation that is no picture but features; expected 0."
        )
    operator, observed = problem.operator, problem.observation
    if operator.local:
        seen = problem.valid.float()
        observed = torch.where(problem.valid, observed, mean_of_neighbours(observed, seen))
        sigma = float(problem.noise.variance(observed).mean().sqrt())
        clean = denoise_tv_chambolle(observed[0].cpu().numpy(), sigma, channel_axis=0)
        observed = torch.from_numpy(clean)[None].to(observed)
    return operator.inside(operator.lift(observed))


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
