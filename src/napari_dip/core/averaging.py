"""Averages of the estimate over iterations, and its spread."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class MovingAverage:
    """Exponential moving average whose memory grows with the number of estimates.

    The decay is at most 1 - 2/(k + 2) at iteration k, so the first, shapeless
    estimates are forgotten long before 1/(1 - decay) iterations have passed.

    Attributes
    ----------
    value : (1, C, [Z,] Y, X) Tensor
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
        """Take in the estimate of one iteration, (1, C, [Z,] Y, X)."""
        self._count += 1
        if self._count == 1:
            self.value = estimate.clone()
            return
        decay = min(self._decay, 1 - 2 / (self._count + 2))
        torch.lerp(self.value, estimate, 1 - decay, out=self.value)


class Posterior:
    """Mean and standard deviation of estimates that explain the observation about as well.

    After the fit has ended, noise on the weights keeps the network from settling:
    stochastic gradient Langevin dynamics, whose estimates are samples.

    Parameters
    ----------
    samples : int
        How many there will be.
    noise : float
        Standard deviation of what is added to each weight of a convolution before a sample.

    Attributes
    ----------
    mean : (1, C, [Z,] Y, X) Tensor
        Of the samples so far; valid after the first update.

    References
    ----------
    Z. Cheng et al., "A Bayesian perspective on the deep image prior", CVPR 2019.
    """

    mean: Tensor

    def __init__(self, samples: int, noise: float) -> None:
        self._samples = samples
        self._noise = noise
        self._count = 0

    @property
    def complete(self) -> bool:
        return self._count >= self._samples

    @torch.no_grad()
    def shake(self, network: nn.Module, random: torch.Generator) -> None:
        """Add noise to the weights of the convolutions."""
        for weight in network.parameters():
            if weight.ndim > 1:
                noise = torch.randn(weight.shape, generator=random, device=random.device)
                weight.add_(self._noise * noise)

    def update(self, estimate: Tensor) -> None:
        """Take in a sample, (1, C, [Z,] Y, X)."""
        self._count += 1
        if self._count == 1:
            self.mean, self._squares = estimate.clone(), torch.zeros_like(estimate)
            return
        # Welford's recurrence: no cancellation, however small the spread.
        deviation = estimate - self.mean
        self.mean += deviation / self._count
        self._squares += deviation * (estimate - self.mean)

    @property
    def variance(self) -> Tensor:
        """Of the samples so far, two or more, (1, C, [Z,] Y, X)."""
        return self._squares / (self._count - 1)
