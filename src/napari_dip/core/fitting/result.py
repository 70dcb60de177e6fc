"""Snapshot and Fit: what `fit` yields on the way, and what it returns."""

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
    """The state of a fit; holds copies, never live tensors.

    Attributes
    ----------
    iteration : int
        From 1.
    loss : float
        Mean nll of the fitted pixels, and what regularisers add.
    heldout_error : float or None
        Mean nll of the average at the held-out pixels.
    selected_iteration : int
        Iteration whose estimate would be returned now.
    estimate : (C, [Z,] Y, X) float32 array
        The moving average, in network units.
    stop_reason : StopReason or None
        Set in the last snapshot.
    """

    iteration: int
    loss: float
    heldout_error: float | None
    selected_iteration: int
    estimate: NDArray[np.float32]
    stop_reason: StopReason | None


@dataclass(frozen=True, slots=True)
class Fit:
    """The outcome of a fit.

    `estimate` is (C, [Z,] Y, X) float32 in network units; `residual_whiteness` is
    that of the observation minus what the operator makes of the estimate;
    `findings` are what was learnt about the operator; `weights_sha256` that of the
    file the network started from, if any; `stopping_agreement` tells how alike the
    estimates are that two rules would keep, from 0 to 1. `posterior_std` is shaped as
    the estimate, if it was sampled, and `posterior_scale` the factor in it that makes
    it fit the errors at held-out pixels. `continued` is how many of the iterations were
    an earlier fit's, which this one went on from; `warm` tells whether it began with
    what the fit of a neighbour had learnt. `ending` is kept on demand.
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
    checkpoint: FitCheckpoint | None = None

    def without_pixels(self) -> Fit:
        """Return what is to be reported alone."""
        return replace(self, estimate=np.empty(0, np.float32), posterior_std=None, checkpoint=None)
