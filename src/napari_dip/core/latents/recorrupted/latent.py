"""Recorrupted latent: the observation with more noise, from which a denoiser learns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from itertools import cycle
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from napari_dip.core.image.regional_means import at_pixels, regional_means
from napari_dip.core.latents.augment import FLIPS, View
from napari_dip.core.latents.base import Draw, Latent, Mirror
from napari_dip.core.latents.level_input import network_input
from napari_dip.core.latents.recorrupted.coarse import enlarged, factor_within, shrunk
from napari_dip.core.latents.recorrupted.level import possible_levels
from napari_dip.core.latents.recorrupted.picture import (
    Picture,
    fill,
    in_all_channels,
    square,
    stable_neighbours,
)
from napari_dip.core.latents.recorrupted.pixel_noise import relative_power, shared
from napari_dip.core.latents.recorrupted.refinement import Refinement
from napari_dip.core.latents.recorrupted.regional_intensity import (
    mean_and_spread,
    regional_intensity,
)
from napari_dip.core.noise.stabilise import Stabiliser

if TYPE_CHECKING:
    from napari_dip.config import FitConfig
    from napari_dip.core.image.shape import Shape
    from napari_dip.core.networks.build import PriorNetwork
    from napari_dip.core.problem import Problem

# Relative change of the level below which it counts as settled.
_SETTLED = 0.02
# Side of the part of an image on which the level is corrected [pixels].
_PROBED = 512
# Smallest share of valid pixels of a region whose mean is corrected fully.
_LEAST_KNOWN = 0.05


class RecorruptedLatent(Latent):
    """Stabilised observation with noise added; the target has the same noise subtracted.

    For noise n of the same distribution as that of the observation y, the noise of y + a n and
    that of y - n / a are uncorrelated, so a network that predicts one from the other learns the
    signal, at every pixel. The network sees the noise level, and each iteration fits a window of
    the plane. The estimate comes from the observation itself, without more noise.

    Held-out and missing pixels are replaced by the mean of their neighbours and not fitted. The
    estimate does see the held-out pixels; a second one, without them, decides when to stop.

    The network also sees the neighbouring planes or frames of the problem, if it has any. Their
    noise is independent of that of the observation, so nothing of them needs to be hidden.

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
    level : float
        Standard deviation of the stabilised noise, about 1; from `correct_level`.
    strength : float
        Factor of the noise level that the network sees for an estimate; 1 by default.

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
        self._problem, observed = problem, problem.observation
        visible = in_all_channels(fitted)
        count = (visible.sum() * problem.channels).clamp(min=1.0)
        regional = regional_intensity(observed, visible)
        stabiliser = Stabiliser(problem.noise, *mean_and_spread(problem, regional, visible))
        stable = stabiliser(observed)
        self.mean = (stable * visible).sum() / count
        spread = ((stable - self.mean).square() * visible).sum() / count
        self.deviation = spread.sqrt().clamp(min=1e-3)
        self._to_intensity = stabiliser.inverse
        self.level, self.strength = 1.0, 1.0
        self._recorruption, self._side = settings.recorruption, settings.window
        self._fit_follows = settings.max_iterations > 0
        self._shuffle, self._random = network.pixel_shuffle, random
        self._flips: Iterator[tuple[int, ...]] = cycle(FLIPS)
        self._reveals = 0
        self._canvas_of = network.canvas
        self._on_canvas = self._mirror(problem.shape)
        # Power of the noise of each pixel, relative to that of pixels of typical noise.
        self._power = relative_power(problem, regional)
        trust = 1 / self._power
        self._neighbours = stable_neighbours(problem, stabiliser, trust)
        white = settings.collaborative_filter and not problem.noise.grain
        self._refinement = (
            Refinement(problem, stabiliser, self._neighbours, self._power) if white else None
        )
        self._fill_fitted = partial(fill, stable, visible, trust)
        self._shown = fill(stable, in_all_channels(problem.valid.float()), trust)
        self._varies = problem.noise.excess is not None
        self._levels = possible_levels(float(self.deviation), coarse=problem.noise.grain > 0)
        self._stable, self._moments = stable, partial(stabiliser.moments, regional)

    # A glimpse, for which the user waits, needs neither of these.
    @cached_property
    def _fitted(self) -> Picture:
        """The observation without held-out pixels."""
        return self._fill_fitted()

    @cached_property
    def _canvas(self) -> list[Tensor]:
        """What a window is cut from.

        Picture, mask, target, standard deviation of typical noise, neighbours, and relative power
        of the noise.
        """
        bias, noise = self._moments()
        parts = (*self._fitted, self._stable - bias, noise, self._neighbours, self._power)
        return [self._on_canvas(part) for part in parts]

    def draw(self) -> Draw:
        """Return a window with more noise, and the same window with noise subtracted."""
        window, flips = self._window(), next(self._flips)
        picture, visible, target, deviation, neighbours, power = (
            part[window].flip(flips) if flips else part[window] for part in self._canvas
        )

        def draw(planes: Tensor) -> Tensor:
            return torch.randn(planes.shape, generator=self._random, device=self._random.device)

        deviation = self.level * deviation
        noise = deviation * power.sqrt() * draw(picture)
        shown = shared(noise, 1 / power) if self._varies else noise
        start = picture + self._recorruption * shown * visible
        neighbours = neighbours + self._recorruption * deviation[:, :1] * draw(neighbours)
        latent = self._input(start, visible, (1 + self._recorruption**2) ** 0.5, neighbours)
        # Divided by the variance of the target, so that the loss is about 1, as everywhere.
        variance = self.level**2 * (1 + self._recorruption**-2)
        weights = (visible / variance / power).expand_as(picture)
        return Draw(latent, weights, View(), start, target=target - noise / self._recorruption)

    @property
    def is_level_certain(self) -> bool:
        """Whether the measured noise level is too high beside the image to be texture."""
        low, high = self._levels
        return low == high

    def probe(self) -> Draw:
        """Return the middle of the observation, without held-out pixels."""
        middle = square(self._canvas[0], _PROBED, lambda rest: rest // 2)
        parts = (part[middle] for part in self._canvas)
        picture, visible, _, deviation, neighbours, _ = parts
        latent = self._input(picture, visible, 1.0, neighbours)
        weights = (visible / deviation.square().clamp(min=1e-6)).expand_as(picture)
        return Draw(latent, weights, View(), picture)

    def correct_level(self, change: Tensor) -> bool:
        """Correct the measured noise level by what the network removes at that level.

        At too high a level a network removes less than that; at too low a level of noise
        without structure it removes more.

        Parameters
        ----------
        change : (1, C, Y, X) Tensor
            Output of the network for `probe`.

        Returns
        -------
        bool
            Whether the level changed, so that another correction may change it further.
        """
        before, draw, (low, high) = self.level, self.probe(), self._levels
        removed = (change.square() * draw.weights).sum() / (draw.weights > 0).sum().clamp(min=1)
        self.level = min(max(float(removed.sqrt()), low), high)
        return abs(self.level - before) > _SETTLED * before

    def findings(self) -> dict[str, float]:
        return {"noise_factor": self.level}

    def glimpse(self, most: int) -> Draw:
        """Return the observation, or the means of its squares, at most so many of them."""
        factor = factor_within(self._problem.shape, most)
        return self._show(self._shown, self._neighbours, View(), factor)

    def reveal(self) -> Iterator[Draw]:
        """Yield the observation, flipped; only missing pixels are hidden.

        In two of four ways by turns, since the estimates are averaged. Without a fit in one way:
        `judge` shows it in another.
        """
        if not self._fit_follows:
            yield from self._mirrored(self._shown, FLIPS[-1:])
            return
        half = len(FLIPS) // 2
        first = half * (self._reveals % 2)
        yield from self._mirrored(self._shown, FLIPS[first : first + half])
        self._reveals += 1

    def judge(self) -> list[Draw]:
        """Return the observation without held-out pixels."""
        return list(self._mirrored(self._fitted, FLIPS[:1]))

    def refine(
        self,
        estimate: Tensor,
        estimate_of: Callable[[Draw], Tensor],
        stop_requested: Callable[[], bool],
    ) -> Tensor:
        """Return an estimate corrected by groups of similar patches, if the noise is white."""
        if self._refinement is None:
            return estimate
        beside = {at: estimate_of(self._beside(at)) for at in self._refinement.distances}
        factor = self.strength * self.level
        return self._refinement(estimate, beside, factor, stop_requested)

    def finish(self, estimate: Tensor) -> Tensor:
        """Give every region of an estimate the mean of the observation.

        The stabilised intensity is a root: an estimate that is uncertain there is too dark.
        """
        valid = self._problem.valid / self._power
        missed = regional_means((self._problem.observation - estimate) * valid)
        return estimate + at_pixels(
            missed / regional_means(valid).clamp(min=_LEAST_KNOWN), estimate.shape
        )

    def skip(self, draws: int, reveals: int) -> None:
        for _ in range(draws % len(FLIPS)):
            next(self._flips)
        self._reveals += reveals

    def _mirrored(self, shown: Picture, ways: Sequence[tuple[int, ...]]) -> Iterator[Draw]:
        return (self._show(shown, self._neighbours, View(flips=flips)) for flips in ways)

    def _beside(self, distance: int) -> Draw:
        """Return a neighbouring plane as observation, with the planes around it as neighbours."""
        assert self._refinement is not None
        picture, neighbours = self._refinement.around(distance, self._shown.picture)
        return self._show(Picture(picture, torch.ones_like(picture)), neighbours, View())

    def _show(self, shown: Picture, neighbours: Tensor, view: View, factor: int = 1) -> Draw:
        """Return a picture as it is, or the means of its squares of so many pixels a side."""
        picture, visible, others = (shrunk(part, factor) for part in (*shown, neighbours))
        on_canvas = self._mirror(picture.shape[2:])
        image, mask, around = (view.apply(on_canvas(part)) for part in (picture, visible, others))
        noise = self.strength * self._deviation_of_means(factor)
        latent = self._input(image, mask, noise, around)
        weights = visible.expand_as(picture)

        def to_intensity(stable: Tensor) -> Tensor:
            return enlarged(self._to_intensity(stable), factor, self._problem.shape)

        return Draw(latent, weights, view, picture, to_intensity=to_intensity)

    def _deviation_of_means(self, factor: int) -> float:
        """Return the deviation of the means of squares, relative to that of the noise."""
        return 1.0 if self._problem.noise.grain else 1 / factor

    def _mirror(self, shape: Shape) -> Mirror:
        return Mirror(shape, self._canvas_of(shape), self._problem.observation.device)

    def _input(self, picture: Tensor, visible: Tensor, noise: float, neighbours: Tensor) -> Tensor:
        level = (self.level * noise / self.deviation).reshape(1, 1, 1, 1)
        standard = (torch.cat([picture, neighbours], 1) - self.mean) / self.deviation
        return network_input(standard, visible, level, self._shuffle)

    def _window(self) -> tuple[Any, ...]:
        """Return a random window of the canvas."""
        random = self._random

        def first(rest: int) -> int:
            return int(torch.randint(rest + 1, (1,), generator=random, device=random.device))

        return square(self._canvas[0], self._side, first)
