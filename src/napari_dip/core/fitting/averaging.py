"""Moving average of the estimate over iterations."""

from __future__ import annotations

import torch
from torch import Tensor

# The average covers about 1/8 of the iterations at first.
_SHARE = 8


class MovingAverage:
    """Exponential moving average that covers more iterations as their number grows.

    It covers about the last eighth of the iterations, up to 1 / (1 - decay) of them. So the
    first, shapeless estimates are soon forgotten, and the average follows closely while the
    estimate still improves fast.

    Parameters
    ----------
    decay : float
        Largest weight of the earlier average, 0 to 1.

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

    @property
    def is_empty(self) -> bool:
        """Whether there is no average yet."""
        return self._count == 0

    def update(self, estimate: Tensor) -> None:
        """Add the estimate of one iteration, (1, C, [Z,] Y, X)."""
        if self.is_empty:
            self.value, self._count = estimate.clone(), 1
            return
        self._count += 1
        decay = min(self._decay, 1 - _SHARE / (self._count + _SHARE))
        torch.lerp(self.value, estimate, 1 - decay, out=self.value)
