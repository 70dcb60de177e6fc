"""Latents by name: the registry `LATENTS` of fixed latents, and masked observations.

A fixed latent stays the same except for noise; a masked observation hides other pixels at each
iteration. A latent also determines which pixels count in the loss: all fitted pixels, or only
the hidden ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from napari_dip.core.latents.augment import View
from napari_dip.core.latents.base import Draw, Latent, Mirror, standardised_guide
from napari_dip.core.latents.checkerboard import without_grid
from napari_dip.core.latents.level_input import input_channels
from napari_dip.core.latents.masked_kspace import FrequencyLatent
from napari_dip.core.latents.masked_pixels import ObservationLatent
from napari_dip.core.latents.recorrupted.latent import RecorruptedLatent
from napari_dip.core.latents.sharpened import SharpenedLatent
from napari_dip.core.networks.layers import channels_last, pixel_unshuffle
from napari_dip.core.noise.thinning import can_thin
from napari_dip.core.operators.base import Identity
from napari_dip.core.operators.blur import Convolution
from napari_dip.core.operators.kspace import KSpace
from napari_dip.errors import InputError

if TYPE_CHECKING:
    from napari_dip.config import FitConfig, LatentName
    from napari_dip.core.networks.build import PriorNetwork
    from napari_dip.core.problem import Problem

# Published amplitude of the uniform noise, and number of frequencies of the Fourier features.
_AMPLITUDE = 0.1
_OCTAVES = 8


class FixedLatent(Latent):
    """Fixed latent with new noise at each iteration, as published; all fitted pixels count.

    Parameters
    ----------
    clean : (1, C, [Z,] Y, X) Tensor
        Latent z on the canvas of the network.
    noise : float
        Standard deviation of the noise that is added at each iteration.
    fitted : (1, C, [Z,] Y, X) Tensor
        Mask: 1 at fitted pixels.
    random : torch.Generator
        Random generator on the device of the fit.
    optimised : bool
        Whether z is fitted, too (`net,input` in the published code). Default False.
    shuffled : bool
        Whether the network uses a pixel shuffle, whose grid is subtracted at the end.
        Default False.

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
        """Subtract the grid of the pixel shuffle, which shifts of the canvas do not average out."""
        return without_grid(estimate) if self._shuffled else estimate

    def parameters(self) -> list[Tensor]:
        return [self._clean] if self._clean.requires_grad else []


def _noise(
    problem: Problem, network: PriorNetwork, settings: FitConfig, random: torch.Generator
) -> Tensor:
    """Return uniform noise U(0, 0.1), as published; blurred by `latent_blur` (Liu et al. 2024)."""
    shape = (1, settings.latent_channels, *network.grid(problem.shape))
    noise = torch.rand(shape, generator=random, device=random.device) * _AMPLITUDE
    return _smoothed(noise, settings.latent_blur) if settings.latent_blur else noise


def _smoothed(noise: Tensor, sigma: float) -> Tensor:
    """Return noise blurred by a Gaussian of width `sigma`, with its mean and deviation kept."""
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
    """Return the coordinates from 0 to 1, the smoothest latent, for large holes (Sec. 3.3)."""
    axes = [torch.linspace(0, 1, n, device=random.device) for n in network.grid(problem.shape)]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"))[None]  # (1, dims, [Z,] Y, X)


def _fourier(
    problem: Problem, network: PriorNetwork, settings: FitConfig, random: torch.Generator
) -> Tensor:
    """Return sines and cosines of the coordinates at frequencies 1, 2, 4 ... (Tancik 2020)."""
    coordinates = 2 * torch.pi * _meshgrid(problem, network, settings, random)
    octaves = [2.0**octave for octave in range(_OCTAVES)]
    waves = [f(octave * coordinates) for octave in octaves for f in (torch.sin, torch.cos)]
    return _AMPLITUDE * torch.cat(waves, dim=1)  # (1, dims * 2 * octaves, [Z,] Y, X)


def _guide(
    problem: Problem, network: PriorNetwork, settings: FitConfig, random: torch.Generator
) -> Tensor:
    """Return the guide image, as for flash and no-flash pairs (Sec. 3.5)."""
    guide = standardised_guide(problem)
    assert guide is not None  # latent_channels() raises InputError
    canvas = Mirror(problem.shape, network.canvas(problem.shape), random.device)(guide)
    return pixel_unshuffle(canvas, network.pixel_shuffle)


LATENTS: dict[
    LatentName,
    Callable[[Problem, PriorNetwork, FitConfig, torch.Generator], Tensor],
] = {"noise": _noise, "meshgrid": _meshgrid, "fourier": _fourier, "guide": _guide}


def build_latent(
    problem: Problem,
    network: PriorNetwork,
    settings: FitConfig,
    fitted: Tensor,
    random: torch.Generator,
    ended: Callable[[], bool] = lambda: False,
    photons: tuple[Problem, Problem] | None = None,
) -> Latent:
    """Return the latent of a configuration.

    Parameters
    ----------
    problem : Problem
        Problem of the block.
    network : PriorNetwork
        Network, which determines the canvas.
    settings : FitConfig
        Settings of the latent.
    fitted : (1, C, [Z,] Y, X) Tensor
        Mask: 1 at pixels that may be fitted and shown.
    random : torch.Generator
        Random generator on the device of the fit.
    ended : callable
        Function that returns True once the fit must end; slow preparations then stop early.
    photons : (Problem, Problem), optional
        Problems of the fitted and of the held-out photons, for sharpened photons.
    """
    if photons is not None:
        return SharpenedLatent(problem, *photons, network, settings, random, ended)
    if settings.latent in ("observation", "sharpened"):
        kind = FrequencyLatent if isinstance(problem.operator, KSpace) else ObservationLatent
        return kind(problem, network, settings, fitted, random, ended)
    if settings.latent == "recorrupted":
        return RecorruptedLatent(problem, network, settings, fitted, random)
    clean = LATENTS[settings.latent](problem, network, settings, random)
    return FixedLatent(
        clean,
        settings.latent_noise,
        fitted,
        random,
        optimised=settings.optimise_latent,
        shuffled=network.pixel_shuffle > 1,
    )


def sharpens(settings: FitConfig, problem: Problem) -> bool:
    """Return whether the latent is the deconvolution of part of the photons.

    That needs a fixed PSF and noise that is independent from pixel to pixel; otherwise pixels
    are hidden instead of photons.
    """
    return (
        settings.latent == "sharpened"
        and isinstance(problem.operator, Convolution)
        and not problem.operator.parameters()
        and can_thin(problem.noise)
    )


def latent_channels(settings: FitConfig, problem: Problem) -> int:
    """Return the number of channels of the latent.

    Raises
    ------
    InputError
        The latent needs a guide, an observation with pixels, or planes to denoise.
    """
    guides = 0 if problem.guide is None else problem.guide.shape[1]
    if settings.latent == "guide" and not guides:
        raise InputError(
            "Got no guide image; expected one for the latent guide. Choose the guided task, or "
            "another latent."
        )
    of_pixels = ("observation", "recorrupted", "sharpened")
    if settings.latent in of_pixels and not problem.is_picture:
        raise InputError(
            "Got the observation as latent, but the observation consists of features, not pixels; "
            "expected another latent, such as noise."
        )
    dims = len(problem.shape)
    if settings.latent == "recorrupted" and not (
        dims == 2 and isinstance(problem.operator, Identity)
    ):
        raise InputError(
            "Got a recorrupted latent, which is for denoising planes; expected another latent for "
            "volumes and other tasks. Set latent to observation, or leave the fit settings to the "
            "preset."
        )
    masked = problem.channels + guides
    if isinstance(problem.operator, KSpace):
        masked = 2 * problem.channels  # image and its difference from the zero-filled image
    if settings.latent == "recorrupted":
        shown = problem.channels + problem.neighbour_count
        return input_channels(shown, settings.network.pixel_shuffle)
    if sharpens(settings, problem):
        masked = 2 * problem.channels  # sharpened image and its difference from the observation
    pictures = {"guide": guides, "observation": masked, "sharpened": masked}
    if settings.latent in pictures:
        return pictures[settings.latent] * settings.network.pixel_shuffle**2
    waves = {"meshgrid": dims, "fourier": 2 * dims * _OCTAVES}
    return waves.get(settings.latent, settings.latent_channels)
