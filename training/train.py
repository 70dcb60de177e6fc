"""Fit a network of a preset to training pairs, resumable, with a log."""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from napari_dip.config.presets import preset_of
from napari_dip.core.networks.build import PriorNetwork, build_network
from napari_dip.core.optim.optimisers import build_optimiser
from training.examples import Example, make_example

if TYPE_CHECKING:
    from napari_dip.config import NetworkConfig, Preset

_CHANNELS = 1
_RATE, _WARM_UP = 0.02, 100
_PER_STEP = 2
# Crops are larger towards the end, when the coarse scales are refined.
_SIZES, _LARGE_FROM = (128, 192), 0.85
_LARGEST_GRADIENT = 5.0
_AVERAGED = 0.999
# In units of the variance of the observation: errors below it count no more.
_FLOOR = 2e-4
_VALIDATION, _VALIDATION_SEED = 40, 777


def train(preset: Preset, folder: Path, *, steps: int, seed: int = 0, every: int = 500) -> Path:
    """Fit the denoising network of a preset, and return the file of its weights.

    Parameters
    ----------
    preset : {"fast", "balanced"}
        Preset whose network is fitted.
    folder : Path
        Folder of checkpoint, log and weights, all written at each checkpoint. A training that was
        interrupted resumes from there.
    steps : int
        Number of steps of the optimiser, of two images each.
    seed : int
        Seed of weights and images.
    every : int
        Steps between checkpoints.
    """
    settings = preset_of(preset, "denoise").model_copy(update={"learning_rate": _RATE})
    shuffle = settings.network.pixel_shuffle
    torch.manual_seed(seed)
    network = build_network(settings.network, _CHANNELS * shuffle**2, _CHANNELS)
    optimiser = build_optimiser(network, settings)
    average = copy.deepcopy(network)
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint, log = folder / f"{preset}.checkpoint.pt", folder / f"{preset}.log.jsonl"
    file = folder / f"{preset}-{_CHANNELS}.safetensors"
    first, seconds = 0, 0.0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        network.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        for part, moments in zip(optimiser.parts, state["moments"], strict=True):
            for moment, kept in zip(part.moments, moments, strict=True):
                moment.copy_(kept)
        first, seconds = state["step"], state["seconds"]
    hidden = [
        make_example((_VALIDATION_SEED, n), _SIZES[0], shuffle, 0.2) for n in range(_VALIDATION)
    ]
    shown = [
        make_example((_VALIDATION_SEED, n), _SIZES[0], shuffle, 0.0) for n in range(_VALIDATION)
    ]
    begun = time.monotonic() - seconds
    for step in range(first, steps):
        size = _SIZES[step >= _LARGE_FROM * steps]
        _set_rates(optimiser, _rate(step, steps))
        optimiser.zero_grad()
        for n in range(_PER_STEP):
            example = make_example((seed, step, n), size, shuffle, None)
            (_loss(network, example) / _PER_STEP).backward()  # type: ignore[no-untyped-call]
        if _clip(network):
            optimiser.step()
        _follow(average, network, step)
        if (step + 1) % every == 0 or step + 1 == steps:
            record = {
                "step": step + 1,
                "seconds": round(time.monotonic() - begun, 1),
                "gain_hidden_db": gain(average, hidden),
                "gain_shown_db": gain(average, shown),
            }
            with log.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(record) + "\n")
            state = {
                "network": network.state_dict(),
                "average": average.state_dict(),
                "moments": [part.moments for part in optimiser.parts],
                "step": step + 1,
                "seconds": time.monotonic() - begun,
            }
            partial = checkpoint.with_suffix(".partial")
            torch.save(state, partial)
            partial.replace(checkpoint)
            done = {"step": step + 1, "steps": steps, "seed": seed}
            _write_weights(file, average, settings.network, done)
            print(record, flush=True)
    return file


def estimate(network: PriorNetwork, latent: Tensor) -> Tensor:
    """Return the estimate in units of the observation: the head has no window here."""
    return (network(latent) - 0.5) * 4  # type: ignore[no-any-return]


def _write_weights(
    file: Path, network: PriorNetwork, config: NetworkConfig, done: Mapping[str, int]
) -> None:
    """Write weights in half precision, and what a fit has to know to use them."""
    weights = {name: values.half().contiguous() for name, values in network.state_dict().items()}
    described = {
        "network": config.model_dump_json(),
        "channels": str(_CHANNELS),
        **{name: str(number) for name, number in done.items()},
        "license": "BSD-3-Clause",
    }
    save_file(weights, file, described)


def gain(network: PriorNetwork, examples: list[Example]) -> float:
    """Return the mean gain over the observation [dB]."""
    with torch.no_grad():
        gains = [
            10
            * math.log10(
                float((one.observation - one.clean).square().mean())
                / float((estimate(network, one.latent) - one.clean).square().mean())
            )
            for one in examples
        ]
    return round(sum(gains) / len(gains), 3)


def _loss(network: PriorNetwork, example: Example) -> Tensor:
    error = estimate(network, example.latent) - example.clean
    return torch.log(error.square().mean() + _FLOOR)


def _rate(step: int, steps: int) -> float:
    share = step / steps
    return _RATE * min(1.0, (step + 1) / _WARM_UP) * min(0.85, 1.0 - share)


def _set_rates(optimiser: Any, rate: float) -> None:
    kernels, others = optimiser.parts
    kernels.rate, others.rate = rate, rate / 4


def _clip(network: nn.Module) -> bool:
    """Limit the norm of the gradients; return False if they are not finite."""
    norm = nn.utils.clip_grad_norm_(network.parameters(), _LARGEST_GRADIENT)
    return bool(torch.isfinite(norm))


@torch.no_grad()
def _follow(average: nn.Module, network: nn.Module, step: int) -> None:
    share = 1 - min(_AVERAGED, 1 - 8 / (step + 8))
    for kept, now in zip(average.parameters(), network.parameters(), strict=True):
        kept.lerp_(now, share)
