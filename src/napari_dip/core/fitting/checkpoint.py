"""FitState: all that changes during a fit, to be taken back or gone on from as a whole."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from napari_dip.errors import DivergedError, Hint

if TYPE_CHECKING:
    from napari_dip.core.fitting.averaging import MovingAverage
    from napari_dip.core.networks.build import PriorNetwork
    from napari_dip.core.optim.optimisers import Optimisers, OptimiserState
    from napari_dip.core.stopping.rules import AnyOf, Evidence, StopReason

# A loss this many times the last checkpoint's (5 dB, as published) is a collapse.
_COLLAPSE = 10**0.5
# For so many iterations after the start, and after a rollback, the loss may rise: the first
# steps move an untrained network away from a flat picture, which may be near to the image.
_SETTLING = 20
# With fewer, the loss of the few that are hidden jumps by as much without any harm.
_MIN_PIXELS = 1024
_CHECKPOINT_EVERY = 100
_MAX_ROLLBACKS = 10


@dataclass(frozen=True, slots=True)
class Weights:
    """What was learnt: the network, its optimiser's moments, and what is fitted beside it."""

    network: dict[str, Any]
    optimiser: list[OptimiserState]
    beside: list[Tensor]


@dataclass(frozen=True, slots=True)
class Selection:
    """What was averaged, and which estimate the rule has chosen of it."""

    average: MovingAverage
    rule: AnyOf
    selected: int
    kept: Tensor
    rival: Tensor | None


@dataclass(frozen=True, slots=True)
class FitCheckpoint:
    """Where a fit ended, so that another one can go on from there.

    Attributes
    ----------
    seed : int
        Of the first fit: latent and held-out pixels follow from it.
    weights : Weights
        What another block can begin with.
    selection : Selection or None
        What this block goes on with; None once it is for another one.
    iteration, rollbacks : int
        How far it was.
    random : Tensor
        State of the generator.
    reason : StopReason or None
        Why it ended.
    """

    seed: int
    weights: Weights
    selection: Selection | None
    iteration: int
    rollbacks: int
    random: Tensor
    reason: StopReason | None

    def warm(self) -> FitCheckpoint:
        """Return what a neighbour can begin with: the weights alone."""
        return replace(self, selection=None, iteration=0, rollbacks=0)

    @property
    def is_warm(self) -> bool:
        return self.selection is None

    @property
    def bytes(self) -> int:
        """Memory that it takes, about."""
        tensors: list[Tensor] = [*self.weights.network.values(), *self.weights.beside]
        # Adam has two moments of each weight; a selection has an average, and two of it.
        estimates = 0 if self.selection is None else 3 * self.selection.kept.nbytes
        return int(3 * sum(tensor.nbytes for tensor in tensors) + estimates)


@dataclass(slots=True)
class FitState:
    """All that changes during a fit, so that a rollback restores it together.

    Attributes
    ----------
    network, optimiser, average, rule
        The parts; each keeps a state of its own.
    pixels : int
        Of the observation, all channels.
    beside : list of Tensor
        What is fitted together with the network's parameters.
    selected : int
        Iteration of `kept`.
    kept : (1, C, Y, X) Tensor
        Estimate that would be returned now.
    rival : (1, C, Y, X) Tensor or None
        What the second rule with an opinion would return instead.
    rollbacks : int
        How often the checkpoint was returned to.
    """

    network: PriorNetwork
    optimiser: Optimisers
    average: MovingAverage
    rule: AnyOf
    pixels: int
    beside: list[Tensor] = field(default_factory=list)
    selected: int = 0
    kept: Tensor = field(default_factory=lambda: torch.empty(0))
    rival: Tensor | None = None
    rollbacks: int = 0
    _checkpoint: tuple[Weights, Selection] | None = None
    _checkpoint_loss: float = float("inf")
    _checkpoint_iteration: int = 0
    _settled: int = 0

    def assess(self, evidence: Evidence) -> StopReason | None:
        """Ask the rule; keep the average if the rule would select it (without opinion: latest)."""
        reason = self.rule.update(evidence)
        opinions = self.rule.opinions
        if not opinions or opinions[0] == evidence.iteration:
            self.selected, self.kept = evidence.iteration, self.average.value.clone()
        if opinions[1:] and opinions[1] == evidence.iteration:
            self.rival = self.average.value.clone()
        return reason

    def has_collapsed(self, loss: float, iteration: int) -> bool:
        """Tell whether the loss is not finite, or far above the checkpoint's."""
        if not np.isfinite(loss):
            return True
        if iteration <= self._settled:
            return False
        if self.pixels < _MIN_PIXELS or self.rollbacks >= _MAX_ROLLBACKS:
            return False  # jumps that come back again and again are the image's own
        # Near the noise level, 1, a loss may be as small as it likes.
        return loss > _COLLAPSE * max(self._checkpoint_loss, 1.0)

    def keep_checkpoint(self, iteration: int, loss: float) -> None:
        """Copy everything, unless the last copy is recent."""
        if self._checkpoint is not None and (
            iteration - self._checkpoint_iteration < _CHECKPOINT_EVERY
        ):
            return
        if self._checkpoint is None:
            self._settled = iteration + _SETTLING
        self._checkpoint = self._weights(), self._selection()
        self._checkpoint_loss, self._checkpoint_iteration = loss, iteration

    def roll_back(self, iteration: int) -> None:
        """Return to the checkpoint, with half the learning rate from here on."""
        self.rollbacks += 1
        if self._checkpoint is None or self.rollbacks > _MAX_ROLLBACKS:
            raise DivergedError(
                f"Got a loss that collapsed {self.rollbacks} times, last at iteration "
                f"{iteration}; expected it to stay finite. Try the precision float32, another "
                "seed or a smaller learning rate.",
                Hint("precision", "float32"),
                Hint("seed"),
            )
        self._settled = iteration + _SETTLING
        rates = [rate / 2 for rate in self.optimiser.rates]
        weights, selection = deepcopy(self._checkpoint)
        self._put(weights)
        self.optimiser.rates = rates
        self.average, self.rule = selection.average, selection.rule
        self.selected, self.kept = selection.selected, selection.kept
        self.rival = selection.rival

    def end(
        self, iteration: int, random: torch.Generator, seed: int, reason: StopReason | None
    ) -> FitCheckpoint:
        """Return copies of everything, for another fit."""
        selection = self._selection()
        return FitCheckpoint(
            seed,
            self._weights(),
            replace(selection, rule=selection.rule.memory),
            iteration,
            self.rollbacks,
            random.get_state(),
            reason,
        )

    def begin(self, start: FitCheckpoint, random: torch.Generator) -> None:
        """Take over where another fit ended; of a neighbour's only what it has learnt."""
        weights, selection = deepcopy((start.weights, start.selection))
        rates = self.optimiser.rates
        self._put(weights)
        if selection is None:
            self.optimiser.rates = rates
            return
        self.average = selection.average
        # Else a rule that has ended the earlier fit would end this one at once.
        ended = start.reason is not None and not start.reason.is_limit
        self.rule.take_over(selection.rule, start.iteration if ended else None)
        self.selected, self.kept = selection.selected, selection.kept
        self.rival = selection.rival
        self.rollbacks = start.rollbacks
        random.set_state(start.random)

    def _weights(self) -> Weights:
        return deepcopy(
            Weights(
                self.network.state_dict(),
                self.optimiser.state(),
                [values.detach() for values in self.beside],
            )
        )

    def _selection(self) -> Selection:
        return deepcopy(Selection(self.average, self.rule, self.selected, self.kept, self.rival))

    def _put(self, weights: Weights) -> None:
        """Take over weights, moments and learning rates."""
        self.network.load_state_dict(weights.network)
        for values, others in zip(self.beside, weights.beside, strict=True):
            values.data.copy_(others)
        self.optimiser.load_state(weights.optimiser)
