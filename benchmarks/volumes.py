"""Compare volumes with single planes.

    python -m benchmarks.volumes TABLE FOLDER_OF_DATA [--stacks nuclei] [--presets fast balanced]

TABLE is one of the functions below. The images are the middles of real stacks, `--planes`
planes of `--crop` x `--crop` pixels. The truth is the recording, with some noise of its own.
Each row runs in a process of its own, which measures its memory.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from benchmarks.rows import in_own_process, show
from benchmarks.stacks import photographed, recorded

from napari_dip import DipConfig, Image, metrics, restore
from napari_dip.api import finish
from napari_dip.core.hardware.memory import peak_memory
from napari_dip.core.tasks import Denoise, Task

# Name: file, first plane, spacing [micrometre]; the spacing of nuclei is unknown.
STACKS: dict[str, tuple[str, int, dict[str, float]]] = {
    "nuclei": ("nuclei_zyx_uint16.tif", 16, {}),
    "ovule": ("ovule_imagej_zyx.tif", 4, {}),
    "beads": ("beads_imagej_zyx.tif", 10, {"Z": 0.125, "Y": 0.0225, "X": 0.0225}),
}
CPU = torch.device("cpu")


def truth_of(options: argparse.Namespace, name: str) -> np.ndarray:
    """Return the middle of a stack, (Z, Y, X), in photons."""
    file, first, _ = STACKS[name]
    planes = slice(first, first + options.planes)
    return recorded(options.folder / "stacks" / file, "ZYX", planes, options.crop)


def fitted(image: Image, task: Task, config: DipConfig, truth: np.ndarray) -> dict[str, float]:
    """Return PSNR, seconds, iterations and memory of a run, with all libraries loaded before."""
    tiny = Image(image.data[:2, :32, :32], image.axes)
    finish(restore(tiny, config=DipConfig(max_iterations=2, device="cpu", threads=1)))
    before = peak_memory(CPU)
    result = finish(restore(image, task, config, reference=truth))
    return {
        "psnr": metrics.psnr(np.asarray(result.image.data), truth),
        "best": result.report.best_psnr or np.nan,
        "seconds": result.report.seconds,
        "iterations": result.report.iterations,
        "MB": (peak_memory(CPU) - before) / 1e6,
    }


def dims(options: argparse.Namespace) -> Iterator[dict[str, object]]:
    """Denoising: planes with a cold start, planes with a warm start, the whole volume."""
    ways = {"planes": (2, "off"), "planes, warm": (2, "on"), "volume": (3, "off")}
    for name, preset in itertools.product(options.stacks, options.presets):
        truth = truth_of(options, name)
        noisy = photographed(truth)
        for way, (count, warm) in ways.items():
            numbers = alone(options, "dims", name, preset, dims=count, warm_start=warm)
            yield {
                "stack": name, "preset": preset, "observed [dB]": metrics.psnr(noisy, truth),
                "way": way, **numbers,
            }  # fmt: skip


def alone(
    options: argparse.Namespace, table: str, name: str, preset: str, **choices: object
) -> dict[str, float]:
    """Return the numbers of one run, made in a process of its own."""
    one = json.dumps({"table": table, "preset": preset, **choices})
    words = (table, options.folder, "--stacks", name, "--one", one)
    return in_own_process("volumes", *words, "--planes", options.planes, "--crop", options.crop)


def one_run(options: argparse.Namespace) -> dict[str, float]:
    """Make the run that `alone` requests."""
    choices = json.loads(options.one)
    choices.pop("table")
    (name,) = options.stacks
    truth = truth_of(options, name)
    config = DipConfig(device="cpu", threads=1, voxel_size=_sizes(name), **choices)
    return fitted(Image(photographed(truth), "ZYX"), Denoise(), config, truth)


def _sizes(name: str) -> dict[str, float] | None:
    sizes = STACKS[name][2]
    return {axis.lower(): size for axis, size in sizes.items()} or None


TABLES = {one.__name__: one for one in (dims,)}


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--stacks", nargs="+", choices=STACKS, default=list(STACKS))
    parser.add_argument("--presets", nargs="+", default=["balanced"])
    parser.add_argument("--planes", type=int, default=16)
    parser.add_argument("--crop", type=int, default=64)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one_run(options)))
        return
    for index, row in enumerate(TABLES[options.table](options)):
        show(row, header=index == 0)


if __name__ == "__main__":
    main()
