"""The latent z: what the network is fed at each iteration.

The registry `LATENTS` maps a name to a builder of a fixed latent; the
observation with pixels hidden is another at each iteration. A latent also says
which pixels count: all that are fitted, or only those it hid.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from napari_dip.core.latents.augment import View
from napari_dip.core.latents.base import Draw, Latent, Mirror, standardised_guide
from napari_dip.core.latents.checkerboard import without_grid
from napari_dip.core.latents.masked_kspace import FrequencyLatent
from napari_dip.core.latents.masked_pixels import ObservationLatent
from napari_dip.core.networks.layers import channels_last, pixel_unshuffle
from napari_dip.core.operators.kspace import KSpace
from napari_dip.errors import InputError

if TYPE_CHECKING:
    from napari_dip.config import FitConfig, LatentName
    from napari_dip.core.networks.build import PriorNetwork
    from napari_dip.core.problem import Problem

# Published width of the uniform noise.
_AMPLITUDE = 0.1
_OCTAVES = 8


class FixedLatent(Latent):
    """A fixed picture, perturbed anew at each iteration, as published; every fitted pixel counts.

    Parameters
    ----------
    clean : (1, C, [Z,] Y, X) Tensor
        z over the network's canvas.
    noise : float
        Standard deviation of the perturbation.
    fitted : (1, C, [Z,] Y, X) Tensor
        1 where a pixel is fitted.
    random : torch.Generator
        On the device of the fit.
    optimised : bool
        z is a parameter too (`net,input` in the published code).
    shuffled : bool
        The network emits several pixels at once, whose grid is subtracted at the end.

    References
    ----------
    Ulyanov, Vedaldi, Lempitsky: Deep Image Prior, IJCV 2020, Sec. 3.1.
    """

    def __init__(
        self,
        clean: Tensor,
        noise: float,
        fitted: Tensor,
        random: torch.Generator,
        *,
        optimised: bool = False,
        shuffled: bool = False,
    ) -> None:
        self._shuffled = shuffled
        self._clean = channels_last(clean).requires_grad_(optimised)
        self._perturbed = torch.empty_like(self._clean)
        self._noise = noise
        self._fitted = fitted
        self._random = random

    def draw(self) -> Draw:
        """Return z + N(0, noise)."""
        self._perturbed.normal_(0.0, self._noise, generator=self._random)
        if self._clean.requires_grad:
            return Draw(self._perturbed + self._clean, self._fitted, View())
        return Draw(self._perturbed.add_(self._clean), self._fitted, View())

    def finish(self, estimate: Tensor) -> Tensor:
        """Subtract the grid of the pixel shuffle: no shift has averaged it out."""
        return without_grid(estimate) if self._shuffled else estimate

    def parameters(self) -> list[Tensor]:
        return [self._clean] if self._clean.requires_grad else []


def _noise(
    problem: Problem, network: PriorNetwork, settings: FitConfig, random: torch.Generator
) -> Tensor:
    """Uniform noise U(0, 0.1), as published; low-passed on demand (Liu et al. 2024)."""
    shape = (1, settings.latent_channels, *network.grid(problem.shape))
    noise = torch.rand(shape, generator=random, device=random.device) * _AMPLITUDE
    return _smoothed(noise, settings.latent_blur) if settings.latent_blur else noise


def _smoothed(noise: Tensor, sigma: float) -> Tensor:
    """Return noise without fine details, its mean and deviation as they were."""
    size, axes = noise.shape[2:], tuple(range(2, noise.ndim))
    spectrum = torch.fft.rfftn(noise, dim=axes)
    for axis, n in zip(axes, size, strict=True):
        frequencies = torch.fft.rfftfreq if axis == axes[-1] else torch.fft.fftfreq
        squared = frequencies(n, device=noise.device) ** 2
        passed = torch.exp(-2 * torch.pi**2 * sigma**2 * squared)
        spectrum = spectrum * passed.reshape(-1, *(1,) * (axes[-1] - axis))
    smooth: Tensor = torch.fft.irfftn(spectrum, size, dim=axes)
    mean = noise.mean()
    before, after = noise.std(correction=0), smooth.std(correction=0)
    return mean + (smooth - smooth.mean()) * (before / after.clamp(min=1e-12))


def _meshgrid(
    problem: Problem, network: PriorNetwork, settings: FitConfig, random: torch.Generator
) -> Tensor:
    """All coordinates from 0 to 1: the smoothest of all, for large holes (Sec. 3.3)."""
    axes = [torch.linspace(0, 1, n, device=random.device) for n in network.grid(problem.shape)]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"))[None]  # (1, dims, [Z,] Y, X)


def _fourier(
    problem: Problem, network: PriorNetwork, settings: FitConfig, random: torch.Generator
) -> Tensor:
    """Sine and cosine of all coordinates at frequencies 1, 2, 4, ... (Tancik et al. 2020)."""
    coordinates = 2 * torch.pi * _meshgrid(problem, network, settings, random)
    octaves = [2.0**octave for octave in range(_OCTAVES)]
    waves = [f(octave * coordinates) for octave in octaves for f in (torch.sin, torch.cos)]
    return _AMPLITUDE * torch.cat(waves, dim=1)  # (1, dims * 2 * octaves, [Z,] Y, X)


def _pictured(
    problem: Problem, network: PriorNetwork, settings: FitConfig, random: torch.Generator
) -> Tensor:
    """The guide itself, as in flash and no-flash pairs (Sec. 3.5)."""
    guide = standardised_guide(problem)
    assert guide is not None  # latent_channels() has asked
    canvas = Mirror(problem.shape, network.canvas(problem.shape), random.device)(guide)
    return pixel_unshuffle(canvas, network.pixel_shuffle)


LATENTS: dict[
    LatentName,
    Callable[[Problem, PriorNetwork, FitConfig, torch.Generator], Tensor],
] = {"noise": _noise, "meshgrid": _meshgrid, "fourier": _fourier, "guide": _pictured}


def build_latent(
    problem: Problem,
    network: PriorNetwork,
    settings: FitConfig,
    fitted: Tensor,
    random: torch.Generator,
    ended: Callable[[], bool] = lambda: False,
) -> Latent:
    """Return the latent of a configuration; the parameters are those of the latents.

    Once `ended` says that somebody asked to stop, or that the time is up, it makes do
    with what it has.
    """
    if settings.latent == "observation":
        kind = FrequencyLatent if isinstance(problem.operator, KSpace) else ObservationLatent
        return kind(problem, network, settings, fitted, random, ended)
    clean = LATENTS[settings.latent](problem, network, settings, random)
    return FixedLatent(
        clean,
        settings.latent_noise,
        fitted,
        random,
        optimised=settings.optimise_latent,
        shuffled=network.pixel_shuffle > 1,
    )


def latent_channels(settings: FitConfig, problem: Problem) -> int:
    """Return how many channels the network is fed."""
    guides = 0 if problem.guide is None else problem.guide.shape[1]
    if settings.latent == "guide" and not guides:
        raise InputError(
            "Got no guide image; expected one, which the latent is made of. Choose the guided "
            "task, or another latent."
        )
    if settings.latent == "observation" and not problem.is_picture:
        raise InputError(
            "Got the observation as latent, which is no picture here but features; expected "
            "another latent, such as noise."
        )
    dims = len(problem.shape)
    seen = problem.channels + guides
    if isinstance(problem.operator, KSpace):
        seen = 2 * problem.channels  # a picture, and what it adds to the zero-filled one
    pictures = {"guide": guides, "observation": seen}
    if settings.latent in pictures:
        return pictures[settings.latent] * settings.network.pixel_shuffle**2
    waves = {"meshgrid": dims, "fourier": 2 * dims * _OCTAVES}
    return waves.get(settings.latent, settings.latent_channels)
