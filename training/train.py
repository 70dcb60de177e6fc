"""Training of the denoising network on a bank of scenes, resumable, with a log."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from napari_dip.config import LEARNED_NETWORK
from training.bank import BANKS, Bank, BankPlan, Kind, open_bank
from training.examples import Batch, draw_batch, estimate
from training.network import NoiseKind, new_network, start_from, write_weights
from training.noise import NoiseMix
from training.state import TrainingState

if TYPE_CHECKING:
    from napari_dip.core.networks.build import PriorNetwork

# Side [pixels] and number of the crops of each step, in turn: about as many pixels in each.
_CROPS = [(128, 4)] * 6 + [(96, 7)] * 3 + [(64, 16)]
# Noise of the examples from a step on.
_GREY = {0: NoiseMix("none"), 4000: NoiseMix("strong"), 7000: NoiseMix("weak")}
_MIXES: dict[Kind, dict[int, NoiseMix]] = {
    "grey": _GREY,
    "coarse": _GREY | {13000: NoiseMix("weak", coarse=0.35)},
    "colour": {0: NoiseMix("none")},
    "stack": {0: NoiseMix("weak", coarse=0.15)},
}
# Noise that the weights are for.
_PURPOSES: dict[Kind, NoiseKind] = {
    "grey": "fine",
    "coarse": "coarse",
    "colour": "fine",
    "stack": "any",
}
# Noise of the images that are validated.
_VALIDATED = {"gain_db": NoiseMix("none"), "gain_coarse_db": NoiseMix("none", coarse=1.0)}
# The first scenes of a bank are for validation only.
_VALIDATION_SCENES, _VALIDATION_IMAGES, _VALIDATION_SIZE = 100, 60, 128
_VALIDATION_SEED = 777
# Second number of the seed of the examples.
_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Budget:
    """Length of a training.

    Attributes
    ----------
    amount : float
        Number of steps, or of seconds.
    unit : {"steps", "seconds"}
        Steps of the optimiser, or seconds of processor time.
    """

    amount: float
    unit: Literal["steps", "seconds"]

    def __post_init__(self) -> None:
        if self.amount <= 0:
            raise ValueError(
                f"Got a training of {self.amount} {self.unit}; expected a number above 0. "
                f"Choose more {self.unit}."
            )

    def share(self, state: TrainingState) -> float:
        """Return the share of the training that is over, from 0 to about 1."""
        return (state.step if self.unit == "steps" else state.seconds) / self.amount


def train(
    kind: Kind,
    folder: Path,
    budget: Budget,
    *,
    seed: int = 0,
    device: str = "cpu",
    workers: int = 1,
    every: int = 1000,
    start: Path | None = None,
) -> Path:
    """Train the network on images made by code, and return the file of its weights.

    Parameters
    ----------
    kind : {"grey", "coarse", "colour", "stack"}
        Kind of the images.
    folder : Path
        Folder of bank, checkpoint, log and weights. An interrupted training resumes from there.
    budget : Budget
        Length of the training.
    seed : int
        Seed of weights and examples. Default 0.
    device : {"cpu", "cuda"}
        Device that computes. Default "cpu".
    workers : int
        Number of processes that make the bank. Default 1.
    every : int
        Number of steps between checkpoints. Default 1000.
    start : Path, optional
        File of weights for images without neighbours, from which a training with neighbours
        starts. Random weights by default.
    """
    folder.mkdir(parents=True, exist_ok=True)
    plan, checkpoint = BANKS[kind], folder / f"{kind}.checkpoint.pt"
    log, weights = folder / f"{kind}.log.jsonl", folder / f"{kind}.safetensors"
    bank = open_bank(plan, folder / f"{kind}.npy", workers=workers)
    scenes = range(_VALIDATION_SCENES, plan.count)
    validation = {
        name: _draw_validation(plan, bank, mix, torch.device(device))
        for name, mix in _VALIDATED.items()
    }
    images = plan.channels - plan.neighbours
    network = new_network(LEARNED_NETWORK, images, seed, plan.neighbours)
    if start is not None:
        start_from(network, start)
    state = TrainingState(network, seed, torch.device(device))
    if checkpoint.exists():
        state.load(checkpoint)
    losses: list[float] = []
    begun = time.process_time() - state.seconds
    while (share := budget.share(state)) < 1:
        # Each step has its own seed, so that a training can resume at any step.
        random = np.random.default_rng((seed, _EXAMPLES, state.step))
        crops = _CROPS[state.step % len(_CROPS)]
        mix = _mix(kind, state.step)
        batch = draw_batch(random, bank, *crops, scenes, mix, plan.neighbours)
        losses.append(state.advance(batch, share))
        state.seconds = time.process_time() - begun
        if state.step % every == 0 or budget.share(state) >= 1:
            record = {
                "step": state.step,
                "seconds": round(state.seconds, 1),
                "loss": round(float(np.mean(losses)), 4),
            }
            for name, batches in validation.items():
                record[name] = round(gain(state.average, batches), 3)
            losses.clear()
            print(record, flush=True)
            with log.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(record) + "\n")
            write_weights(
                weights,
                state.average,
                LEARNED_NETWORK,
                channels=images,
                neighbours=plan.neighbours,
                noise=_PURPOSES[kind],
                steps=state.step,
                seed=seed,
            )
            state.save(checkpoint)
    return weights


@torch.no_grad()
def gain(network: PriorNetwork, images: list[Batch]) -> float:
    """Return the mean gain over the observation [dB], with all pixels visible."""
    gains = []
    for batch in images:
        shown = batch._replace(visible=torch.ones_like(batch.visible))
        error = estimate(network, shown) - batch.clean
        noise = batch.observation - batch.clean
        gains.append(10 * torch.log10(noise.square().mean() / error.square().mean()))
    return float(torch.stack(gains).mean())


def _mix(kind: Kind, step: int) -> NoiseMix:
    """Return the noise of the examples of a step."""
    mixes = _MIXES[kind]
    return mixes[max(first for first in mixes if first <= step)]


def _draw_validation(
    plan: BankPlan, bank: Bank, mix: NoiseMix, device: torch.device
) -> list[Batch]:
    random = np.random.default_rng((_VALIDATION_SEED, bank.shape[1]))
    scenes = range(_VALIDATION_SCENES)
    return [
        draw_batch(random, bank, _VALIDATION_SIZE, 1, scenes, mix, plan.neighbours).to(device)
        for _ in range(_VALIDATION_IMAGES)
    ]
