"""FitState: what a fit may have to take back, all at once."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from napari_dip.errors import DivergedError

if TYPE_CHECKING:
    from napari_dip.core.averaging import MovingAverage
    from napari_dip.core.networks import PriorNetwork
    from napari_dip.core.stopping import AnyOf, Evidence, StopReason

# A loss this many times the last checkpoint's (5 dB, as published) is a collapse.
_COLLAPSE = 10**0.5
# With fewer, the loss of the few that are hidden jumps by as much without any harm.
_MIN_PIXELS = 1024
_CHECKPOINT_EVERY = 100
_MAX_ROLLBACKS = 10


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
    optimiser: torch.optim.Adam
    average: MovingAverage
    rule: AnyOf
    pixels: int
    beside: list[Tensor] = field(default_factory=list)
    selected: int = 0
    kept: Tensor = field(default_factory=lambda: torch.empty(0))
    rival: Tensor | None = None
    rollbacks: int = 0
    _checkpoint: Any = None
    _checkpoint_loss: float = float("inf")
    _checkpoint_iteration: int = 0

    def assess(self, evidence: Evidence) -> StopReason | None:
        """Ask the rule; keep the average if the rule would select it (without opinion: latest)."""
        reason = self.rule.update(evidence)
        opinions = self.rule.opinions
        if not opinions or opinions[0] == evidence.iteration:
            self.selected, self.kept = evidence.iteration, self.average.value.clone()
        if opinions[1:] and opinions[1] == evidence.iteration:
            self.rival = self.average.value.clone()
        return reason

    def has_collapsed(self, loss: float) -> bool:
        """Tell whether the loss is not finite, or far above the checkpoint's."""
        if not np.isfinite(loss):
            return True
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
        self._checkpoint = deepcopy(
            (
                self.network.state_dict(),
                [values.detach() for values in self.beside],
                self.optimiser.state_dict(),
                self.average,
                self.rule,
                self.selected,
                self.kept,
                self.rival,
            )
        )
        self._checkpoint_loss, self._checkpoint_iteration = loss, iteration

    def roll_back(self, iteration: int) -> None:
        """Return to the checkpoint, with half the learning rate from here on."""
        self.rollbacks += 1
        if self._checkpoint is None or self.rollbacks > _MAX_ROLLBACKS:
            raise DivergedError(
                f"Got a loss that collapsed {self.rollbacks} times, last at iteration "
                f"{iteration}; expected it to stay finite. Try --precision float32, another "
                "--seed or a smaller learning rate."
            )
        rates = [group["lr"] for group in self.optimiser.param_groups]
        network, beside, optimiser, *rest = deepcopy(self._checkpoint)
        self.network.load_state_dict(network)
        for values, before in zip(self.beside, beside, strict=True):
            values.data.copy_(before)
        self.optimiser.load_state_dict(optimiser)
        self.average, self.rule, self.selected, self.kept, self.rival = rest
        for group, rate in zip(self.optimiser.param_groups, rates, strict=True):
            group["lr"] = rate / 2
