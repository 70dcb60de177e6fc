"""Trainer: the computations of one iteration of a fit."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from napari_dip.core.networks.strips import in_strips
from napari_dip.core.optim.optimisers import typical_steps
from napari_dip.core.stopping.evaluation import weighted_mean

if TYPE_CHECKING:
    from napari_dip.config import FitConfig
    from napari_dip.core.hardware.device import Runtime
    from napari_dip.core.latents.base import Draw, Latent
    from napari_dip.core.networks.build import PriorNetwork
    from napari_dip.core.optim.optimisers import Optimisers
    from napari_dip.core.optim.regularisers import Regularisers
    from napari_dip.core.problem import Problem


class ForwardPass(NamedTuple):
    """Result of a forward pass.

    Attributes
    ----------
    draw : Draw
        Input of the network at this iteration.
    estimate : (1, C, [Z,] Y, X) Tensor or None
        Estimate, with its graph; None if a window is fitted to a target of its own.
    loss : () Tensor
        Data fidelity and regularisers, with its graph.
    """

    draw: Draw
    estimate: Tensor | None
    loss: Tensor


@dataclass(slots=True)
class Passes:
    """Number of passes over a whole plane without gradients; a smaller one is a share."""

    count: float = 0.0


@dataclass(frozen=True, slots=True)
class Trainer:
    """Network, latent, loss and optimiser of a fit.

    Attributes
    ----------
    problem : Problem
        Observation, operator and noise model.
    settings : FitConfig
        Fit settings.
    runtime : Runtime
        Device and precision.
    network, latent, regularisers, optimiser
        Parts of the fit; each has its own state.
    random : torch.Generator
        Source of all random numbers of the fit.
    passes : Passes
        Passes so far.
    """

    problem: Problem
    settings: FitConfig
    runtime: Runtime
    network: PriorNetwork
    latent: Latent
    regularisers: Regularisers
    optimiser: Optimisers
    random: torch.Generator
    passes: Passes = field(default_factory=Passes)

    def forward(self, known: Tensor) -> ForwardPass:
        """Return the estimate and the loss of the next iteration.

        Parameters
        ----------
        known : (1, C, [Z,] Y, X) Tensor
            Estimate at the pixels that the network does not see in a shifted view.
        """
        self.optimiser.zero_grad()
        draw = self.latent.draw()
        if draw.target is not None:
            difference = draw.estimate(self._output(draw)) - draw.target
            return ForwardPass(draw, None, (difference.square() * draw.weights).mean())
        estimate = self._estimate(draw, known)
        if draw.loss is None:
            fidelity = weighted_mean(self.problem.nll(estimate), draw.weights)
        else:
            fidelity = draw.loss(estimate)
        return ForwardPass(draw, estimate, fidelity + self.regularisers(estimate))

    def step(self, result: ForwardPass) -> Tensor | None:
        """Move the weights, and return the estimate of before for averaging, if there is one."""
        result.loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        return None if result.estimate is None else result.draw.shifted(result.estimate.detach())

    @torch.no_grad()
    def reveal(self, known: Tensor) -> Tensor:
        """Return an estimate for which no fitted pixel is hidden, (1, C, [Z,] Y, X)."""
        return deque(self.views(known), maxlen=1).pop()

    @torch.no_grad()
    def views(self, known: Tensor) -> Iterator[Tensor]:
        """Yield the mean of the views of `reveal` so far, (1, C, [Z,] Y, X), after each view."""
        yield from self._means(self.latent.reveal(), known)

    @torch.no_grad()
    def estimate(self, draw: Draw, known: Tensor) -> Tensor:
        """Return the estimate (1, C, [Z,] Y, X) for a draw; `known` where its view has no pixel."""
        return self._estimate(draw, known)

    @torch.no_grad()
    def judge(self, known: Tensor) -> Tensor | None:
        """Return an estimate without the held-out pixels; None if all estimates are without."""
        draws = self.latent.judge()
        return deque(self._means(draws, known), maxlen=1).pop() if draws else None

    @torch.no_grad()
    def output(self, draw: Draw) -> Tensor:
        """Return the output of the network (1, C, [Z,] Y, X) for a draw."""
        return self._output(draw)

    @torch.no_grad()
    def add_noise(self, scale: float) -> None:
        """Add Gaussian noise to the weights.

        Parameters
        ----------
        scale : float
            Standard deviation in units of the optimiser's typical step of each weight.
        """
        for weight, step in typical_steps(self.network, self.settings):
            noise = torch.randn(weight.shape, generator=self.random, device=self.random.device)
            weight.add_(scale * step * noise)

    def _means(self, draws: Iterable[Draw], known: Tensor) -> Iterator[Tensor]:
        mean = known.new_zeros(())
        for count, draw in enumerate(draws, 1):
            mean = mean + (self._estimate(draw, known) - mean) / count
            yield mean

    def _estimate(self, draw: Draw, known: Tensor) -> Tensor:
        """Return the network's estimate (1, C, [Z,] Y, X); `known` where its view has no pixel."""
        canvas = draw.view.undo(self._output(draw))
        # Nothing outside the field of view is ever compared with the observation.
        shape: Sequence[int] = self.problem.shape
        if draw.start is not None:  # a glimpse has fewer pixels
            shape = draw.start.shape[2:]
        inside: tuple[Any, ...] = (..., *map(slice, shape))
        estimate = draw.estimate(canvas[inside])
        if not any(draw.view.shifts):  # as at first, before there is an average
            return estimate
        return draw.view.complete(estimate, canvas.shape[2:], draw.unshifted(known))

    def _output(self, draw: Draw) -> Tensor:
        with self.runtime.autocast():
            if torch.is_grad_enabled():
                return self.network(draw.latent)  # type: ignore[no-any-return]
            whole = self.network.grid(self.problem.shape)
            self.passes.count += prod(draw.latent.shape[2:]) / prod(whole)
            return in_strips(self.network, draw.latent)
