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
from training.bank import BANKS, Bank, Kind, open_bank
from training.examples import Batch, draw_batch, estimate
from training.network import new_network, write_weights
from training.state import TrainingState

if TYPE_CHECKING:
    from napari_dip.core.networks.build import PriorNetwork
    from training.noise import Fluctuations

# Side [pixels] and number of the crops of each step, in turn: about as many pixels in each.
_CROPS = [(128, 4)] * 6 + [(96, 7)] * 3 + [(64, 16)]
# Fluctuations of the brightness of grey images from a step on.
_FLUCTUATIONS: list[tuple[int, Fluctuations]] = [(0, "none"), (4000, "strong"), (7000, "weak")]
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
) -> Path:
    """Train the network on images made by code, and return the file of its weights.

    Parameters
    ----------
    kind : {"grey", "colour"}
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
    """
    folder.mkdir(parents=True, exist_ok=True)
    plan, checkpoint = BANKS[kind], folder / f"{kind}.checkpoint.pt"
    log, weights = folder / f"{kind}.log.jsonl", folder / f"{kind}.safetensors"
    bank = open_bank(plan, folder / f"{kind}.npy", workers=workers)
    scenes = range(_VALIDATION_SCENES, plan.count)
    validation = _draw_validation(bank, torch.device(device))
    state = TrainingState(
        new_network(LEARNED_NETWORK, plan.channels, seed), seed, torch.device(device)
    )
    if checkpoint.exists():
        state.load(checkpoint)
    losses: list[float] = []
    begun = time.process_time() - state.seconds
    while (share := budget.share(state)) < 1:
        # Each step has its own seed, so that a training can resume at any step.
        random = np.random.default_rng((seed, _EXAMPLES, state.step))
        crops = _CROPS[state.step % len(_CROPS)]
        batch = draw_batch(random, bank, *crops, scenes, _fluctuations(kind, state.step))
        losses.append(state.advance(batch, share))
        state.seconds = time.process_time() - begun
        if state.step % every == 0 or budget.share(state) >= 1:
            record = {
                "step": state.step,
                "seconds": round(state.seconds, 1),
                "loss": round(float(np.mean(losses)), 4),
                "gain_db": round(gain(state.average, validation), 3),
            }
            losses.clear()
            print(record, flush=True)
            with log.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(record) + "\n")
            described = {"channels": plan.channels, "steps": state.step, "seed": seed}
            write_weights(weights, state.average, LEARNED_NETWORK, **described)
            state.save(checkpoint)
    return weights


@torch.no_grad()
def gain(network: PriorNetwork, images: list[Batch]) -> float:
    """Return the mean gain over the observation [dB], with all pixels visible."""
    gains = []
    for observation, clean, visible in images:
        error = estimate(network, observation, torch.ones_like(visible)) - clean
        noise = observation - clean
        gains.append(10 * torch.log10(noise.square().mean() / error.square().mean()))
    return float(torch.stack(gains).mean())


def _fluctuations(kind: Kind, step: int) -> Fluctuations:
    if kind == "colour":
        return "none"
    return next(kept for first, kept in reversed(_FLUCTUATIONS) if step >= first)


def _draw_validation(bank: Bank, device: torch.device) -> list[Batch]:
    random = np.random.default_rng((_VALIDATION_SEED, bank.shape[1]))
    scenes = range(_VALIDATION_SCENES)
    return [
        draw_batch(random, bank, _VALIDATION_SIZE, 1, scenes, "none").to(device)
        for _ in range(_VALIDATION_IMAGES)
    ]
