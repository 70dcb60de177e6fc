"""`python -m training PRESET FOLDER`: fit the weights of a preset to images made by code."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from training.train import train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("preset", choices=("fast", "balanced"))
    parser.add_argument("folder", type=Path, help="checkpoint, log and weights")
    parser.add_argument("--steps", type=int, default=30_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    torch.set_flush_denormal(True)
    print(train(asked.preset, asked.folder, steps=asked.steps, seed=asked.seed))


if __name__ == "__main__":
    main()
