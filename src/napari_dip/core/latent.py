"""The latent z: what the network is fed at each iteration.

The registry `LATENTS` maps a name to a builder. A latent also says which
pixels count at an iteration: all that are fitted, or only those it hid.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle
from typing import TYPE_CHECKING, NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from napari_dip.config import FitConfig, LatentName
    from napari_dip.core.networks import PriorNetwork
    from napari_dip.core.problem import Problem

# Published width of the uniform noise.
_AMPLITUDE = 0.1
_FLIPS: tuple[tuple[int, ...], ...] = ((), (-1,), (-2,), (-2, -1))
# Eight neighbours of a hidden pixel, the nearer ones heavier.
_NEIGHBOURS = ((0.5, 1.0, 0.5), (1.0, 0.0, 1.0), (0.5, 1.0, 0.5))


class View(NamedTuple):
    """A canvas (1, C, Y, X) seen shifted and mirrored.

    Attributes
    ----------
    shifts : (int, int)
        Along Y and X [pixels]; what leaves on one side comes in on the other.
    flips : tuple of int
        Mirrored dimensions.
    """

    shifts: tuple[int, int] = (0, 0)
    flips: tuple[int, ...] = ()

    def apply(self, canvas: Tensor) -> Tensor:
        return canvas.roll(self.shifts, (-2, -1)).flip(self.flips)

    def undo(self, canvas: Tensor) -> Tensor:
        back = (-self.shifts[0], -self.shifts[1])
        return canvas.flip(self.flips).roll(back, (-2, -1))


class Draw(NamedTuple):
    """One iteration's input.

    Attributes
    ----------
    latent : (1, C, Y, X) Tensor
        z over the network's canvas; may be overwritten by the next draw.
    weights : (1, C, Y, X) Tensor
        Of each observed pixel in the loss of this iteration.
    view : View
        How the network sees the canvas at this iteration.
    """

    latent: Tensor
    weights: Tensor
    view: View


class Latent(Protocol):
    """Source of the network's input."""

    def draw(self) -> Draw:
        """Return the input of the next iteration."""


class NoiseLatent:
    """Fixed uniform noise U(0, 0.1), perturbed anew at each iteration, as published.

    Parameters
    ----------
    problem, network, settings
        The canvas and the perturbation follow from them.
    fitted : (1, C, Y, X) Tensor
        1 where a pixel is fitted.
    random : torch.Generator
        On the device of the fit.

    References
    ----------
    Ulyanov, Vedaldi, Lempitsky: Deep Image Prior, IJCV 2020, Sec. 3.1.
    """

    def __init__(
        self,
        problem: Problem,
        network: PriorNetwork,
        settings: FitConfig,
        fitted: Tensor,
        random: torch.Generator,
    ) -> None:
        height, width = (n // network.pixel_shuffle for n in network.canvas(problem.shape))
        shape = (1, settings.latent_channels, height, width)
        uniform = torch.rand(shape, generator=random, device=random.device)
        self._clean = (uniform * _AMPLITUDE).contiguous(memory_format=torch.channels_last)
        self._perturbed = torch.empty_like(self._clean)
        self._noise = settings.latent_noise
        self._fitted = fitted
        self._random = random

    def draw(self) -> Draw:
        """Return z + N(0, noise); every fitted pixel counts."""
        self._perturbed.normal_(0.0, self._noise, generator=self._random)
        return Draw(self._perturbed.add_(self._clean), self._fitted, View())


class ObservationLatent:
    """The observation, with other pixels hidden at each iteration; the hidden ones are fitted.

    It is also mirrored, one of four ways in turn: the network sees four
    pictures instead of one, and the moving average is over all of them. With
    pixel shuffle it is shifted as well, so that every pixel is emitted by
    every output of the head, and no grid remains in the average.

    A hidden pixel is replaced by the mean of its visible neighbours. Noise
    that is independent from pixel to pixel cannot be predicted from around
    it, so what the network learns to put there is the signal. Held-out and
    missing pixels are always hidden and never fitted.

    Parameters
    ----------
    problem, network, settings
        Observation, canvas and the fraction to hide follow from them.
    fitted : (1, C, Y, X) Tensor
        1 where a pixel may be fitted and seen.
    random : torch.Generator
        On the device of the fit.

    References
    ----------
    J. Batson, L. Royer, "Noise2Self: blind denoising by self-supervision",
    ICML 2019.
    Y. Quan et al., "Self2Self with dropout", CVPR 2020.
    """

    def __init__(
        self,
        problem: Problem,
        network: PriorNetwork,
        settings: FitConfig,
        fitted: Tensor,
        random: torch.Generator,
    ) -> None:
        self._visible = fitted
        self._hide = settings.hidden_fraction
        steps = range(network.pixel_shuffle)
        self._views = cycle([View((y, x), flips) for y in steps for x in steps for flips in _FLIPS])
        self._random = random
        self._shuffle = network.pixel_shuffle
        observed = problem.observation
        # Standardised, so that a hidden pixel without visible neighbours is 0, the mean.
        count = fitted.sum()
        mean = (observed * fitted).sum() / count
        deviation = (((observed - mean) ** 2 * fitted).sum() / count).sqrt()
        self._observation = (observed - mean) / deviation.clamp(min=1e-12)
        self._kernel = torch.tensor(_NEIGHBOURS, device=observed.device)[None, None]
        self._rows, self._columns = (
            _mirrored(size, canvas, observed.device)
            for size, canvas in zip(problem.shape, network.canvas(problem.shape), strict=True)
        )

    def draw(self) -> Draw:
        """Hide a fresh choice of pixels; only those count."""
        shape = (1, 1, *self._observation.shape[-2:])
        drawn = torch.rand(shape, generator=self._random, device=self._random.device)
        # All channels of a pixel together: their noise may be correlated.
        visible = self._visible * (drawn >= self._hide)
        filled = torch.where(visible > 0, self._observation, self._neighbours(visible))
        canvas = filled[..., self._rows, :][..., self._columns]
        view = next(self._views)
        latent = functional.pixel_unshuffle(view.apply(canvas), self._shuffle)
        latent = latent.contiguous(memory_format=torch.channels_last)
        return Draw(latent, self._visible - visible, view)

    def _neighbours(self, visible: Tensor) -> Tensor:
        """Return the weighted mean of the visible neighbours of each pixel, (1, C, Y, X)."""
        channels = visible.shape[1]
        kernel = self._kernel.expand(channels, 1, 3, 3)
        total = functional.conv2d(self._observation * visible, kernel, padding=1, groups=channels)
        weight = functional.conv2d(visible, kernel, padding=1, groups=channels)
        return total / weight.clamp(min=0.5)  # the least weight of one neighbour


def _mirrored(size: int, canvas: int, device: torch.device) -> Tensor:
    """Return indices that continue 0..size-1 to the canvas by reflection, however small."""
    period = torch.arange(canvas, device=device) % (2 * size)
    return torch.minimum(period, 2 * size - 1 - period)


LATENTS: dict[
    LatentName,
    Callable[[Problem, PriorNetwork, FitConfig, Tensor, torch.Generator], Latent],
] = {"noise": NoiseLatent, "observation": ObservationLatent}


def latent_channels(settings: FitConfig, observed_channels: int) -> int:
    """Return how many channels the network is fed."""
    if settings.latent == "noise":
        return settings.latent_channels
    return observed_channels * settings.network.pixel_shuffle**2
