"""PSFs: widths that are found in images of beads, and what the right PSF is worth.

    python -m benchmarks.psf widths
    python -m benchmarks.psf models

`widths`: images made by code, with a Gaussian PSF of 0.3 micrometre along Y and X and 0.8 along
Z, pixels of 0.1 and planes of 0.2, beads at fractions of a pixel, a fifth of them with a
neighbour 3.6 pixels away, photon noise. Each row has the largest error of several images.

`models`: a cell, blurred by the PSF of a confocal microscope, with photon noise, is restored with
that PSF, with one measured from beads that are blurred in the same way, and with other PSFs.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from benchmarks.rows import show
from scipy import ndimage

from napari_dip import DipConfig, deconvolve, measure_psf
from napari_dip.core.operators.psf.microscope import Setup, microscope_psf
from napari_dip.metrics import psnr
from napari_dip.samples.noisy import cell
from tests.bead_images import apart, recorded, spots, true_width

SHAPES = {"plane": (200, 220), "stack": (33, 200, 220)}
# Name, photons of a bead in a plane, background, spacing of the beads [pixels], diameter.
CASES = (
    ("bright", 20_000, 30, 32, 0.0),
    ("dim", 2000, 30, 32, 0.0),
    ("in bright background", 20_000, 300, 32, 0.0),
    ("dense", 20_000, 30, 20, 0.0),
    ("of 0.2 µm, corrected", 20_000, 30, 40, 0.2),
)
IMAGES = 3


def measured(shape: tuple[int, ...], case: tuple, seed: int) -> dict[str, float]:
    """Return the numbers of beads, and the errors of the widths [per cent]."""
    _, light, background, spacing, diameter = case
    centres = apart(shape, spacing, seed)
    shift = np.zeros(len(shape))
    shift[-2:] = 3.0, 2.0
    centres = np.concatenate([centres, centres[: len(centres) // 5] + shift])
    photons = np.random.default_rng(seed).uniform(0.7, 1.3, len(centres)) * light
    photons *= 5 if len(shape) == 3 else 1  # a stack spreads the light over several planes
    image = recorded(spots(shape, centres, photons, diameter), background, seed)
    found = measure_psf(image, bead_diameter=diameter or None)
    errors = {axis: 100 * (found.fwhm[axis] / true_width(axis) - 1) for axis in found.psf.axes}
    return {"used": found.used, "refused": sum(found.refused.values()), **errors}


# Pixel [micrometre], and optics of the confocal microscope.
PIXEL = 0.08
CONFOCAL = Setup(1.2, 1.33, "confocal", 0.52, 0.488, 1.0)
# Crop of the cell, photons at its brightest pixel, and beads on a finer grid.
CROP, PHOTONS = slice(200, 328), 200
FINE, BEADS, FIELD = 5, 24, 200


def beads_of(setup: Setup) -> np.ndarray:
    """Return the image of beads at fractions of a pixel, with photon noise."""
    rng = np.random.default_rng(0)
    points = np.zeros((FIELD * FINE,) * 2)
    points[tuple(rng.integers(10 * FINE, (FIELD - 10) * FINE, (2, BEADS)))] = 20_000
    fine = microscope_psf(setup, (PIXEL / FINE,) * 2)
    light = ndimage.convolve(points, fine, mode="constant")
    return rng.poisson(light.reshape(FIELD, FINE, FIELD, FINE).sum(axis=(1, 3)) + 30)


def models() -> None:
    """Print the PSNR of the cell, restored with each PSF."""
    truth = np.asarray(cell().reference.data, float)[CROP, CROP]
    true_psf = microscope_psf(CONFOCAL, (PIXEL, PIXEL))
    scale = PHOTONS / truth.max()
    blurred = ndimage.convolve(truth, true_psf.astype(float), mode="reflect")
    image = np.random.default_rng(1).poisson(blurred * scale) / scale
    size = {"y": PIXEL, "x": PIXEL}
    measured = measure_psf(beads_of(CONFOCAL), voxel_size=size)
    psfs = {
        "the true one": true_psf,
        f"measured from {measured.used} beads": measured.psf,
        "wide field": microscope_psf(Setup(1.2, 1.33, emission=0.52), (PIXEL, PIXEL)),
        "wide field of 0.7 µm": microscope_psf(Setup(1.2, 1.33, emission=0.7), (PIXEL, PIXEL)),
    }
    show({"PSF": "none", "PSNR": float(psnr(image, truth)), "seconds": 0.0})
    for name, psf in psfs.items():
        start = time.perf_counter()
        restored = deconvolve(image, psf, config=DipConfig(threads=1, voxel_size=size))
        quality = float(psnr(restored, truth))
        show({"PSF": name, "PSNR": quality, "seconds": time.perf_counter() - start})


def widths() -> None:
    """Print the errors of the widths that are found."""
    for name, shape in SHAPES.items():
        for case in CASES:
            runs = [measured(shape, case, seed) for seed in range(IMAGES)]
            row = {"beads": case[0], "image": name}
            for key in ("used", "refused"):
                row[key] = float(np.mean([run[key] for run in runs]))
            for axis in "ZYX":
                errors = [abs(run[axis]) for run in runs if axis in run]
                row[axis] = max(errors) if errors else None
            show(row)


if __name__ == "__main__":
    {"widths": widths, "models": models}[sys.argv[1]]()
