"""RunningStats: mean and variance of tensors that come one by one."""

from __future__ import annotations

import torch
from torch import Tensor


class RunningStats:
    """Mean and variance of samples, one taken in after the other.

    Attributes
    ----------
    count : int
        How many there were.
    mean : Tensor
        Of the samples so far; valid after the first update.
    """

    mean: Tensor

    def __init__(self) -> None:
        self.count = 0

    def update(self, sample: Tensor) -> None:
        """Take in a sample."""
        self.count += 1
        if self.count == 1:
            self.mean, self._squares = sample.clone(), torch.zeros_like(sample)
            return
        # Welford's recurrence: no cancellation, however small the spread.
        deviation = sample - self.mean
        self.mean += deviation / self.count
        self._squares += deviation * (sample - self.mean)

    def forget(self, sample: Tensor) -> None:
        """Undo that a sample was taken in; another has to be left."""
        self.count -= 1
        deviation = sample - self.mean
        self.mean -= deviation / self.count
        self._squares -= deviation * (sample - self.mean)

    @property
    def variance(self) -> Tensor:
        """Of the samples so far, two or more."""
        return self._squares / (self.count - 1)
