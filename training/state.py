"""State of a training: network, running average and optimisers, kept in checkpoints."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from napari_dip.core.networks.layers import memory_format
from napari_dip.core.optim.optimisers import Adam, Muon, Optimisers
from napari_dip.io.atomic import atomic_write
from training.examples import Batch, estimate

if TYPE_CHECKING:
    from napari_dip.core.networks.build import PriorNetwork

_RATE, _WARM_UP, _DECAY = 0.01, 100, 0.7
# Adam moves the first and the last layer, at this share of the rate of Muon.
_SHARE_OF_ADAM, _BETAS = 0.1, (0.9, 0.95)
_LARGEST_GRADIENT = 1.0
_AVERAGED = 0.998
# In units of the variance of the noise: errors far below it count no more.
_FLOOR = 1e-3


class TrainingState:
    """All that changes during a training.

    Parameters
    ----------
    network : PriorNetwork
        Network that is trained; it is moved to the device.
    seed : int
        Seed of the training, which a checkpoint must share.
    device : torch.device
        Device that computes.

    Attributes
    ----------
    network, average : PriorNetwork
        Network that is trained, and the running average of its weights.
    step : int
        Number of steps so far.
    seconds : float
        Processor time so far [s].
    """

    def __init__(self, network: PriorNetwork, seed: int, device: torch.device) -> None:
        self.step, self.seconds = 0, 0.0
        self.network = network.to(device=device, memory_format=memory_format(2))  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.network)
        self._seed, self._device = seed, device
        ends = [network.get_parameter("body.first.weight"), network.head.weight]
        kernels = [
            weight
            for weight in network.parameters()
            if weight.ndim > 2 and all(weight is not end for end in ends)
        ]
        self._optimisers = Optimisers(Muon(kernels, _RATE), Adam(ends, _RATE, _BETAS))

    def advance(self, batch: Batch, share: float) -> float:
        """Make one step, and return the loss.

        Parameters
        ----------
        batch : Batch
            Examples of the step.
        share : float
            Share of the training that is over, on which the learning rate depends.
        """
        rate = _RATE * min(1.0, (self.step + 1) / _WARM_UP) * min(1.0, (1 - share) / _DECAY)
        self._optimisers.rates = [rate, rate * _SHARE_OF_ADAM]
        self._optimisers.zero_grad()
        loss = _loss(self.network, batch.to(self._device))
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(
            self.network.parameters(), _LARGEST_GRADIENT, error_if_nonfinite=True
        )
        self._optimisers.step()
        self._average_weights()
        self.step += 1
        return float(loss.detach())

    def save(self, file: Path) -> None:
        """Write a checkpoint of tensors and numbers."""
        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "moments": [part.moments for part in self._optimisers.parts],
            "step": self.step,
            "seconds": self.seconds,
            "seed": self._seed,
        }
        with atomic_write(file) as unfinished:
            torch.save(state, unfinished)

    def load(self, file: Path) -> None:
        """Resume from a checkpoint."""
        state = torch.load(file, map_location=self._device, weights_only=True)
        if state["seed"] != self._seed:
            raise ValueError(
                f"Got seed {self._seed}; expected {state['seed']}, the seed of {file}. Choose "
                "that seed, or another folder."
            )
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        for part, moments in zip(self._optimisers.parts, state["moments"], strict=True):
            for moment, kept in zip(part.moments, moments, strict=True):
                moment.copy_(kept)
        self.step, self.seconds = state["step"], state["seconds"]

    @torch.no_grad()
    def _average_weights(self) -> None:
        """Update the running average, which is short at first."""
        share = 1 - min(_AVERAGED, 1 - 8 / (self.step + 8))
        weights = zip(self.average.parameters(), self.network.parameters(), strict=True)
        for average, weight in weights:
            average.lerp_(weight, share)


def _loss(network: PriorNetwork, batch: Batch) -> Tensor:
    """Return the mean over images of the root mean square error, in units of the noise."""
    error = estimate(network, batch) - batch.clean
    return (error.square().mean((1, 2, 3)) + _FLOOR).sqrt().mean()
