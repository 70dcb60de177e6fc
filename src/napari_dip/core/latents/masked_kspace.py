"""Masked k-space as latent: the least-variation image of the visible frequencies."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from napari_dip.core.latents.augment import skip_views, views
from napari_dip.core.latents.base import Draw, Latent, Mirror
from napari_dip.core.networks.layers import channels_last, pixel_unshuffle
from napari_dip.core.operators.kspace import KSpace, least_variation

if TYPE_CHECKING:
    from napari_dip.config import FitConfig
    from napari_dip.core.networks.build import PriorNetwork
    from napari_dip.core.problem import Problem


class FrequencyLatent(Latent):
    """Image of least total variation for recorded frequencies, some of which are hidden.

    The hidden frequencies are fitted: the network adds what the image lacks. At each iteration
    one of a few groups of frequencies is hidden; each frequency is in one group, and each group
    has its own image. The output of the network starts at 0, so that the first estimate is the
    least-variation image; later estimates are kept only if they predict held-out frequencies
    better. The latent is this image and its difference from the zero-filled image.

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
        self._random, self._shuffle = random, network.pixel_shuffle
        self._views = views(network)
        self._spread = Mirror(problem.shape, network.canvas(problem.shape), random.device)

        level = operator.noise_level(problem.noise)

        def picture(known: Tensor) -> tuple[Tensor, Tensor]:
            plain = least_variation(operator, problem.observation, known, level, ended)
            return plain, plain - operator.zero_filled(problem.observation, known)

        visible, holdout_scores = fitted, operator.holdout_scores(fitted, random)
        count = max(2, round(1 / settings.hidden_fraction))
        groups = torch.where(holdout_scores < 1, (holdout_scores * count).long(), -1)
        hidden = [fitted * (groups == group) for group in range(count)]
        self._weights = [operator.holdout_weights(group) for group in hidden]
        complete, _ = picture(problem.valid.float())
        self._start, added = picture(visible)
        self._complete = complete - self._start
        self._pictures = [picture(visible - group) for group in hidden]
        self._mean, self._deviation = self._start.mean(), self._start.std().clamp(min=1e-12)
        self._gain = float(added.std().clamp(min=1e-12))
        self._rest = network.settle()

    def draw(self) -> Draw:
        """Hide a random group of frequencies; only these count in the loss."""
        group = int(
            torch.randint(
                len(self._pictures), (), generator=self._random, device=self._random.device
            )
        )
        plain, added = self._pictures[group]
        inputs = torch.cat([(plain - self._mean) / self._deviation, added / self._gain], dim=1)
        view = next(self._views)
        latent = pixel_unshuffle(view.apply(self._spread(inputs)), self._shuffle)
        return Draw(
            channels_last(latent),
            self._weights[group],
            view,
            start=plain - self._gain * self._rest,
            gain=self._gain,
            shift=self._start - plain,
        )

    def skip(self, draws: int, reveals: int) -> None:
        skip_views(self._views, draws)

    def finish(self, estimate: Tensor) -> Tensor:
        """Add what the held-out frequencies contribute to the least-variation image."""
        return estimate + self._complete
