"""Averages of the estimate over iterations."""

from __future__ import annotations

import torch
from torch import Tensor


class MovingAverage:
    """Exponential moving average whose memory grows with the number of estimates.

    The decay is at most 1 - 2/(k + 2) at iteration k, so the first, shapeless
    estimates are forgotten long before 1/(1 - decay) iterations have passed.

    Attributes
    ----------
    value : (1, C, Y, X) Tensor
        The average; valid after the first update.

    References
    ----------
    Ulyanov, Vedaldi, Lempitsky: Deep Image Prior, IJCV 2020, Sec. 3.1.
    """

    value: Tensor

    def __init__(self, decay: float) -> None:
        self._decay = decay
        self._count = 0

    def update(self, estimate: Tensor) -> None:
        """Take in the estimate of one iteration, (1, C, Y, X)."""
        self._count += 1
        if self._count == 1:
            self.value = estimate.clone()
            return
        decay = min(self._decay, 1 - 2 / (self._count + 2))
        torch.lerp(self.value, estimate, 1 - decay, out=self.value)
