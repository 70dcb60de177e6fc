"""Hold out pixels, or photons of all pixels, that decide when a fit stops."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from torch import Tensor

from napari_dip.core.latents.build import sharpens
from napari_dip.core.latents.residual_noise import with_residual_noise
from napari_dip.core.stopping.evaluation import split_pixels

if TYPE_CHECKING:
    import torch

    from napari_dip.config import CompleteConfig
    from napari_dip.core.problem import Problem


class HeldOut(NamedTuple):
    """What is fitted and what is held out.

    Attributes
    ----------
    fitted : (1, C, [Z,] Y, X) Tensor
        Weights of the fitted pixels.
    judged : Problem
        Problem whose observation holds the held-out values.
    weights : (1, C, [Z,] Y, X) Tensor or None
        Weights of the held-out values; None if the stopping rule needs none, or they were too
        few.
    photons : (Problem, Problem) or None
        Problems of the fitted and of the held-out photons; None if pixels are held out.
    """

    fitted: Tensor
    judged: Problem
    weights: Tensor | None
    photons: tuple[Problem, Problem] | None = None


def hold_out(problem: Problem, config: CompleteConfig, random: torch.Generator) -> HeldOut:
    """Choose what is held out of a fit.

    A latent of sharpened photons holds out photons of all pixels, others hold out pixels. How
    many photons there are is measured on what a deconvolution leaves.

    Parameters
    ----------
    problem : Problem
        Problem of the block.
    config : DipConfig
        Complete configuration with the stopping rule and the share.
    random : torch.Generator
        Random generator on the device of the fit.
    """
    if not sharpens(config.fit, problem):
        fitted, weights = split_pixels(problem, config, random)
        return HeldOut(fitted, problem, weights)
    problem = with_residual_noise(problem)
    share = config.fit.stopping.heldout_fraction
    rest, heldout = problem.thinned((1 - share, share), random)
    valid, heldout = problem.valid.float(), heldout.equally_weighted()
    if config.stop in ("auto", "heldout"):
        return HeldOut(valid, heldout, valid, (rest, heldout))
    return HeldOut(valid, problem, None, (rest, heldout))
