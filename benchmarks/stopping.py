"""Measure the cost of stopping without a reference, with default settings.

    python -m benchmarks.stopping FOLDER_OF_DATA [--noises poisson impulse] [--names House]

A grid of noise times images, 128 x 128 pixels each: `gap` is the best PSNR of the fit
minus that of its result. With --beyond, `missed` is the same for a fit that runs to its
bound: the loss of ending too early.
Rows are cached in stopping.json under the hash of their configuration.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from benchmarks.rows import Case, middle, ours, show
from scipy import ndimage
from skimage.io import imread

from napari_dip import DipConfig
from napari_dip.core.tasks import Deconvolve, Denoise, Inpaint, SuperResolve, Task
from napari_dip.io.images import read_image

CACHE = Path("stopping.json")
CROP = 128
PHOTOGRAPHS = {
    "House": "set9", "kodim03": "set9", "F16": "set9", "butterfly": "set5",
}  # fmt: skip
FLUORESCENCE = ("fmd_BPAE_G", "fmd_BPAE_B", "fmd_fish", "w2s_044_0")
# Tasks without noise need fewer images.
FEW = ("House", "butterfly", "fmd_BPAE_G", "w2s_044_0")

Random = np.random.Generator
Degraded = tuple[np.ndarray, Task]


def images(data: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the truths, float values from 0 to 255."""
    for name, folder in PHOTOGRAPHS.items():
        yield name, middle(imread(data / folder / f"{name}.png")[..., :3], CROP).astype(float)
    for name in FLUORESCENCE:
        clean = read_image(data / "microscopy" / "pairs" / f"{name}_clean.tif").data
        clean = middle(np.squeeze(np.asarray(clean)), CROP).astype(float)
        yield name, 255 * (clean - clean.min()) / np.ptp(clean)


def gaussian(sigma: float) -> Callable[[np.ndarray, Random], Degraded]:
    return lambda truth, random: (truth + random.normal(0, sigma, truth.shape), Denoise())


def poisson(truth: np.ndarray, random: Random) -> Degraded:
    """Add the noise of 30 photons at the brightest."""
    return random.poisson(truth * 30 / 255) * 255 / 30, Denoise()


def poisson_gaussian(truth: np.ndarray, random: Random) -> Degraded:
    """Add the noise of 60 photons at the brightest, and that of a camera."""
    return random.poisson(truth * 60 / 255) * 255 / 60 + random.normal(
        100, 10, truth.shape
    ), Denoise()


def impulse(truth: np.ndarray, random: Random) -> Degraded:
    """Make 10% of the pixels black or white, and add some camera noise."""
    noisy = truth + random.normal(0, 5, truth.shape)
    draw = random.random(truth.shape[:2])
    noisy[draw < 0.1] = 255.0
    noisy[draw < 0.05] = 0.0
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8), Denoise()


def correlated(truth: np.ndarray, random: Random) -> Degraded:
    """Add Gaussian noise of 25 that is correlated over more than a pixel."""
    white = random.normal(0, 1, truth.shape)
    grain = ndimage.gaussian_filter(white, (1, 1, 0)[: truth.ndim])
    return truth + 25 * grain / grain.std(), Denoise()


def inpainting(truth: np.ndarray, random: Random) -> Degraded:
    """Remove half of the pixels."""
    missing = random.random(truth.shape[:2]) < 0.5
    observed = np.where(missing[..., None] if truth.ndim == 3 else missing, 0, truth)
    return observed, Inpaint(missing)


def enlarging(truth: np.ndarray, random: Random) -> Degraded:
    """Keep the mean of 4 x 4 pixels."""
    return truth.reshape(CROP // 4, 4, CROP // 4, 4, *truth.shape[2:]).mean((1, 3)), SuperResolve(
        4, "box"
    )


def blur(truth: np.ndarray, random: Random) -> Degraded:
    """Blur by 1.5 pixels and add noise of 2."""
    blurred = ndimage.gaussian_filter(truth, (1.5, 1.5, 0)[: truth.ndim])
    return blurred + random.normal(0, 2, truth.shape), Deconvolve(sigma=1.5)


NOISES: dict[str, Callable[[np.ndarray, Random], Degraded]] = {
    "gaussian15": gaussian(15),
    "gaussian25": gaussian(25),
    "gaussian50": gaussian(50),
    "poisson": poisson,
    "poisson-gaussian": poisson_gaussian,
    "impulse": impulse,
    "correlated": correlated,
    "inpaint": inpainting,
    "super-resolve": enlarging,
    "deconvolve": blur,
}
TASKS = ("inpaint", "super-resolve", "deconvolve")


def cases(data: Path, noise: str) -> Iterator[Case]:
    """Yield the rows of one noise."""
    for index, (name, truth) in enumerate(images(data)):
        if noise in TASKS and name not in FEW:
            continue
        observed, task = NOISES[noise](truth, np.random.default_rng(index))
        offset = 100.0 if noise == "poisson-gaussian" else 0.0  # of the camera
        observed = observed if observed.dtype == np.uint8 else observed.astype(np.float32)
        yield Case(f"{noise}/{name}", observed, truth + offset, task)


def unlimited(config: DipConfig, case: Case) -> DipConfig:
    """Return a configuration whose rules never end a fit: the same fit, to its bound."""
    complete = config.complete(case.task.preset, case.task.dims)
    assert complete.fit is not None
    never = {"heldout_patience": 10**6, "variance_patience": 10**6}
    stopping = complete.fit.stopping.model_copy(update=never)
    fit = complete.fit.model_copy(update={"stopping": stopping})
    return complete.model_copy(update={"fit": fit})


def main() -> None:
    """Print a table for each noise, and its mean and worst gap."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--noises", nargs="+", choices=NOISES, default=list(NOISES))
    parser.add_argument("--names", nargs="+")
    parser.add_argument("--preset", default="balanced")
    parser.add_argument("--stop", default="auto")
    parser.add_argument("--beyond", action="store_true")
    parser.add_argument("--cache", type=Path, default=CACHE)
    arguments = parser.parse_args()
    config = DipConfig(preset=arguments.preset, stop=arguments.stop)
    gaps: dict[str, list[float]] = {}
    for noise in arguments.noises:
        for case in cases(arguments.folder, noise):
            if arguments.names and case.name.split("/")[1] not in arguments.names:
                continue
            row: dict[str, object] = {"name": case.name}
            row |= ours(case, config, arguments.cache)
            if arguments.beyond:
                late = ours(case, unlimited(config, case), arguments.cache)
                row["missed"] = late["psnr"] + late["gap"] - row["psnr"]
            show(row, header=not gaps)
            gaps.setdefault(noise, []).append(row["gap"])
    print()
    for noise, values in gaps.items():
        print(f"{noise}: mean gap {np.mean(values):.2f} dB, worst {max(values):.2f} dB")
    everything = np.concatenate([*gaps.values()])
    print(f"all: mean gap {everything.mean():.2f} dB, worst {everything.max():.2f} dB")


if __name__ == "__main__":
    main()
