"""Compare deconvolution with the Richardson-Lucy methods, at 30, 100 and 1000 photons.

    OMP_NUM_THREADS=1 python -m benchmarks.deconvolution FOLDER_OF_DATA [--names bars]

Each truth is blurred by the PSF and gets photon noise; the given number of photons is that of the
brightest pixel of the blurred image. Only the middle of the blurred image is shown to a method,
so that light from outside of the view is in it.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from benchmarks.rows import show
from scipy import signal
from tifffile import imread

from napari_dip import DipConfig, Image, metrics, restore
from napari_dip.api import finish
from napari_dip.compare import deconvolution
from napari_dip.compare.baselines import BASELINES
from napari_dip.compare.run import restore_with
from napari_dip.config import PRESETS, FitConfig, StoppingConfig
from napari_dip.core.operators.psf.kernel import centred_psf, gaussian_psf
from napari_dip.core.tasks import Deconvolve

if TYPE_CHECKING:
    from napari_dip.compare.facts import Facts

PHOTONS = (30, 100, 1000)
# Iterations of the former fit of a volume, which has no more time here.
FORMER_ITERATIONS = {2: 1000, 3: 200}


class Scene(NamedTuple):
    """Truth and PSF, and the part of the blurred truth that a method sees."""

    truth: np.ndarray
    psf: np.ndarray
    view: tuple[slice, ...]

    def observed(self, photons: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the noisy view and the truth in it, both in photons."""
        blurred = np.maximum(signal.fftconvolve(self.truth, self.psf, mode="same"), 0)
        scale = photons / blurred[self.view].max()
        noisy = np.random.default_rng(photons).poisson(scale * blurred[self.view])
        return noisy.astype(np.float32), scale * self.truth[self.view]


def fluorescence(data: Path, name: str) -> Scene:
    """Return clean fluorescence, blurred by a Gaussian of 2 pixels."""
    truth = np.squeeze(imread(data / "microscopy" / "pairs" / f"fmd_BPAE_{name}_clean.tif"))
    view = (slice(160, 352),) * 2
    return Scene(truth - float(truth.min()), gaussian_psf((2.0, 2.0)), view)


def bars(data: Path, dims: int) -> Scene:
    """Return the hollow bars, or their brightest plane, blurred by the middle of the PSF."""
    truth = imread(data / "deconvolution" / "bars" / "actual.tif").astype(float)
    psf = centred_psf(imread(data / "deconvolution" / "bars" / "kernel.tif"))
    middle = tuple(
        slice(n // 2 - reach, n // 2 + reach + 1)
        for n, reach in zip(psf.shape, (5, 11, 11), strict=True)
    )
    psf = psf[middle]
    view = (slice(4, 28), slice(8, 56), slice(8, 56))
    if dims == 2:
        truth, psf = truth[truth.sum(axis=(1, 2)).argmax()], psf[len(psf) // 2]
        view = view[1:]
    return Scene(truth, (psf / psf.sum()).astype(np.float32), view)


SCENES: dict[str, Callable[[Path], Scene]] = {
    "BPAE_G": lambda data: fluorescence(data, "G"),
    "BPAE_R": lambda data: fluorescence(data, "R"),
    "bars, plane": lambda data: bars(data, 2),
    "bars": lambda data: bars(data, 3),
}


def rivals(image: Image, psf: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Return PSNR, seconds and iterations of the Richardson-Lucy methods of the product."""
    row: dict[str, float] = {}
    weights = {"RL": (0.0,), "RL-TV": deconvolution.VARIATIONS, "RLGC": (None,)}
    known = next(one for one in BASELINES if "deconvolve" in one.tasks)
    counts: list[int] = []

    def deconvolve(
        values: np.ndarray, facts: Facts, variations: Sequence[float | None]
    ) -> np.ndarray:
        found, count = deconvolution.deconvolved(values[0], facts, variations)
        counts.append(count)
        return found[None]

    for name, variations in weights.items():
        method = replace(known, restore=partial(deconvolve, variations=variations))
        start = time.perf_counter()
        restored = restore_with(method, image, Deconvolve(psf), psf.ndim)
        row[f"{name} s"] = time.perf_counter() - start
        row[name] = metrics.psnr(np.asarray(restored.data), truth)
        row[f"{name} iterations"] = counts.pop()
    return row


def ours(
    name: str, image: Image, psf: np.ndarray, truth: np.ndarray, fit: FitConfig | None
) -> dict[str, float]:
    """Return PSNR, seconds and iterations of a fit."""
    config = DipConfig(device="cpu", threads=1, dims=psf.ndim, fit=fit)
    result = finish(restore(image, Deconvolve(psf), config, reference=truth))
    return {
        name: metrics.psnr(np.asarray(result.image.data), truth),
        f"{name} best": result.report.best_psnr or np.nan,
        f"{name} s": result.report.seconds,
        f"{name} iterations": result.report.iterations,
    }


def former(dims: int) -> FitConfig:
    """Return the settings of the fit that hides pixels instead of photons."""
    fit = PRESETS["balanced"]
    network = fit.network if dims == 2 else PRESETS["fast"].network
    return fit.model_copy(
        update={
            "network": network,
            "max_iterations": FORMER_ITERATIONS[dims],
            "stopping": StoppingConfig(heldout_margin=1.0),
        }
    )


def main() -> None:
    """Print the table, and write its rows as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--names", nargs="+", default=list(SCENES))
    parser.add_argument("--photons", nargs="+", type=int, default=list(PHOTONS))
    parser.add_argument("--methods", nargs="+", default=["rivals", "former", "now"])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    for name in options.names:
        scene = SCENES[name](options.folder)
        for photons in options.photons:
            noisy, truth = scene.observed(photons)
            image = Image(noisy, "ZYX"[-noisy.ndim :])
            row: dict[str, object] = {"image": name, "photons": photons}
            row["observation"] = metrics.psnr(noisy, truth)
            if "rivals" in options.methods:
                row |= rivals(image, scene.psf, truth)
            if "former" in options.methods:
                row |= ours("former", image, scene.psf, truth, former(noisy.ndim))
            if "now" in options.methods:
                row |= ours("now", image, scene.psf, truth, None)
            show(row, header=not rows)
            rows.append(row)
            if options.json:
                options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
