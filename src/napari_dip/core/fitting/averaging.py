"""Moving average of the estimate over iterations."""

from __future__ import annotations

import torch
from torch import Tensor

# The average is over about this part of the iterations, at first.
_SHARE = 8


class MovingAverage:
    """Exponential moving average whose memory grows with the number of estimates.

    It reaches over about the last eighth of the iterations, until that is
    1/(1 - decay) of them: what the first, shapeless estimates were is soon forgotten,
    and while the estimate still gets better fast, the average is not far behind.

    Attributes
    ----------
    value : (1, C, [Z,] Y, X) Tensor
        The average; empty before the first update.

    References
    ----------
    Ulyanov, Vedaldi, Lempitsky: Deep Image Prior, IJCV 2020, Sec. 3.1.
    """

    def __init__(self, decay: float) -> None:
        self.value = torch.empty(0)
        self._decay = decay
        self._count = 0

    def update(self, estimate: Tensor) -> None:
        """Take in the estimate of one iteration, (1, C, [Z,] Y, X)."""
        self._count += 1
        if self._count == 1:
            self.value = estimate.clone()
            return
        decay = min(self._decay, 1 - _SHARE / (self._count + _SHARE))
        torch.lerp(self.value, estimate, 1 - decay, out=self.value)
