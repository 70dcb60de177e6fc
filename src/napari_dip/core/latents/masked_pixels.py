"""Masked pixels as latent: the observation with other pixels hidden at each iteration."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from napari_dip.core.image.infill import mean_of_neighbours, smoothest_surface
from napari_dip.core.latents.augment import View, skip_views, views
from napari_dip.core.latents.base import Draw, Latent, Mirror, standardised_guide
from napari_dip.core.networks.layers import channels_last, pixel_unshuffle

if TYPE_CHECKING:
    from napari_dip.config import FitConfig
    from napari_dip.core.networks.build import PriorNetwork
    from napari_dip.core.problem import Problem

# Iterations of the infill for missing pixels, and for hidden pixels at each iteration of the fit.
_SETTLE, _SETTLE_AGAIN = 300, 20


class ObservationLatent(Latent):
    """Observation with other pixels hidden at each iteration; only hidden pixels are fitted.

    The observation is also flipped in four ways in turn: the network sees four images instead
    of one, and the moving average combines them. With a pixel shuffle it is shifted, too, so
    that every output of the head contributes to every pixel and no grid remains in the average.

    A hidden pixel is replaced by the mean of its visible neighbours, or by the smoothest surface
    through the visible pixels, to which the output of the network is added. Independent noise
    cannot be predicted from other pixels, so the network learns the signal. Held-out and missing
    pixels are always hidden and never fitted.

    Parameters
    ----------
    problem : Problem
        Problem of the block, with the observation.
    network : PriorNetwork
        Network, which determines the canvas.
    settings : FitConfig
        Settings with the fraction of hidden pixels and the kind of infill.
    fitted : (1, C, [Z,] Y, X) Tensor
        Mask: 1 at pixels that may be fitted and shown.
    random : torch.Generator
        Random generator on the device of the fit.
    ended : callable
        Function that returns True to stop the infill of missing pixels early.

    Attributes
    ----------
    mean, deviation : () Tensor
        Mean and standard deviation of the fitted pixels, by which the network's input is
        standardised.

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
        # One mask is enough if all channels of each pixel are fitted, or none.
        same = bool((fitted == fitted[:, :1]).all())
        self._visible = fitted[:, :1] if same else fitted
        self._hide = settings.hidden_fraction
        self._views, self._revealed_views = views(network), views(network)
        self._random = random
        self._shuffle = network.pixel_shuffle
        observed, self._lift = problem.observation, problem.operator.lift
        # Standardised: a hidden pixel without visible neighbours has the mean, 0.
        count = fitted.sum()
        mean = (observed * fitted).sum() / count
        deviation = (((observed - mean) ** 2 * fitted).sum() / count).sqrt()
        self.mean, self.deviation = mean, deviation.clamp(min=1e-12)
        self._observation = (observed - mean) / self.deviation
        self._spread = Mirror(problem.shape, network.canvas(problem.shape), observed.device)
        self._guide = standardised_guide(problem)
        self._revealed = mean_of_neighbours(self._observation, fitted)
        self._smooth = settings.filling == "biharmonic"
        if self._smooth:
            self._revealed = smoothest_surface(
                self._observation, fitted, self._revealed, _SETTLE, ended
            )
            self._rest = network.make_constant()

    def draw(self) -> Draw:
        """Hide a new random choice of pixels; only these count in the loss."""
        shape = (1, 1, *self._observation.shape[2:])
        drawn = torch.rand(shape, generator=self._random, device=self._random.device)
        # All channels of a pixel together: their noise may be correlated.
        visible = self._visible * (drawn >= self._hide)
        filled = mean_of_neighbours(self._observation, visible)
        if self._smooth:
            # The start is exact far from hidden pixels.
            guess = torch.where(self._visible > 0, filled, self._revealed)
            filled = smoothest_surface(self._observation, visible, guess, _SETTLE_AGAIN)
        hidden = (self._visible - visible).expand_as(self._observation)
        return self._draw_of(visible, filled, hidden, next(self._views))

    def reveal(self) -> Iterator[Draw]:
        """Yield an input without hidden pixels, the most information about missing ones."""
        weights = self._visible.expand_as(self._observation)
        view = next(self._revealed_views)
        yield self._draw_of(self._visible, self._revealed, weights, view)

    def skip(self, draws: int, reveals: int) -> None:
        skip_views(self._views, draws)
        skip_views(self._revealed_views, reveals)

    def _draw_of(self, visible: Tensor, filled: Tensor, weights: Tensor, view: View) -> Draw:
        picture = self._lift(torch.lerp(filled, self._observation, visible))
        start = self.mean + self.deviation * picture - self._rest if self._smooth else None
        if self._guide is not None:
            picture = torch.cat([picture, self._guide], dim=1)
        latent = pixel_unshuffle(view.apply(self._spread(picture)), self._shuffle)
        return Draw(channels_last(latent), weights, view, start)
