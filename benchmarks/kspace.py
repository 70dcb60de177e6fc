"""Compare the learned start of k-space with zero filling, total variation and the fit.

    python -m benchmarks.kspace FOLDER_OF_DATA [--every 2] [--fits 2]

Slices of brains with the published masks that record 20 and 30% of the frequencies, without
noise. The slices on which the schedule of the noise levels was chosen are left out. The fit
from total variation (`--start random`) takes long, so only the first slices have it. All
values are cached in kspace.json, so that the table can be made in parts. Seconds are those of
the processor.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from benchmarks.report import Place, store
from benchmarks.rows import Case, answers, mean, show, timed
from benchmarks.tables import brightness_psnr, least_total_variation
from scipy.io import loadmat
from skimage.io import imread

from napari_dip import DipConfig, Image
from napari_dip.core.tasks import ReconstructKSpace

CACHE = Path("kspace.json")
MASKS = (20, 30)
# Slices on which the schedule was chosen.
CHOSEN_ON = ("03", "15", "28", "41")
PLACE = Place(
    "docs/notebook/results.md",
    "k-space",
    "Brains with published masks, 256 x 256, without noise: mean PSNR with a range of 255, and "
    "processor seconds on one core. `fit` is the fit from total variation, `--start random`. "
    "Slices on which the schedule was chosen are left out.",
)


def cases(folder: Path, percent: int, every: int) -> Iterator[Case]:
    """Yield the slices with a mask."""
    (mask,) = (v for k, v in loadmat(folder / f"mask_{percent}.mat").items() if k[0] != "_")
    task = ReconstructKSpace(np.fft.fftshift(np.asarray(mask) != 0))
    files = [f for f in sorted(folder.glob("brain_test_*.png")) if f.stem[-2:] not in CHOSEN_ON]
    for file in files[::every]:
        truth = imread(file).astype(float)
        zero_filled = task.observe(Image(truth, "YX")).data
        baselines = {"total variation": lambda y=zero_filled: least_total_variation(y, task)}
        name = f"{file.stem[-2:]} {percent}"
        yield Case(name, zero_filled, truth, task, None, baselines, brightness_psnr)


def row_of(case: Case, *, fitted: bool) -> dict[str, object]:
    """Return the figures of a slice."""
    variation = timed(case, "total variation", CACHE)
    learned = answers(case, DipConfig(), CACHE)
    fit = answers(case, DipConfig(start="random"), CACHE) if fitted else {}
    return {
        "slices": case.name,
        "zero-filled": case.judge(case.observed, case.truth),
        "total variation": variation[""],
        "fit": fit.get(""),
        "napari-dip": learned[""],
        "gain over total variation": float(learned[""]) - float(variation[""]),
        "iterations": learned["iterations"],
        "fit seconds": fit.get("seconds"),
        "seconds": learned["seconds"],
    }


def summary(rows: list[dict[str, object]], percent: int) -> dict[str, object]:
    """Return the row of the means, with the smallest gain of a slice."""
    means = mean(rows)
    smallest = min(float(str(row["gain over total variation"])) for row in rows)
    numbers = {k: v if isinstance(v, float) else None for k, v in means.items() if k != "slices"}
    name = f"{percent}%, {len(rows)} slices"
    shown = {k: v for k, v in numbers.items() if k != "name"}
    return {"mask and slices": name} | shown | {"smallest gain": smallest}


def main() -> None:
    """Print each slice, and store the means."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--every", type=int, default=2)
    parser.add_argument("--fits", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    stored = []
    for percent in MASKS:
        rows: list[dict[str, object]] = []
        for case in cases(arguments.folder / "mri_brains", percent, arguments.every):
            rows.append(row_of(case, fitted=len(rows) < arguments.fits))
            show(rows[-1], header=len(rows) == 1)
        stored += [summary(rows, percent), summary(rows[: arguments.fits], percent)]
    command = f"python -m benchmarks.kspace FOLDER --every {arguments.every}"
    store("kspace", stored, command, PLACE)


if __name__ == "__main__":
    main()
