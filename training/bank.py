"""Banks: the clean images of a training, made once and kept in a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_dip.io.atomic import atomic_write
from training.colours import make_colour_scene
from training.scenes import Scene, make_scene
from training.stacks import PLANES, make_stack

Kind = Literal["grey", "coarse", "colour", "stack"]
Bank = NDArray[np.float16]
_Map = Callable[[Callable[[int], Bank], Iterable[int]], Iterable[Bank]]

# Number of scenes that a process makes at a time.
_PER_TASK = 50


@dataclass(frozen=True, slots=True)
class BankPlan:
    """Scenes of a bank.

    Attributes
    ----------
    make : callable
        Function that makes one scene from a random generator and a side.
    seed : int
        Seed of the bank; scene i has the seed (seed, i).
    channels : int
        Number of channels or planes of a scene.
    count : int
        Number of scenes.
    size : int
        Side of a scene [pixels].
    neighbours : int
        Number of planes that are neighbours of the one to restore. Default 0.
    """

    make: Scene
    seed: int
    channels: int
    count: int
    size: int = 192
    neighbours: int = 0

    def scene(self, index: int) -> Bank:
        """Return one scene, (C, size, size)."""
        made = self.make(np.random.default_rng((self.seed, index)), self.size)
        return made.reshape(self.channels, self.size, self.size).astype(np.float16)


BANKS: dict[Kind, BankPlan] = {
    "grey": BankPlan(make_scene, seed=11, channels=1, count=8000),
    "coarse": BankPlan(make_scene, seed=11, channels=1, count=8000),
    "colour": BankPlan(make_colour_scene, seed=12, channels=3, count=6000),
    "stack": BankPlan(make_stack, seed=13, channels=PLANES, count=3000, neighbours=PLANES - 1),
}


def open_bank(plan: BankPlan, file: Path, *, workers: int = 1) -> Bank:
    """Return the scenes of a file, which is made if it does not exist.

    Parameters
    ----------
    plan : BankPlan
        Scenes that the file holds.
    file : Path
        File of numpy (.npy). An interrupted call leaves no such file.
    workers : int
        Number of processes that make scenes. Default 1.

    Returns
    -------
    (N, C, Y, X) float16
        Scenes, read from the disk when they are used.
    """
    shape = (plan.count, plan.channels, plan.size, plan.size)
    if not file.exists():
        with atomic_write(file) as unfinished, _mapper(workers) as each:
            scenes = np.lib.format.open_memmap(unfinished, "w+", np.float16, shape)
            for index, scene in enumerate(each(plan.scene, range(plan.count))):
                scenes[index] = scene
            scenes.flush()
            del scenes  # an open file cannot be renamed on Windows
    bank: Bank = np.load(file, mmap_mode="r", allow_pickle=False)
    if bank.shape != shape:
        raise ValueError(
            f"Got scenes of shape {bank.shape} in {file}; expected {shape}. Delete the file, or "
            "choose another folder."
        )
    return bank


@contextmanager
def _mapper(workers: int) -> Iterator[_Map]:
    """Yield the function `map`, in this process or in several."""
    if workers == 1:
        yield map
        return
    # Processes that are forked after torch has started threads can hang.
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        yield partial(pool.map, chunksize=_PER_TASK)
