"""Sharpened photons as latent: the deconvolution of part of the photons, which others correct."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, Protocol

import torch
from torch import Tensor

from napari_dip.core.latents.augment import skip_views, views
from napari_dip.core.latents.base import Draw, Latent, Mirror
from napari_dip.core.latents.sharpening import find_sharpening
from napari_dip.core.networks.layers import channels_last, pixel_unshuffle
from napari_dip.core.operators.blur import Convolution

if TYPE_CHECKING:
    from napari_dip.config import FitConfig
    from napari_dip.core.networks.build import PriorNetwork
    from napari_dip.core.problem import Problem

# Number of splits of the photons that take turns, and Richardson-Lucy iterations for new splits at
# each iteration of the fit, which take about half as long as the network.
_SPLITS, _PACE = 4, 8
# Number of photons of the brightest pixel from which on a network corrects a plane.
_MANY_PHOTONS = 300


class _Split(NamedTuple):
    """Sharpened and lifted observation of the shown photons, and the problem of the hidden ones."""

    sharp: Tensor
    blurred: Tensor
    hidden: Problem


class Candidate(Protocol):
    """A second estimate of the same image.

    Attributes
    ----------
    complete : (1, C, Y, X) Tensor
        Estimate from all photons.
    """

    complete: Tensor

    def share(self, estimate: Tensor) -> float:
        """Return its share in the result, 0 to 1, beside an estimate of the fitted photons."""


class SharpenedLatent(Latent):
    """Sharpened image of part of the photons; the network predicts the other photons.

    At each iteration some photons are hidden. The network sees the Richardson-Lucy image of the
    shown photons, and the blurred estimate predicts the hidden ones. The noise of both is
    independent, so the network learns the signal. In volumes, and in planes of many photons, the
    output is a correction of the Richardson-Lucy image, in other planes it is the estimate. The
    first estimate is the
    Richardson-Lucy image; later ones are kept only if they predict held-out photons better. No
    estimate is darker than an image without light.

    Parameters
    ----------
    problem, fitted, heldout : Problem
        Problem with all photons, with those that may be fitted, and with the held-out ones.
    network : PriorNetwork
        Network, which determines the canvas.
    settings : FitConfig
        Settings with the fraction of hidden photons.
    random : torch.Generator
        Random generator on the device of the fit.
    ended : callable
        Function that returns True to stop the preparation early.

    Attributes
    ----------
    candidate : Candidate or None
        A second estimate that is averaged with that of the fit; none at first.

    References
    ----------
    J. Lehtinen et al., "Noise2Noise: learning image restoration without clean data", ICML 2018.
    A. Krull et al., "Image denoising and the generative accumulation of photons", WACV 2024.
    """

    candidate: Candidate | None = None

    def __init__(
        self,
        problem: Problem,
        fitted: Problem,
        heldout: Problem,
        network: PriorNetwork,
        settings: FitConfig,
        random: torch.Generator,
        ended: Callable[[], bool] = lambda: False,
    ) -> None:
        assert isinstance(problem.operator, Convolution)
        self._blur, self._ended = problem.operator, ended
        self._fitted, self._share = fitted, settings.hidden_fraction
        self._shuffle, self._views = network.pixel_shuffle, views(network)
        self._weights = problem.valid.float()
        self._spread = Mirror(problem.shape, network.canvas(problem.shape), random.device)
        self.sharpening = find_sharpening(fitted, heldout, random, ended)
        self._complete = self.sharpening(problem, random, ended)
        self._start = self.sharpening(fitted, random, ended)
        self._mean, self._deviation = self._start.mean(), self._start.std().clamp(min=1e-12)
        self._device = random.device
        self._seed = int(torch.randint(2**31, (), generator=random, device=random.device))
        # A split is used for so many iterations of the fit.
        self._interval = -(-self.sharpening.iterations // _PACE)
        self._splits = deque((self._split(index) for index in range(_SPLITS)), maxlen=_SPLITS)
        self._draws = 0
        sharp, blurred, _ = self._splits[0]
        self._detail = (sharp - blurred).std().clamp(min=1e-12)
        # In planes the blur removes more that the rings of Richardson-Lucy would replace. They are
        # weak where there are many photons, and there a correction needs fewer iterations.
        self._corrects = len(problem.shape) == 3 or _most_photons(fitted) >= _MANY_PHOTONS
        self._candidate_share: float | None = None
        self._gain = float(self._detail if self._corrects else self._deviation)
        self._rest = network.make_constant()

    def draw(self) -> Draw:
        """Hide some photons, which the estimate then predicts."""
        renewals, since = divmod(self._draws, self._interval)
        if renewals and not since:
            self._splits.append(self._split(renewals + _SPLITS - 1))
        split = self._splits[self._draws % _SPLITS]
        self._draws += 1
        standard = (split.sharp - self._mean) / self._deviation
        inputs = torch.cat([standard, (split.sharp - split.blurred) / self._detail], dim=1)
        view = next(self._views)
        latent = pixel_unshuffle(view.apply(self._spread(inputs)), self._shuffle)
        start = split.sharp if self._corrects else self._mean.expand_as(split.sharp)
        return Draw(
            channels_last(latent),
            self._weights,
            view,
            start=start - self._gain * self._rest,
            gain=self._gain,
            shift=self._start - split.sharp if self._corrects else None,
            to_intensity=self._at_least_dark,
            loss=lambda estimate: self._loss(estimate, split.hidden),
        )

    def first(self) -> Tensor:
        return self._start

    def skip(self, draws: int, reveals: int) -> None:
        skip_views(self._views, draws)
        renewals = max(draws - 1, 0) // self._interval
        if renewals:
            self._splits.extend(self._split(renewals + index) for index in range(_SPLITS))
        self._draws = draws

    def finish(self, estimate: Tensor) -> Tensor:
        """Add what the held-out photons contribute to the sharpened image, where it is a part."""
        complete = estimate
        if self._corrects or torch.equal(estimate, self._start):
            complete = estimate - self._start + self._complete
        complete = self._at_least_dark(complete)
        if self.candidate is None:
            return complete
        self._candidate_share = self.candidate.share(estimate)
        return torch.lerp(complete, self.candidate.complete, self._candidate_share)

    def findings(self) -> dict[str, float]:
        share = self._candidate_share
        found = {"richardson_lucy_iterations": float(self.sharpening.iterations)}
        return found if share is None else found | {"denoised_share": share}

    def _split(self, index: int) -> _Split:
        """Hide other photons for each index."""
        random = torch.Generator(self._device).manual_seed(self._seed + index)
        shown, hidden = self._fitted.thinned((1 - self._share, self._share), random)
        sharp = self.sharpening(shown, random, self._ended)
        return _Split(sharp, self._blur.lift(shown.observation), hidden)

    def _loss(self, estimate: Tensor, hidden: Problem) -> Tensor:
        """Return the data fidelity of the hidden photons, weak frequencies emphasised."""
        blurred = self._blur(estimate)
        deviation = hidden.noise.weighting_variance(blurred.detach()).sqrt()
        residual = self._weights * (blurred - hidden.observation) / deviation
        return self._blur.emphasised(residual).square().sum() / self._weights.sum().clamp(min=1)

    def _at_least_dark(self, estimate: Tensor) -> Tensor:
        return estimate.clamp(min=self._fitted.dark)


def _most_photons(problem: Problem) -> float:
    """Return the number of photons of the brightest pixel: its light squared over the variance."""
    light = (problem.observation - problem.dark) * problem.valid
    variance = problem.noise.variance(problem.observation).expand_as(light)
    brightest = light.flatten().argmax()
    return float(light.flatten()[brightest].square() / variance.flatten()[brightest])
