"""Denoised candidate: a second estimate of a deconvolution, by a learned denoiser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from napari_dip.core.fitting.plug_and_play.alternation import alternate
from napari_dip.core.latents.denoiser import LearnedDenoiser
from napari_dip.core.latents.sharpened import SharpenedLatent
from napari_dip.core.latents.sharpening import estimates, find_lowest

if TYPE_CHECKING:
    from napari_dip.config import CompleteConfig
    from napari_dip.core.latents.base import Latent
    from napari_dip.core.problem import Problem

# Noise levels of plug and play, and largest number of Richardson-Lucy iterations after them.
_LEVELS, _MOST = 24, 60
# Standard errors by which the held-out error of the candidate may exceed that of the fit.
_WORSE = 1.0


class DenoisedCandidate:
    """Estimate of a learned denoiser, to be averaged with the estimate of a fit.

    Plug and play denoises what the blur hides, but does not explain all that was observed. So
    Richardson-Lucy iterations follow, until they predict the held-out photons best. The errors of
    both estimates are partly independent, so their mean is closer to the truth than either, unless
    the held-out photons show that the candidate is worse.

    Parameters
    ----------
    problem, fitted, heldout : Problem
        Problem with all photons, with those that may be fitted, and with the held-out ones, of a
        plane.
    ended : callable
        Function that returns True to stop the preparation early.

    Attributes
    ----------
    sha256 : str
        SHA-256 of the file of the weights.
    complete : (1, C, Y, X) Tensor
        Estimate from all photons.

    References
    ----------
    K. Zhang et al., "Plug-and-play image restoration with deep denoiser prior", IEEE TPAMI 44
    (2022) 6360.

    Examples
    --------
    >>> from napari_dip.core.noise.model import NoiseModel
    >>> from napari_dip.core.operators.blur import Blur
    >>> from napari_dip.core.problem import make_problem
    >>> light = torch.full((1, 32, 32), 20.0)
    >>> light[:, 10:20] = 200.0
    >>> random = torch.Generator().manual_seed(0)
    >>> photons = torch.poisson(light, generator=random)
    >>> problem = make_problem(
    ...     photons.numpy(),
    ...     light.numpy() > 0,
    ...     [NoiseModel(1.0, 0.0, 0.1)],
    ...     (0, 300),
    ...     torch.device("cpu"),
    ...     Blur(torch.full((3, 3), 1 / 9)),
    ... )
    >>> fitted, heldout = problem.thinned((0.9, 0.1), random)
    >>> candidate = DenoisedCandidate(problem, fitted, heldout.equally_weighted())
    >>> candidate.share(torch.full((1, 1, 34, 34), 80.0))  # beside a flat estimate
    0.5
    """

    def __init__(
        self,
        problem: Problem,
        fitted: Problem,
        heldout: Problem,
        ended: Callable[[], bool] = lambda: False,
    ) -> None:
        denoise = LearnedDenoiser(
            problem.channels, volumes=False, device=problem.observation.device
        )
        self.sha256 = denoise.sha256
        self._heldout = heldout

        def sharpened(part: Problem) -> Iterator[Tensor]:
            levels = alternate(part, part.operator, denoise, _LEVELS)
            step = next(levels)
            while not ended() and (later := next(levels, None)) is not None:
                step = later
            start = step.finished(denoise).clamp(min=part.dark)
            yield start
            yield from estimates(part, 0.0, _MOST, start=start)

        lowest = find_lowest(sharpened(fitted), heldout, ended)
        self._errors = self._errors_of(lowest.estimate)
        (self.complete,) = islice(sharpened(problem), lowest.position - 1, lowest.position)

    def share(self, estimate: Tensor) -> float:
        """Return the share of the candidate in the result: a half, or 0 where it is worse.

        Parameters
        ----------
        estimate : (1, C, Y, X) Tensor
            Estimate of the fit that has not seen the held-out photons.
        """
        excess = self._errors - self._errors_of(estimate)
        uncertainty = _WORSE * excess.std() / excess.numel() ** 0.5
        return 0.0 if excess.mean() > uncertainty else 0.5

    def _errors_of(self, estimate: Tensor) -> Tensor:
        with torch.no_grad():
            return self._heldout.nll(estimate)[self._heldout.valid]


def add_candidate(
    latent: Latent,
    problem: Problem,
    config: CompleteConfig,
    photons: tuple[Problem, Problem] | None,
    ended: Callable[[], bool] = lambda: False,
) -> None:
    """Add the candidate to a latent of sharpened photons, if the configuration asks for it.

    Parameters
    ----------
    latent : Latent
        Latent of the fit.
    problem : Problem
        Problem with all photons.
    config : CompleteConfig
        Configuration with the fit settings.
    photons : (Problem, Problem) or None
        Problems of the fitted and of the held-out photons.
    ended : callable
        Function that returns True to stop the preparation early.
    """
    asked = config.fit.denoised_candidate and problem.depth is None
    if asked and photons is not None and isinstance(latent, SharpenedLatent):
        fitted, heldout = photons
        # The noise of the photons was measured anew.
        shown = 1 - config.fit.stopping.heldout_fraction
        complete = replace(problem, noise=fitted.noise.of_share(1 / shown))
        latent.candidate = DenoisedCandidate(complete, fitted, heldout, ended)
        latent.learned_sha256 = latent.candidate.sha256
