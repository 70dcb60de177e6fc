"""RunningStats: mean and variance of tensors that arrive one by one."""

from __future__ import annotations

import torch
from torch import Tensor


class RunningStats:
    """Mean and variance of samples that arrive one by one.

    Attributes
    ----------
    count : int
        Number of samples.
    mean : Tensor
        Mean of the samples so far; valid after the first update.
    """

    mean: Tensor

    def __init__(self) -> None:
        self.count = 0

    def update(self, sample: Tensor) -> None:
        """Add a sample."""
        self.count += 1
        if self.count == 1:
            self.mean, self._squares = sample.clone(), torch.zeros_like(sample)
            return
        # Welford's recurrence avoids cancellation if the spread is small.
        deviation = sample - self.mean
        self.mean += deviation / self.count
        self._squares += deviation * (sample - self.mean)

    def forget(self, sample: Tensor) -> None:
        """Remove a sample; at least one other must be left."""
        self.count -= 1
        deviation = sample - self.mean
        self.mean -= deviation / self.count
        self._squares -= deviation * (sample - self.mean)

    @property
    def variance(self) -> Tensor:
        """Variance of the samples so far; there must be two or more."""
        return self._squares / (self.count - 1)
