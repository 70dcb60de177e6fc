"""The latent z: what the network is fed, and its perturbation."""

from __future__ import annotations

import torch

# Published width of the uniform noise.
_AMPLITUDE = 0.1


class Latent:
    """Fixed uniform noise U(0, 0.1), perturbed anew at each iteration.

    Parameters
    ----------
    shape : tuple of int
        (1, C, Y, X).
    noise : float
        Standard deviation of the perturbation.
    generator : torch.Generator
        Source of all randomness, on the device of the latent.

    References
    ----------
    Ulyanov, Vedaldi, Lempitsky: Deep Image Prior, IJCV 2020, Sec. 3.1.
    """

    def __init__(self, shape: tuple[int, ...], noise: float, generator: torch.Generator) -> None:
        self._generator = generator
        self._noise = noise
        uniform = torch.rand(shape, generator=generator, device=generator.device)
        self.clean = (uniform * _AMPLITUDE).contiguous(memory_format=torch.channels_last)
        self._perturbed = torch.empty_like(self.clean)

    def perturbed(self) -> torch.Tensor:
        """Return z + N(0, noise), (1, C, Y, X); the tensor is reused by the next call."""
        if self._noise == 0:
            return self.clean
        self._perturbed.normal_(0.0, self._noise, generator=self._generator)
        return self._perturbed.add_(self.clean)
