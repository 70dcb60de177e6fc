"""Average of the estimate over iterations."""

from __future__ import annotations

import torch
from torch import Tensor

# The average covers about 1/8 of the iterations at first.
_SHARE = 8


class MovingAverage:
    """Exponential moving average that covers more iterations as their number grows.

    It covers about the last eighth of the iterations, up to 1 / (1 - decay) of them. So the
    first, shapeless estimates are soon forgotten, and the average follows closely while the
    estimate still improves fast. Where the first estimate is good already, as with a learned
    start, all estimates can count alike: their errors differ in part.

    Parameters
    ----------
    decay : float
        Largest weight of the earlier average, 0 to 1.
    equally : bool, optional
        Let all estimates count alike, and keep the first. False by default.

    Attributes
    ----------
    value : (1, C, [Z,] Y, X) Tensor
        The average; empty before the first update.
    first : (1, C, [Z,] Y, X) Tensor or None
        The first estimate, if it is kept.

    References
    ----------
    Ulyanov, Vedaldi, Lempitsky: Deep Image Prior, IJCV 2020, Sec. 3.1.
    """

    def __init__(self, decay: float, *, equally: bool = False) -> None:
        self.value = torch.empty(0)
        self.first: Tensor | None = None
        self._decay, self._equally = decay, equally
        self._count = 0

    @property
    def is_empty(self) -> bool:
        """Whether there is no average yet."""
        return self._count == 0

    def update(self, estimate: Tensor) -> None:
        """Add the estimate of one iteration, (1, C, [Z,] Y, X)."""
        if self.is_empty:
            self.value, self._count = estimate.clone(), 1
            self.first = estimate if self._equally else None
            return
        self._count += 1
        decay = min(self._decay, 1 - _SHARE / (self._count + _SHARE))
        weight = 1 / self._count if self._equally else 1 - decay
        torch.lerp(self.value, estimate, weight, out=self.value)
