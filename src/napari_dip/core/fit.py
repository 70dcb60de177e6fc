"""THE loop: an untrained network is fitted to one observation until a rule says stop.

`fit` is a generator. Whoever pulls from it paces it: not pulling is a pause.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from copy import deepcopy
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_dip.config import DipConfig, FitConfig
from napari_dip.core.averaging import MovingAverage
from napari_dip.core.device import Runtime, find_runtime
from napari_dip.core.latent import LATENTS, latent_channels
from napari_dip.core.networks import PriorNetwork, build_network
from napari_dip.core.stopping import Evidence, StoppingRule, StopReason, build_rule
from napari_dip.errors import DivergedError

if TYPE_CHECKING:
    from napari_dip.core.problem import Problem

# A loss this many times the last checkpoint's (5 dB, as published) is a collapse.
_COLLAPSE = 10**0.5
# With fewer, the loss of the few that are hidden jumps by as much without any harm.
_MIN_PIXELS = 1024
_CHECKPOINT_EVERY = 100
_MAX_ROLLBACKS = 10
# Fewer held-out pixels than this say nothing about a minimum.
_MIN_HELDOUT = 32


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of a fit; holds copies, never live tensors.

    Attributes
    ----------
    iteration : int
        From 1.
    loss : float
        Mean nll of the fitted pixels.
    heldout_error : float or None
        Mean nll of the average at the held-out pixels.
    selected_iteration : int
        Iteration whose estimate would be returned now.
    estimate : (C, Y, X) float32 array
        The moving average, in network units.
    stop_reason : StopReason or None
        Set in the last snapshot.
    """

    iteration: int
    loss: float
    heldout_error: float | None
    selected_iteration: int
    estimate: NDArray[np.float32]
    stop_reason: StopReason | None


@dataclass(frozen=True, slots=True)
class Fit:
    """The outcome of a fit; `estimate` is (C, Y, X) float32 in network units."""

    estimate: NDArray[np.float32]
    iterations: int
    selected_iteration: int
    stop_reason: StopReason
    seconds: float
    seconds_per_iteration: float
    parameters: int
    rollbacks: int


def fit(
    problem: Problem,
    config: DipConfig | None = None,
    *,
    runtime: Runtime | None = None,
    seed: int | None = None,
    time_limit: float | None = None,
    interval: float = 0.2,
    stop_requested: Callable[[], bool] = lambda: False,
) -> Generator[Snapshot, None, Fit]:
    """Fit an untrained network to one observation.

    Parameters
    ----------
    problem : Problem
        Observation, operator and noise model of one block.
    config : DipConfig, optional
        Network, optimiser and stopping rule.
    runtime : Runtime, optional
        Device and precision; found from the configuration by default.
    seed : int, optional
        In place of the configuration's, such as a block's own.
    time_limit : float, optional
        In place of the configuration's [seconds].
    interval : float
        Shortest time between two snapshots [seconds]; 0 yields every assessment.
    stop_requested : callable
        Polled at each iteration; True ends the fit with the best estimate so far.

    Yields
    ------
    Snapshot

    Returns
    -------
    Fit
        As the value of the generator.

    Raises
    ------
    DivergedError
        When the loss keeps leaving the finite numbers.

    References
    ----------
    Ulyanov, Vedaldi, Lempitsky: Deep Image Prior, IJCV 2020, eq. 2.
    """
    config = (config or DipConfig()).complete()
    settings = config.fit
    assert settings is not None  # complete() has filled it
    runtime = runtime or find_runtime(config.device, config.precision)
    seed = config.seed if seed is None else seed
    limit = config.time_limit if time_limit is None else time_limit

    network = _seeded_network(problem, settings, seed).to(runtime.device)
    optimiser = torch.optim.Adam(network.parameters(), lr=settings.learning_rate)
    random = torch.Generator(runtime.device).manual_seed(seed)
    fitted, heldout = _split(problem, config, random)
    latent = LATENTS[settings.latent](problem, network, settings, fitted, random)
    probe = _probe(problem, settings.stopping.variance_pixels, random)
    state = _State(
        network,
        optimiser,
        MovingAverage(settings.averaging),
        build_rule(config, time_limit=limit, stop_requested=stop_requested),
        collapse=_COLLAPSE if problem.observation.numel() >= _MIN_PIXELS else float("inf"),
    )

    start = time.perf_counter()
    last_yield, last_assessment, pace = -np.inf, start, []
    iteration = 0
    while True:
        iteration += 1
        optimiser.zero_grad(set_to_none=True)
        draw = latent.draw()
        with runtime.autocast():
            canvas = draw.view.undo(network(draw.latent))
        estimate = _crop(canvas, problem.shape)
        loss = _mean(problem.nll(estimate), draw.weights)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        estimate = estimate.detach()
        state.average.update(estimate)
        due = iteration % runtime.assess_every == 0 or iteration == settings.max_iterations
        if not due and not stop_requested():
            continue

        # The only place that waits for the device.
        loss_value, heldout_error = _read(problem, loss, state.average.value, heldout)
        now = time.perf_counter()
        pace.append((now - last_assessment) / runtime.assess_every)
        last_assessment = now
        if state.has_collapsed(loss_value):
            state.roll_back(iteration)
            continue
        state.keep_checkpoint(iteration, loss_value)
        evidence = Evidence(iteration, now - start, heldout_error, estimate.flatten()[probe])
        reason = state.assess(evidence)
        if reason is not None or now - last_yield >= interval:
            last_yield = now
            snapshot = Snapshot(
                iteration,
                loss_value,
                heldout_error,
                state.selected,
                _copy(state.average.value),
                reason,
            )
            suspended = time.perf_counter()
            yield snapshot
            # A pause is not part of the fit, nor of its time limit.
            pause = time.perf_counter() - suspended
            start, last_assessment = start + pause, last_assessment + pause
        if reason is not None:
            break
    return Fit(
        estimate=_copy(state.kept),
        iterations=iteration,
        selected_iteration=state.selected,
        stop_reason=reason,
        seconds=time.perf_counter() - start,
        seconds_per_iteration=median(pace),
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        rollbacks=state.rollbacks,
    )


@dataclass(slots=True)
class _State:
    """All that changes during a fit, so that a rollback restores it together."""

    network: PriorNetwork
    optimiser: torch.optim.Adam
    average: MovingAverage
    rule: StoppingRule
    collapse: float
    selected: int = 0
    kept: Tensor = field(default_factory=lambda: torch.empty(0))
    rollbacks: int = 0
    _checkpoint: Any = None
    _checkpoint_loss: float = float("inf")
    _checkpoint_iteration: int = 0

    def assess(self, evidence: Evidence) -> StopReason | None:
        """Ask the rule; keep the average if the rule would select it (without opinion: latest)."""
        reason = self.rule.update(evidence)
        opinion = self.rule.selected
        if opinion is None or opinion == evidence.iteration:
            self.selected, self.kept = evidence.iteration, self.average.value.clone()
        return reason

    def has_collapsed(self, loss: float) -> bool:
        if not np.isfinite(loss):
            return True
        # Near the noise level a loss may be as small as it likes; and jumps that
        # come back again and again are the image's own.
        jumped = loss > self.collapse * max(self._checkpoint_loss, 1.0)
        return jumped and self.rollbacks < _MAX_ROLLBACKS

    def keep_checkpoint(self, iteration: int, loss: float) -> None:
        if self._checkpoint is not None and (
            iteration - self._checkpoint_iteration < _CHECKPOINT_EVERY
        ):
            return
        self._checkpoint = deepcopy(
            (
                self.network.state_dict(),
                self.optimiser.state_dict(),
                self.average,
                self.rule,
                self.selected,
                self.kept,
            )
        )
        self._checkpoint_loss, self._checkpoint_iteration = loss, iteration

    def roll_back(self, iteration: int) -> None:
        """Return to the checkpoint, with half the learning rate from here on."""
        self.rollbacks += 1
        if self._checkpoint is None or self.rollbacks > _MAX_ROLLBACKS:
            raise DivergedError(
                f"Got a loss that collapsed {self.rollbacks} times, last at iteration "
                f"{iteration}; expected it to stay finite. Try --precision float32, another "
                "--seed or a smaller learning rate."
            )
        rates = [group["lr"] for group in self.optimiser.param_groups]
        network, optimiser, *rest = deepcopy(self._checkpoint)
        self.network.load_state_dict(network)
        self.optimiser.load_state_dict(optimiser)
        self.average, self.rule, self.selected, self.kept = rest
        for group, rate in zip(self.optimiser.param_groups, rates, strict=True):
            group["lr"] = rate / 2


def _seeded_network(problem: Problem, settings: FitConfig, seed: int) -> PriorNetwork:
    """Initialise on the CPU, where a seed means the same on every machine."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        channels = problem.observation.shape[1]
        inputs = latent_channels(settings, channels)
        return build_network(settings.network, inputs, channels, problem.bounds)


def _split(
    problem: Problem, config: DipConfig, random: torch.Generator
) -> tuple[Tensor, Tensor | None]:
    """Return the weights of the fitted and of the held-out pixels, (1, C, Y, X)."""
    assert config.fit is not None
    valid = problem.valid.float()
    if config.stop not in ("auto", "heldout"):
        return valid, None
    # All channels of a pixel together: their noise may be correlated.
    draw = torch.rand((1, 1, *valid.shape[-2:]), generator=random, device=random.device)
    hidden = valid * (draw < config.fit.stopping.heldout_fraction)
    if float(hidden.sum()) < _MIN_HELDOUT:
        return valid, None
    return valid - hidden, hidden


def _probe(problem: Problem, count: int, random: torch.Generator) -> Tensor:
    """Return flat indices of the pixels whose outputs the variance rule watches."""
    size = problem.observation.numel()
    return torch.randint(size, (min(count, size),), generator=random, device=random.device)


def _crop(canvas: Tensor, shape: tuple[int, int]) -> Tensor:
    """Cut the estimate from the canvas; what lies outside is never compared with anything."""
    return canvas[..., : shape[0], : shape[1]]


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted mean; 0 when nothing has weight, as in a draw that hid no pixel."""
    return (values * weights).sum() / weights.sum().clamp(min=1.0)


def _read(
    problem: Problem, loss: Tensor, average: Tensor, heldout: Tensor | None
) -> tuple[float, float | None]:
    loss = loss.detach()
    if heldout is None:
        return float(loss), None
    both = torch.stack([loss, _mean(problem.nll(average), heldout)])
    loss_value, heldout_error = both.tolist()
    return loss_value, heldout_error


def _copy(values: Tensor) -> NDArray[np.float32]:
    """Return (1, C, Y, X) as a (C, Y, X) array of its own."""
    return np.array(values[0].float().cpu().numpy(), dtype=np.float32, order="C")
