"""FitState: the mutable state of a fit."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from napari_dip.core.fitting.checkpoint import FitCheckpoint, Selection, Weights
from napari_dip.errors import DivergedError, Hint

if TYPE_CHECKING:
    from napari_dip.core.fitting.averaging import MovingAverage
    from napari_dip.core.networks.build import PriorNetwork
    from napari_dip.core.optim.optimisers import Optimisers
    from napari_dip.core.stopping.rules import AnyOf, Evidence, StopReason

# A loss this many times that of the last checkpoint (5 dB, as published) is a collapse.
_COLLAPSE = 10**0.5
# Iterations after the start, and after a rollback, in which the loss may rise: the first steps
# move an untrained network away from a flat estimate, which may be close to the image.
_SETTLING = 20
# Fewest pixels for which a rise of the loss is a collapse: with fewer, the loss varies as much
# with the pixels that are hidden at an iteration.
_MIN_PIXELS = 1024
# Iterations between two checkpoints.
_CHECKPOINT_EVERY = 100
_MAX_ROLLBACKS = 10


@dataclass(slots=True)
class FitState:
    """The mutable state of a fit, so that a rollback restores all of it together.

    Attributes
    ----------
    network : PriorNetwork
        Network with its weights.
    optimiser : Optimisers
        Optimiser with its moments.
    average, judged : MovingAverage
        Averages of the estimate, and of the estimate without held-out pixels; the latter is
        empty if no estimate shows them to the network.
    rule : AnyOf
        Stopping rule with all it has seen.
    pixels : int
        Number of values of the observation, over all channels.
    extra_parameters : list of Tensor
        Values that are fitted together with the network.
    selected_iteration : int
        Iteration of `selected`.
    selected, judged_selected : (1, C, [Z,] Y, X) Tensor
        Average that would be returned now, and the one without held-out pixels.
    alternative : (1, C, [Z,] Y, X) Tensor or None
        Average that the second rule would select.
    heldout_error : float or None
        Error of `selected` at the held-out pixels.
    rollbacks : int
        Number of rollbacks so far.
    """

    network: PriorNetwork
    optimiser: Optimisers
    average: MovingAverage
    judged: MovingAverage
    rule: AnyOf
    pixels: int
    extra_parameters: list[Tensor] = field(default_factory=list)
    selected_iteration: int = 0
    selected: Tensor = field(default_factory=lambda: torch.empty(0))
    judged_selected: Tensor = field(default_factory=lambda: torch.empty(0))
    alternative: Tensor | None = None
    heldout_error: float | None = None
    rollbacks: int = 0
    _checkpoint: tuple[Weights, Selection] | None = None
    _checkpoint_loss: float = float("inf")
    _checkpoint_iteration: int = 0
    _settled: int = 0

    @property
    def judged_average(self) -> Tensor:
        """The average whose error at held-out pixels counts."""
        return self.average.value if self.judged.is_empty else self.judged.value

    def add(self, estimate: Tensor, judged: Tensor | None = None) -> None:
        """Add an estimate (1, C, [Z,] Y, X) to the average, and one without held-out pixels."""
        self.average.update(estimate)
        if judged is not None:
            self.judged.update(judged)

    def assess(self, evidence: Evidence) -> StopReason | None:
        """Update the rule, and keep the average if the rule selects this iteration.

        Without a selection by any rule, the latest average is kept.
        """
        reason = self.rule.update(evidence)
        selections = self.rule.selections
        if not selections or selections[0] == evidence.iteration:
            self.selected_iteration = evidence.iteration
            self.selected = self.average.value.clone()
            self.judged_selected = self.judged.value.clone()
            self.heldout_error = evidence.heldout_error
        if selections[1:] and selections[1] == evidence.iteration:
            self.alternative = self.average.value.clone()
        return reason

    def has_collapsed(self, loss: float, iteration: int) -> bool:
        """Return whether the loss is not finite, or far above that of the checkpoint."""
        if not np.isfinite(loss):
            return True
        if iteration <= self._settled:
            return False
        if self.pixels < _MIN_PIXELS or self.rollbacks >= _MAX_ROLLBACKS:
            return False  # rises that return after each rollback come from the image
        # At the noise level the loss is 1; below it, a rise is harmless.
        return loss > _COLLAPSE * max(self._checkpoint_loss, 1.0)

    def keep_checkpoint(self, iteration: int, loss: float) -> None:
        """Copy the state, unless the last copy is recent."""
        if self._checkpoint is not None and (
            iteration - self._checkpoint_iteration < _CHECKPOINT_EVERY
        ):
            return
        if self._checkpoint is None:
            self._settled = iteration + _SETTLING
        self._checkpoint = self._copy_weights(), self._copy_selection()
        self._checkpoint_loss, self._checkpoint_iteration = loss, iteration

    def roll_back(self, iteration: int) -> None:
        """Restore the last checkpoint, and halve the learning rates."""
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
        self._load_weights(weights)
        self.optimiser.rates = rates
        self.rule = selection.rule
        self._load_selection(selection)

    def checkpoint(
        self, iteration: int, random: torch.Generator, seed: int, reason: StopReason | None
    ) -> FitCheckpoint:
        """Return a copy of the state, for another fit."""
        selection = self._copy_selection()
        return FitCheckpoint(
            seed,
            self._copy_weights(),
            replace(selection, rule=selection.rule.memory),
            iteration,
            self.rollbacks,
            random.get_state(),
            reason,
        )

    def start_from(self, start: FitCheckpoint, random: torch.Generator) -> None:
        """Load a checkpoint: all of it to resume a fit, its weights only for a warm start."""
        weights, selection = deepcopy((start.weights, start.selection))
        rates = self.optimiser.rates
        self._load_weights(weights)
        if selection is None:
            self.optimiser.rates = rates
            return
        self._load_selection(selection)
        # A rule that ended the earlier fit would otherwise end this one at once.
        ended = start.reason is not None and not start.reason.is_limit
        self.rule.take_over(selection.rule, start.iteration if ended else None)
        self.rollbacks = start.rollbacks
        random.set_state(start.random)

    def _copy_weights(self) -> Weights:
        return deepcopy(
            Weights(
                self.network.state_dict(),
                self.optimiser.state(),
                [values.detach() for values in self.extra_parameters],
            )
        )

    def _copy_selection(self) -> Selection:
        return deepcopy(
            Selection(
                self.average,
                self.judged,
                self.rule,
                self.selected_iteration,
                self.selected,
                self.judged_selected,
                self.alternative,
                self.heldout_error,
            )
        )

    def _load_weights(self, weights: Weights) -> None:
        """Load weights, moments and learning rates."""
        self.network.load_state_dict(weights.network)
        for values, others in zip(self.extra_parameters, weights.extra_parameters, strict=True):
            values.data.copy_(others)
        self.optimiser.load_state(weights.optimiser)

    def _load_selection(self, selection: Selection) -> None:
        """Load the average and the selected estimates, without the rule."""
        self.average, self.judged = selection.average, selection.judged
        self.selected_iteration, self.selected = selection.iteration, selection.estimate
        self.judged_selected = selection.judged_estimate
        self.alternative, self.heldout_error = selection.alternative, selection.heldout_error
