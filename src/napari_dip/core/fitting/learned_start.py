"""Learned start: weights that come with the package, and their estimate beside that of the fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from napari_dip.core.latents.masked_kspace import FrequencyLatent
from napari_dip.core.latents.recorrupted.latent import RecorruptedLatent
from napari_dip.core.latents.recorrupted.picture import in_all_channels
from napari_dip.core.networks.learned_weights import find_weights, load_learned_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from torch import Tensor

    from napari_dip.config import CompleteConfig
    from napari_dip.core.fitting.monitor import Monitor
    from napari_dip.core.fitting.result import Snapshot
    from napari_dip.core.fitting.state import FitState
    from napari_dip.core.fitting.timer import Timer
    from napari_dip.core.fitting.trainer import Trainer
    from napari_dip.core.latents.base import Latent
    from napari_dip.core.networks.build import PriorNetwork
    from napari_dip.core.problem import Problem
    from napari_dip.core.stopping.evaluation import Evaluator

# Largest number of corrections of the noise level, each of which needs one pass.
_MOST_CORRECTIONS = 8
# Values of a plane from which on glimpses and one view are shown before the mean of all views.
_LARGE = 512**2


def first_answer(
    trainer: Trainer,
    monitor: Monitor,
    timer: Timer,
    finish: Callable[[Tensor], Tensor],
    known: Tensor,
    fitted: Tensor,
    strength: float,
) -> Generator[Snapshot, None, tuple[Tensor, Tensor | None]]:
    """Find the estimate before the first step, and the noise level that it shows.

    Parameters
    ----------
    trainer : Trainer
        Trainer of a network with learned weights.
    monitor, timer
        Parts of the fit that make snapshots and leave out the time in which they are shown.
    finish : callable
        Function that turns an average (1, C, Y, X) into the estimate to show.
    known : (1, C, Y, X) Tensor
        Average so far, which is empty.
    fitted : (1, C, Y, X) Tensor
        Weights of the pixels that are not held out.
    strength : float
        Factor of the corrected noise level.

    Yields
    ------
    Snapshot
        Of a large plane, ever better estimates.

    Returns
    -------
    (1, C, Y, X) Tensor
        Mean of all views.
    (1, C, Y, X) Tensor or None
        Estimate without the held-out pixels; None if none are held out.
    """
    latent = trainer.latent
    is_large = trainer.problem.observation.numel() >= _LARGE
    if is_large:
        for most in trainer.runtime.glimpses:
            glimpse = trainer.estimate(latent.glimpse(most), known)
            # The residual guard would give the noise back where coarse means have lost detail.
            yield from timer.shown(monitor.glimpse(latent.finish(glimpse)))
    set_noise_level(latent, trainer, strength)
    for count, mean in enumerate(trainer.views(known), 1):
        if is_large and count == 1:
            yield from timer.shown(monitor.glimpse(finish(mean)))
    judged = trainer.judge(known)
    if judged is not None and not trainer.settings.max_iterations:
        # Beside a single view, a second one of all pixels that it has seen.
        mean = torch.where(in_all_channels(fitted) > 0, (mean + judged) / 2, mean)
    return mean, judged


def set_noise_level(latent: Latent, trainer: Trainer, strength: float) -> None:
    """Correct the noise level that the latent shows by what the network removes.

    Parameters
    ----------
    latent : Latent
        Latent with a noise level; others stay as they are.
    trainer : Trainer
        Trainer of a network with learned weights.
    strength : float
        Factor of the corrected level that estimates show.
    """
    if isinstance(latent, RecorruptedLatent):
        corrections = 0
        is_settled = latent.is_level_certain
        while not is_settled and corrections < _MOST_CORRECTIONS:
            is_settled = not latent.correct_level(trainer.output(latent.probe()))
            corrections += 1
        latent.strength = strength


def load_learned_start(
    problem: Problem, config: CompleteConfig, network: PriorNetwork, latent: Latent
) -> str | None:
    """Load the weights that come with the package, if the latent is what they were fitted to.

    Parameters
    ----------
    problem : Problem
        Problem of the block.
    config : CompleteConfig
        Configuration of the fit. Weights of the user have priority.
    network : PriorNetwork
        Network, which keeps its weights if none suit.
    latent : Latent
        Latent, by which the observation is standardised. That of k-space has used its weights
        already.

    Returns
    -------
    str or None
        SHA-256 of the file of the weights; None if none suit.
    """
    if isinstance(latent, FrequencyLatent):
        return latent.learned_sha256
    chosen = config.start == "learned" and config.fit.network_weights is None
    if not chosen or not isinstance(latent, RecorruptedLatent):
        return None
    file = find_weights(
        config.fit.network,
        problem.channels,
        problem.neighbour_count,
        coarse_noise=problem.noise.grain > 0,
    )
    return None if file is None else load_learned_weights(network, file, latent.deviation)


def weighed_with_first(
    state: FitState, evaluator: Evaluator, finish: Callable[[Tensor], Tensor]
) -> tuple[Tensor, dict[str, float]]:
    """Return the selected estimate, weighed with the first by their errors at held-out pixels.

    Most fits improve a learned start, and some make it worse. Held-out pixels show which, and
    how far: between two estimates, the error is a parabola.

    Parameters
    ----------
    state : FitState
        State at the end of a fit.
    evaluator : Evaluator
        Measures at the held-out pixels.
    finish : callable
        Function that turns an average (1, C, Y, X) into the estimate to show.

    Returns
    -------
    (1, C, Y, X) Tensor
        Estimate; the selected one where no first estimate was kept, or nothing is held out.
    dict
        The weight of the selected estimate, for the report; empty without a weight.
    """
    first, judged = state.average.first, state.judged.first
    if first is None or judged is None or state.selected_iteration == 0:
        return state.selected, {}
    weight = evaluator.weight_of(finish(state.judged_selected), finish(judged))
    if weight is None:
        return state.selected, {}
    return first.lerp(state.selected, weight), {"fit_weight": weight}
