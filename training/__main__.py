"""`python -m training grey FOLDER --seconds 5400`: train the network on images made by code."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from training.bank import BANKS
from training.train import Budget, train


def main() -> None:
    parser = argparse.ArgumentParser("python -m training", description=__doc__)
    parser.add_argument("kind", choices=BANKS)
    parser.add_argument("folder", type=Path, help="bank, checkpoint, log and weights")
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--steps", type=int, help="length of the training")
    length.add_argument("--seconds", type=float, help="length of the training, in processor time")
    parser.add_argument("--seed", type=int, default=0, help="seed of weights and examples")
    parser.add_argument(
        "--threads", type=int, default=1, help="threads that train, processes that make the bank"
    )
    parser.add_argument("--start", type=Path, help="weights of grey images, for a stack")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.set_flush_denormal(True)
    if given.seconds is None:
        budget = Budget(given.steps, "steps")
    else:
        budget = Budget(given.seconds, "seconds")
    file = train(
        given.kind,
        given.folder,
        budget,
        seed=given.seed,
        device=given.device,
        workers=given.threads,
        start=given.start,
    )
    print(file)


if __name__ == "__main__":
    main()
