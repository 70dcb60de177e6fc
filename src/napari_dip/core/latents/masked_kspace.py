"""Masked k-space as latent: an image of the visible frequencies, which the network corrects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from napari_dip.core.latents.augment import View, skip_views, views
from napari_dip.core.latents.base import Draw, Latent, Mirror
from napari_dip.core.latents.kspace_completion import KSpaceCompletion
from napari_dip.core.networks.layers import channels_last, pixel_unshuffle
from napari_dip.core.operators.kspace import KSpace, least_variation

if TYPE_CHECKING:
    from napari_dip.config import FitConfig
    from napari_dip.core.networks.build import PriorNetwork
    from napari_dip.core.problem import Problem


# Largest squared error of the image of the learned denoiser at held-out frequencies, relative to
# that of the least-variation image, without a fit. Fits that start from the least-variation image
# gain 0.2 to 0.9 dB.
_CLEARLY_BETTER = 0.85


class FrequencyLatent(Latent):
    """Plain image of recorded frequencies, some of which are hidden.

    The plain image is that of least total variation. With a learned start it is the image of a
    learned denoiser instead, if this one predicts held-out frequencies better.

    The hidden frequencies are fitted: the network adds what the image lacks. At each iteration
    one of a few groups of frequencies is hidden; each frequency is in one group, and each group
    has its own image. The output of the network starts at 0, so that the first estimate is the
    plain image; later estimates are kept only if they predict held-out frequencies better. The
    latent is this image and its difference from the zero-filled image.

    Parameters
    ----------
    problem : Problem
        Problem with a KSpace operator.
    network : PriorNetwork
        Network, which determines the canvas.
    settings : FitConfig
        Settings with the fraction of hidden frequencies.
    fitted : (1, C, [Z,] Y, X) Tensor
        Mask: 1 at frequencies that may be fitted and shown.
    random : torch.Generator
        Random generator on the device of the fit.
    ended : callable
        Function that returns True to stop the iterations for the images early.

    Attributes
    ----------
    learned_sha256 : str or None
        SHA-256 of the file of the weights of the denoiser; None for the least-variation image.
    suffices : bool
        Whether the plain image is so much better than the least-variation image that no fit is
        needed.

    References
    ----------
    B. Yaman et al., "Self-supervised learning of physics-guided reconstruction
    neural networks without fully sampled reference data", MRM 84 (2020).
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
        operator = problem.operator
        assert isinstance(operator, KSpace)
        self._problem, self._operator, self._ended = problem, operator, ended
        self._random, self._shuffle = random, network.pixel_shuffle
        self._views = views(network)
        self._spread = Mirror(problem.shape, network.canvas(problem.shape), random.device)
        self._level = operator.noise_level(problem.noise)

        holdout_scores = operator.holdout_scores(fitted, random)
        count = max(2, round(1 / settings.hidden_fraction))
        groups = torch.where(holdout_scores < 1, (holdout_scores * count).long(), -1)
        self._fitted, self._hidden = fitted, [fitted * (groups == group) for group in range(count)]
        self._weights = [operator.holdout_weights(group) for group in self._hidden]
        self._pictures: dict[int, _Picture] = {}

        self._denoiser: KSpaceCompletion | None = None
        self.learned_sha256: str | None = None
        self.suffices = False
        self._ratio: float | None = None
        start = self._picture(fitted)
        if settings.kspace_start == "learned":
            start = self._compare(start)
        complete = self._picture(problem.valid.float())
        self._start, self._complete = start, complete.plain - start.plain
        self._mean = start.plain.mean()
        self._deviation = start.plain.std().clamp(min=1e-12)
        self._gain = float(start.added.std().clamp(min=1e-12))
        self._rest = network.make_constant()

    def draw(self) -> Draw:
        """Hide a random group of frequencies; only these count in the loss."""
        group = int(
            torch.randint(len(self._hidden), (), generator=self._random, device=self._random.device)
        )
        if group not in self._pictures:
            self._pictures[group] = self._picture(self._fitted - self._hidden[group])
        return self._draw(self._pictures[group], self._weights[group], next(self._views))

    def reveal(self) -> Iterator[Draw]:
        """Yield the plain image of all fitted frequencies."""
        yield self._draw(self._start, self._fitted, View())

    def findings(self) -> dict[str, float]:
        return {} if self._ratio is None else {"variation_ratio": self._ratio}

    def skip(self, draws: int, reveals: int) -> None:
        skip_views(self._views, draws)

    def finish(self, estimate: Tensor) -> Tensor:
        """Add what the held-out frequencies contribute to the plain image."""
        return estimate + self._complete

    def _draw(self, picture: _Picture, weights: Tensor, view: View) -> Draw:
        plain, added = picture
        inputs = torch.cat([(plain - self._mean) / self._deviation, added / self._gain], dim=1)
        latent = pixel_unshuffle(view.apply(self._spread(inputs)), self._shuffle)
        return Draw(
            channels_last(latent),
            weights,
            view,
            start=plain - self._gain * self._rest,
            gain=self._gain,
            shift=self._start.plain - plain,
        )

    def _picture(self, known: Tensor) -> _Picture:
        """Return the plain image of the known frequencies."""
        spectrum = self._problem.observation
        plain = least_variation(self._operator, spectrum, known, self._level, self._ended)
        if self._denoiser is not None:
            plain = self._denoiser(self._operator, spectrum, known, plain, self._level, self._ended)
        return _Picture(plain, plain - self._operator.zero_filled(spectrum, known))

    def _compare(self, least: _Picture) -> _Picture:
        """Use the learned denoiser if it predicts the held-out frequencies better.

        Without held-out frequencies there is no comparison, and total variation remains.
        """
        heldout = self._problem.valid.float() - self._fitted
        if not bool(heldout.any()):
            return least
        denoiser = KSpaceCompletion(self._random.device)
        weights = self._operator.holdout_weights(heldout)

        def error(picture: _Picture) -> float:
            missed = self._operator(picture.plain) - self._problem.observation
            excess = (missed.square() - self._level**2) * weights
            return max(float(excess.sum()), 0.0)

        self._denoiser = denoiser
        learned = self._picture(self._fitted)
        before, after = error(least), error(learned)
        self._ratio = after / before if before else 1.0
        if self._ratio >= 1:
            self._denoiser = None
            return least
        self.learned_sha256 = denoiser.sha256
        self.suffices = self._ratio < _CLEARLY_BETTER
        return learned


class _Picture(NamedTuple):
    """Plain image (1, C, [Z,] Y, X), and its difference from the zero-filled image."""

    plain: Tensor
    added: Tensor
