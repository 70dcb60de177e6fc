"""Richardson-Lucy methods, each with a stop that does not see the truth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_dip.core.latents.residual_noise import with_residual_noise
from napari_dip.core.latents.sharpening import VARIATIONS, estimates, find_sharpening
from napari_dip.core.noise.model import NoiseModel
from napari_dip.core.noise.thinning import can_thin
from napari_dip.core.operators.richardson_lucy import has_consensus
from napari_dip.core.problem import Problem, make_problem

if TYPE_CHECKING:
    from napari_dip.compare.facts import Facts, Values

# Share of the photons that are held out of Richardson-Lucy.
_HELD_OUT = 0.1
# Largest number of iterations.
_MOST = 300


def richardson_lucy(values: Values, facts: Facts) -> Values:
    """Deconvolve until held-out photons are predicted best."""
    return _each_channel(values, facts, (0.0,))


def with_total_variation(values: Values, facts: Facts) -> Values:
    """Deconvolve with total variation; held-out photons choose weight and iterations."""
    return _each_channel(values, facts, VARIATIONS)


def with_consensus(values: Values, facts: Facts) -> Values:
    """Deconvolve where two halves of the photons agree, until hardly any pixel changes."""
    return _each_channel(values, facts, (None,))


def deconvolved(
    channel: Values, facts: Facts, variations: Sequence[float | None]
) -> tuple[Values, int]:
    """Return a deconvolved channel and the number of iterations.

    Parameters
    ----------
    channel : ([Z, ]Y, X) array
        Observation.
    facts : Facts
        Blur, noise and intensity without light. The blur is not None.
    variations : sequence of float or None
        Weights of the total variation to try; None for the gradient consensus, which has its own
        stop.
    """
    assert facts.blur is not None  # only for deconvolution, which has a PSF
    noise = facts.noise or NoiseModel(0.0, facts.sigma**2, facts.sigma**2)
    blur = facts.blur
    problem = make_problem(
        channel[None].astype(np.float32),
        np.ones((1, *channel.shape), dtype=bool),
        [noise],
        (0.0, 1.0),
        torch.device("cpu"),
        blur,
        dark=facts.zero,
    )
    random = torch.Generator().manual_seed(0)
    if not can_thin(noise):
        estimate, count = _until_noise(problem)
        return blur.inside(estimate)[0, 0].numpy().astype(np.float64), count
    problem = with_residual_noise(problem.equally_weighted())
    if variations[0] is None:
        estimate, count = _until_consensus(problem, random)
    else:
        fitted, heldout = problem.thinned((1 - _HELD_OUT, _HELD_OUT), random)
        heldout = heldout.equally_weighted()
        found = find_sharpening(fitted, heldout, random, variations=variations)
        estimate, count = found(problem, random), found.iterations
    return blur.inside(estimate)[0, 0].numpy().astype(np.float64), count


def _each_channel(values: Values, facts: Facts, variations: Sequence[float | None]) -> Values:
    return np.stack([deconvolved(channel, facts, variations)[0] for channel in values])


def _until_consensus(problem: Problem, random: torch.Generator) -> tuple[torch.Tensor, int]:
    light = (problem.observation - problem.dark).max()
    variance = problem.noise.variance(light + problem.dark).max()
    photons = float(light**2 / variance)
    before = torch.zeros(())
    for count, estimate in enumerate(estimates(problem, None, _MOST, random), 1):
        if count > 1 and has_consensus(before - problem.dark, estimate - problem.dark, photons):
            break
        before = estimate
    return estimate, count


def _until_noise(problem: Problem) -> tuple[torch.Tensor, int]:
    """Stop when the residual is as small as the noise, which may be correlated."""
    count = 0
    for estimate in estimates(problem, 0.0, _MOST, torch.Generator()):
        count += 1
        if float(problem.nll(estimate).mean()) <= 1:
            break
    return estimate, count
