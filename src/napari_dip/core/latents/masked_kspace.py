"""The latent of k-space: the plainest picture of recorded frequencies, some of them hidden."""

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
    """The image of least total variation, from recorded frequencies of which some are hidden.

    The hidden ones are fitted: the network adds to the picture what it lacks.
    As for pixels, other ones are hidden at each iteration; there are a few
    choices, which hide each frequency once, because each needs a picture. The
    network starts at 0, so that the first estimate is the plain picture, and
    what the network learns is kept only where it predicts held-out frequencies
    better than that. It is fed with the picture, and with what total variation
    has added to the zero-filled one.

    Parameters
    ----------
    problem, network, settings
        Observation, canvas and the fraction to hide follow from them.
    fitted : (1, C, [Z,] Y, X) Tensor
        1 where a frequency may be fitted and seen.
    random : torch.Generator
        On the device of the fit.
    ended : callable
        Once True, pictures stay as plain as they are; the one of all frequencies is first.

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
        choices = max(2, round(1 / settings.hidden_fraction))
        turns = torch.where(holdout_scores < 1, (holdout_scores * choices).long(), -1)
        hidden = [fitted * (turns == turn) for turn in range(choices)]
        self._weights = [operator.holdout_weights(choice) for choice in hidden]
        complete, _ = picture(problem.valid.float())
        self._start, added = picture(visible)
        self._complete = complete - self._start
        self._pictures = [picture(visible - choice) for choice in hidden]
        self._mean, self._deviation = self._start.mean(), self._start.std().clamp(min=1e-12)
        self._gain = float(added.std().clamp(min=1e-12))
        self._rest = network.settle()

    def draw(self) -> Draw:
        """Choose which frequencies are hidden; only those count."""
        turn = int(
            torch.randint(
                len(self._pictures), (), generator=self._random, device=self._random.device
            )
        )
        plain, added = self._pictures[turn]
        seen = torch.cat([(plain - self._mean) / self._deviation, added / self._gain], dim=1)
        view = next(self._views)
        latent = pixel_unshuffle(view.apply(self._spread(seen)), self._shuffle)
        return Draw(
            channels_last(latent),
            self._weights[turn],
            view,
            start=plain - self._gain * self._rest,
            gain=self._gain,
            shift=self._start - plain,
        )

    def skip(self, draws: int, reveals: int) -> None:
        skip_views(self._views, draws)

    def finish(self, estimate: Tensor) -> Tensor:
        """Add what the held-out frequencies bring to the plain picture."""
        return estimate + self._complete
