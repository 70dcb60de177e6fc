"""Checkpoints of a fit, for rollback, resume and warm start."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from napari_dip.core.fitting.averaging import MovingAverage
    from napari_dip.core.optim.optimisers import OptimiserState
    from napari_dip.core.stopping.rules import AnyOf, StopReason


@dataclass(frozen=True, slots=True)
class Weights:
    """Fitted values, and the memory of their optimiser.

    Attributes
    ----------
    network : dict
        State dict of the network.
    optimiser : list of OptimiserState
        Moments and learning rates.
    extra_parameters : list of Tensor
        Values that are fitted together with the network, such as a PSF's width.
    """

    network: dict[str, Any]
    optimiser: list[OptimiserState]
    extra_parameters: list[Tensor]


@dataclass(frozen=True, slots=True)
class Selection:
    """The moving average, the stopping rule, and the estimate that the rule selected.

    Attributes
    ----------
    average, judged : MovingAverage
        Averages of the estimate, and of the estimate without held-out pixels.
    rule : AnyOf
        Stopping rule with all it has seen.
    iteration : int
        Iteration of `estimate`.
    estimate, judged_estimate : (1, C, [Z,] Y, X) Tensor
        Averages that the rule selected.
    alternative : (1, C, [Z,] Y, X) Tensor or None
        Average that the second rule selected.
    heldout_error : float or None
        Error of `estimate` at the held-out pixels.
    """

    average: MovingAverage
    judged: MovingAverage
    rule: AnyOf
    iteration: int
    estimate: Tensor
    judged_estimate: Tensor
    alternative: Tensor | None
    heldout_error: float | None


@dataclass(frozen=True, slots=True)
class FitCheckpoint:
    """The state at the end of a fit, from which another fit can start.

    Attributes
    ----------
    seed : int
        Seed of the fit; latent and held-out pixels derive from it.
    weights : Weights
        Fitted values.
    selection : Selection or None
        Average and selected estimate; None for a warm start of another block.
    iteration : int
        Number of iterations so far.
    rollbacks : int
        Number of rollbacks so far.
    random : Tensor
        State of the random generator.
    reason : StopReason or None
        Reason for which the fit ended.
    """

    seed: int
    weights: Weights
    selection: Selection | None
    iteration: int
    rollbacks: int
    random: Tensor
    reason: StopReason | None

    def as_warm_start(self) -> FitCheckpoint:
        """Return a checkpoint for another block, which takes the weights only."""
        return replace(self, selection=None, iteration=0, rollbacks=0)

    @property
    def is_warm_start(self) -> bool:
        """Whether only the weights are used, for another block."""
        return self.selection is None

    @property
    def nbytes(self) -> int:
        """Approximate memory of the checkpoint [bytes]."""
        tensors: list[Tensor] = [*self.weights.network.values(), *self.weights.extra_parameters]
        # Adam has two moments of each weight. A selection has an average and two copies of it,
        # and as much again of estimates without held-out pixels.
        estimates = 0 if self.selection is None else 6 * self.selection.estimate.nbytes
        return int(3 * sum(tensor.nbytes for tensor in tensors) + estimates)
