"""The latent of pixels: the observation itself, some of its pixels hidden at each iteration."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from napari_dip.core.image.infill import mean_of_neighbours, smoothest
from napari_dip.core.latents.augment import View, skip_views, views
from napari_dip.core.latents.base import Draw, Latent, Mirror, standardised_guide
from napari_dip.core.networks.layers import channels_last, pixel_unshuffle

if TYPE_CHECKING:
    from napari_dip.config import FitConfig
    from napari_dip.core.networks.build import PriorNetwork
    from napari_dip.core.problem import Problem

# Conjugate gradients for the gaps of an image, and for those that hiding adds.
_SETTLE, _SETTLE_AGAIN = 300, 20


class ObservationLatent(Latent):
    """The observation, with other pixels hidden at each iteration; the hidden ones are fitted.

    It is also mirrored, one of four ways in turn: the network sees four
    pictures instead of one, and the moving average is over all of them. With
    pixel shuffle it is shifted as well, so that every pixel is emitted by
    every output of the head, and no grid remains in the average.

    A hidden pixel is replaced by the mean of its visible neighbours, or by the
    smoothest surface through all that is visible, to which the output of the
    network is then added. Noise that is independent from pixel to pixel cannot
    be predicted from around it, so what the network learns to put there is the
    signal. Held-out and missing pixels are always hidden and never fitted.

    Parameters
    ----------
    problem, network, settings
        Observation, canvas and the fraction to hide follow from them.
    fitted : (1, C, [Z,] Y, X) Tensor
        1 where a pixel may be fitted and seen.
    random : torch.Generator
        On the device of the fit.
    ended : callable
        Once True, the surface stays as smooth as it is.

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
        ended: Callable[[], bool] = lambda: False,
    ) -> None:
        # Mostly all channels of a pixel are seen, or none: then one speaks for all.
        alike = bool((fitted == fitted[:, :1]).all())
        self._visible = fitted[:, :1] if alike else fitted
        self._hide = settings.hidden_fraction
        self._views, self._revealed_views = views(network), views(network)
        self._random = random
        self._shuffle = network.pixel_shuffle
        observed, self._lift = problem.observation, problem.operator.lift
        # Standardised, so that a hidden pixel without visible neighbours is 0, the mean.
        count = fitted.sum()
        mean = (observed * fitted).sum() / count
        deviation = (((observed - mean) ** 2 * fitted).sum() / count).sqrt()
        self._mean, self._deviation = mean, deviation.clamp(min=1e-12)
        self._observation = (observed - mean) / self._deviation
        self._spread = Mirror(problem.shape, network.canvas(problem.shape), observed.device)
        self._guide = standardised_guide(problem)
        self._revealed = mean_of_neighbours(self._observation, fitted)
        self._smooth = settings.filling == "biharmonic"
        if self._smooth:
            self._revealed = smoothest(self._observation, fitted, self._revealed, _SETTLE, ended)
            self._rest = network.settle()

    def draw(self) -> Draw:
        """Hide a fresh choice of pixels; only those count."""
        shape = (1, 1, *self._observation.shape[2:])
        drawn = torch.rand(shape, generator=self._random, device=self._random.device)
        # All channels of a pixel together: their noise may be correlated.
        visible = self._visible * (drawn >= self._hide)
        filled = mean_of_neighbours(self._observation, visible)
        if self._smooth:
            # Far from any hidden pixel it is settled already.
            guess = torch.where(self._visible > 0, filled, self._revealed)
            filled = smoothest(self._observation, visible, guess, _SETTLE_AGAIN)
        hidden = (self._visible - visible).expand_as(self._observation)
        return self._shown(visible, filled, hidden, next(self._views))

    def reveal(self) -> Draw:
        """Hide nothing: as much is known of a missing pixel as can be."""
        seen = self._visible.expand_as(self._observation)
        return self._shown(self._visible, self._revealed, seen, next(self._revealed_views))

    def skip(self, draws: int, reveals: int) -> None:
        skip_views(self._views, draws)
        skip_views(self._revealed_views, reveals)

    def _shown(self, visible: Tensor, filled: Tensor, weights: Tensor, view: View) -> Draw:
        picture = self._lift(torch.lerp(filled, self._observation, visible))
        start = self._mean + self._deviation * picture - self._rest if self._smooth else None
        if self._guide is not None:
            picture = torch.cat([picture, self._guide], dim=1)
        latent = pixel_unshuffle(view.apply(self._spread(picture)), self._shuffle)
        return Draw(channels_last(latent), weights, view, start)
