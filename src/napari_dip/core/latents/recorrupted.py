"""Recorrupted latent: the observation with more noise, from which a denoiser learns."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from napari_dip.core.image.infill import mean_of_neighbours
from napari_dip.core.latents.augment import FLIPS, View
from napari_dip.core.latents.base import Draw, Latent, Mirror
from napari_dip.core.networks.layers import channels_last, pixel_unshuffle
from napari_dip.core.noise.stabilise import Stabiliser

if TYPE_CHECKING:
    from napari_dip.config import FitConfig
    from napari_dip.core.networks.build import PriorNetwork
    from napari_dip.core.problem import Problem

# Side of the squares whose mean intensity determines the noise at few photons [pixels].
_REGION = 5


class RecorruptedLatent(Latent):
    """Stabilised observation with noise added; the target has the same noise subtracted.

    For noise n of the same distribution as that of the observation y, the noise of y + a n and
    that of y - n / a are uncorrelated, so a network that predicts one from the other learns the
    signal, at every pixel. The network sees the noise level, and each iteration fits a window of
    the plane. The estimate comes from the observation itself, without more noise.

    Held-out and missing pixels are replaced by the mean of their neighbours and not fitted.

    Parameters
    ----------
    problem : Problem
        Problem of the block, with the observation and its noise.
    network : PriorNetwork
        Network, which determines the canvas.
    settings : FitConfig
        Settings with the strength a of the added noise and the side of the window.
    fitted : (1, C, Y, X) Tensor
        Mask: 1 at pixels that may be fitted and shown.
    random : torch.Generator
        Random generator on the device of the fit.

    Attributes
    ----------
    mean, deviation : () Tensor
        Mean and standard deviation of the stabilised observation.

    References
    ----------
    T. Pang et al., "Recorrupted-to-Recorrupted: unsupervised deep learning for image
    denoising", CVPR 2021.
    """

    def __init__(
        self,
        problem: Problem,
        network: PriorNetwork,
        settings: FitConfig,
        fitted: Tensor,
        random: torch.Generator,
    ) -> None:
        observed = problem.observation
        visible = fitted.amin(dim=1, keepdim=True)
        count = (visible.sum() * problem.channels).clamp(min=1.0)
        mask = visible.expand_as(observed)
        regional = _regional_means(observed, mask)
        stabiliser = Stabiliser(problem.noise, *_mean_and_spread(problem, regional, visible))
        stable = stabiliser(observed)
        self._stabiliser, self._visible = stabiliser, visible
        self.mean = (stable * visible).sum() / count
        spread = ((stable - self.mean).square() * visible).sum() / count
        self.deviation = spread.sqrt().clamp(min=1e-3)
        self._strength, self._side = settings.recorruption, settings.window
        self._shuffle, self._random = network.pixel_shuffle, random
        self._flips: Iterator[tuple[int, ...]] = cycle(FLIPS)
        on_canvas = Mirror(problem.shape, network.canvas(problem.shape), observed.device)
        self._seen = torch.lerp(mean_of_neighbours(stable, mask), stable, mask)
        bias, noise = stabiliser.moments(regional)
        # Picture that is seen, target without bias, noise and mask, on the canvas.
        parts = (self._seen, stable - bias, noise, visible)
        self._canvas = [on_canvas(part) for part in parts]
        self._spread = on_canvas

    def draw(self) -> Draw:
        """Return a window with more noise, and the same window with noise subtracted."""
        window, flips = self._window(), next(self._flips)
        seen, target, deviation, visible = (
            part[window].flip(flips) if flips else part[window] for part in self._canvas
        )
        noise = deviation * torch.randn(
            seen.shape, generator=self._random, device=self._random.device
        )
        start = seen + self._strength * noise * visible
        latent = self._input(start, visible, (1 + self._strength**2) ** 0.5)
        # The variance of the target: the loss is about 1, as everywhere.
        weights = (visible / (1 + self._strength**-2)).expand_as(seen)
        return Draw(latent, weights, View(), start, target=target - noise / self._strength)

    def reveal(self) -> list[Draw]:
        """Return the observation, flipped in four ways."""
        seen, _, _, visible = self._canvas
        return [self._reveal(seen, visible, View(flips=flips)) for flips in FLIPS]

    def skip(self, draws: int, reveals: int) -> None:
        for _ in range(draws % len(FLIPS)):
            next(self._flips)

    def _reveal(self, seen: Tensor, visible: Tensor, view: View) -> Draw:
        latent = self._input(view.apply(seen), view.apply(visible), 1.0)
        weights = self._visible.expand_as(self._seen)
        return Draw(latent, weights, view, self._seen, to_intensity=self._stabiliser.inverse)

    def _input(self, picture: Tensor, visible: Tensor, noise: float) -> Tensor:
        level = (noise / self.deviation).reshape(1, 1, 1, 1)
        standard = (picture - self.mean) / self.deviation
        return network_input(standard, visible, level, self._shuffle)

    def _window(self) -> tuple[Any, ...]:
        """Return a random window of the canvas."""
        spans = []
        for size in self._seen_sizes():
            side = min(self._side, size)
            first = torch.randint(
                size - side + 1, (1,), generator=self._random, device=self._random.device
            )
            spans.append(slice(int(first), int(first) + side))
        return (..., *spans)

    def _seen_sizes(self) -> tuple[int, ...]:
        return tuple(self._canvas[0].shape[2:])


def input_channels(channels: int, shuffle: int) -> int:
    """Return the number of channels of `network_input` for images of C channels."""
    return shuffle**2 * (channels + 1) + 1


def network_input(standard: Tensor, visible: Tensor, level: Tensor, shuffle: int) -> Tensor:
    """Return what a network that knows the noise level sees.

    Parameters
    ----------
    standard : (N, C, Y, X) Tensor
        Standardised images, with hidden pixels filled.
    visible : (N, 1, Y, X) Tensor
        1 at pixels that the network sees, 0 at filled ones.
    level : (N, 1, 1, 1) Tensor
        Standard deviation of the noise of the standardised images.
    shuffle : int
        n: a pixel of the input holds n x n pixels of the images.

    Returns
    -------
    (N, n^2 (C + 1) + 1, Y / n, X / n) Tensor
        Images, noise level at filled pixels, and noise level.
    """
    coarse = pixel_unshuffle(torch.cat([standard, (1 - visible) * level], 1), shuffle)
    return channels_last(torch.cat([coarse, level.expand(-1, 1, *coarse.shape[2:])], 1))


def _mean_and_spread(problem: Problem, regional: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of the intensities without noise, (C, 1, 1) each."""
    count = visible.sum().clamp(min=1.0)

    def mean_of(values: Tensor) -> Tensor:
        return ((values * visible).sum((0, 2, 3)) / count)[:, None, None]

    mean = mean_of(regional)
    # The means vary by noise, and by chance twice the standard error of that variance more.
    of_noise = problem.noise.variance(mean) / _REGION**2
    by_chance = of_noise * (1 + 2 * _REGION * (2 / count).sqrt())
    return mean, (mean_of((regional - mean).square()) - by_chance).clamp(min=0).sqrt()


def _regional_means(observed: Tensor, mask: Tensor) -> Tensor:
    """Return the mean intensity around each pixel, over pixels of the mask."""
    margin = _REGION // 2
    sums = (
        torch.nn.functional.avg_pool2d(part, _REGION, 1, margin) for part in (observed * mask, mask)
    )
    total, count = sums
    return total / count.clamp(min=1 / _REGION**2)
