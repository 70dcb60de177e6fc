"""Completion of k-space by plug and play, with the learned weights of the package as denoiser."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from napari_dip.core.latents.augment import FLIPS
from napari_dip.core.latents.denoiser import LearnedDenoiser, falling_level

if TYPE_CHECKING:
    from napari_dip.core.operators.kspace import KSpace

# Number of steps, and first and last noise level relative to the standard deviation of the image.
_STEPS, _FIRST, _LAST = 24, 0.3, 0.02
# Factor of each change that the denoiser proposes; a larger one needs fewer steps.
_RELAXATION = 1.5
# Lowest noise level relative to that of the recorded frequencies, if they are noisy.
_FLOOR = 0.85


class KSpaceCompletion:
    """Iteration of a learned denoiser and the recorded frequencies.

    The aliasing of undersampled k-space is treated as noise whose level decreases. At each step
    the network removes noise of the present level; the recorded frequencies then replace those
    of the result.

    Parameters
    ----------
    device : torch.device
        Device of the images.

    Attributes
    ----------
    sha256 : str
        SHA-256 of the file of the weights of the denoiser.

    References
    ----------
    K. Zhang et al., "Plug-and-play image restoration with deep denoiser prior", IEEE TPAMI 44
    (2022): half-quadratic splitting with decreasing noise levels.

    Examples
    --------
    >>> from napari_dip.core.operators.kspace import KSpace
    >>> complete = KSpaceCompletion(torch.device("cpu"))
    >>> fourier = KSpace(torch.ones(16, 16, dtype=torch.bool), paired=False)
    >>> image = torch.eye(16)[None, None]
    >>> result = complete(fourier, fourier(image), torch.ones_like(image), image)
    >>> torch.allclose(result, image, atol=1e-4)
    True
    """

    def __init__(self, device: torch.device) -> None:
        # Real and imaginary parts are denoised one by one.
        self._denoise = LearnedDenoiser(1, volumes=False, device=device)
        self.sha256 = self._denoise.sha256

    @torch.no_grad()
    def __call__(
        self,
        fourier: KSpace,
        spectrum: Tensor,
        known: Tensor,
        image: Tensor,
        noise: float = 0.0,
        ended: Callable[[], bool] = lambda: False,
    ) -> Tensor:
        """Return an image (1, C, [Z,] Y, X) that matches the known frequencies up to noise.

        Parameters
        ----------
        fourier : KSpace
            Fourier operator.
        spectrum : (1, C, [Z,] Y, X) Tensor
            Recorded frequencies.
        known : (1, C, [Z,] Y, X) Tensor
            Mask: 1 at frequencies that must match, 0 elsewhere.
        image : (1, C, [Z,] Y, X) Tensor
            First image, such as that of least total variation.
        noise : float
            Standard deviation of the noise of the recorded frequencies, in units of the image.
            Default 0.0.
        ended : callable
            Function that returns True to stop early; the present image is then returned.
        """
        deviation = _deviation(image)
        for step in range(_STEPS):
            if ended():
                break
            level = max(falling_level(deviation, _FIRST, _LAST, step, _STEPS), _FLOOR * noise)
            change = self._denoise(image, level, FLIPS[step % len(FLIPS)]) - image
            image = image + _RELAXATION * change
            # The share of each recorded value that the noise leaves certain.
            share = level**2 / (level**2 + noise**2) if level else 1.0
            image = image + share * fourier.zero_filled(spectrum - fourier(image), known)
        return image


def _deviation(image: Tensor) -> float:
    """Return the standard deviation of an image inside its planes."""
    return float((image - image.mean((-2, -1), keepdim=True)).square().mean().sqrt())
