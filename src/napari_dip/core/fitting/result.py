"""Snapshot and Fit: the values that `fit` yields and returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from napari_dip.core.fitting.checkpoint import FitCheckpoint
    from napari_dip.core.stopping.rules import StopReason


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A copy of the state of a fit; it shares no memory with the fit.

    Attributes
    ----------
    iteration : int
        Iteration of the snapshot, from 1; 0 before the first step from learned weights.
    loss : float
        Mean nll of the fitted pixels plus the regularisers.
    heldout_error : float or None
        Mean nll of the average at the held-out pixels; None if there are none.
    selected_iteration : int
        Iteration whose estimate would be returned now.
    estimate : (C, [Z,] Y, X) float32 array
        Moving average of the estimate, in network units.
    stop_reason : StopReason or None
        Reason for which the fit ended, in the last snapshot; None before.
    passes : float
        Passes of the network over the whole plane without gradients so far; 0 by default.
    """

    iteration: int
    loss: float
    heldout_error: float | None
    selected_iteration: int
    estimate: NDArray[np.float32]
    stop_reason: StopReason | None
    passes: float = 0.0


@dataclass(frozen=True, slots=True)
class Fit:
    """The result of a fit.

    Attributes
    ----------
    estimate : (C, [Z,] Y, X) float32 array
        Selected estimate, in network units.
    iterations : int
        Number of iterations, those of a resumed fit and of the sampling included.
    selected_iteration : int
        Iteration of `estimate`.
    stop_reason : StopReason
        Reason for which the fit ended.
    seconds, seconds_per_iteration : float
        Time without pauses, and median time of an iteration [seconds].
    parameters : int
        Number of parameters of the network.
    rollbacks : int
        Number of times the loss collapsed and the fit returned to a checkpoint.
    residual_whiteness : float or None
        Whiteness of the observation minus the operator's prediction; None if the observation
        is no picture.
    findings : mapping of str to float
        Diagnostics of the operator and of the residual guard.
    weights_sha256 : str or None
        Checksum of the file of initial weights; None if they were random.
    stopping_agreement : float or None
        Agreement of the estimates that two rules select, 0 to 1; None with one rule.
    posterior_std : (C, [Z,] Y, X) float32 array or None
        Standard deviation of the posterior samples, in network units; None without samples.
    posterior_scale : float or None
        Factor in `posterior_std` that matches it to the errors at held-out pixels.
    continued : int
        Number of the iterations that an earlier, resumed fit had made.
    warm : bool
        Whether the fit started from the weights of a neighbour's fit.
    learned : bool
        Whether the fit started from the weights that come with the package.
    checkpoint : FitCheckpoint or None
        State at the end, if it was asked for.
    """

    estimate: NDArray[np.float32]
    iterations: int
    selected_iteration: int
    stop_reason: StopReason
    seconds: float
    seconds_per_iteration: float
    parameters: int
    rollbacks: int
    residual_whiteness: float | None
    findings: Mapping[str, float] = field(default_factory=dict)
    weights_sha256: str | None = None
    stopping_agreement: float | None = None
    posterior_std: NDArray[np.float32] | None = None
    posterior_scale: float | None = None
    continued: int = 0
    warm: bool = False
    learned: bool = False
    checkpoint: FitCheckpoint | None = None

    def without_pixels(self) -> Fit:
        """Return a copy without arrays, for the report."""
        return replace(self, estimate=np.empty(0, np.float32), posterior_std=None, checkpoint=None)
