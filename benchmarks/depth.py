"""What PSFs for each depth are worth in a specimen of another refractive index.

    python -m benchmarks.depth [--no-fits]

Bars and beads, made by code: 16 x 32 x 32 voxels of 0.3 x 0.1 x 0.1 micrometre, wide field of NA
1.2 with oil of 1.515. Each plane is blurred by the PSF of its own depth, and photon noise is added:
100 photons at the brightest voxel. Each volume is restored with the PSF of the cover glass for all
planes, and with slabs. "Shifted" is the PSNR after the shift along z, by whole planes, that fits
best: spherical aberration also moves the brightest plane.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from benchmarks.rows import show
from scipy import ndimage

from napari_dip import DipConfig, restore
from napari_dip.api import finish
from napari_dip.compare.baselines import BASELINES
from napari_dip.compare.run import restore_with
from napari_dip.core.image.image import Image
from napari_dip.core.operators.psf.microscope import Setup, microscope_psf
from napari_dip.core.operators.slabs import SlabBlur, slab_weights
from napari_dip.core.tasks import Deconvolve
from napari_dip.metrics import psnr

SHAPE, SPACING = (16, 32, 32), (0.3, 0.1, 0.1)
NA, WAVELENGTH, OIL, PHOTONS = 1.2, 0.52, 1.515, 100
# Refractive index of the specimen, and depth of the first plane [micrometre].
CASES = ((1.515, 0.0), (1.45, 0.0), (1.33, 0.0), (1.33, 10.0))


def structure(seed: int = 0) -> np.ndarray:
    """Return bars along X and Y and beads, (Z, Y, X), the brightest with 100 photons."""
    random = np.random.default_rng(seed)
    light = np.zeros(SHAPE)
    for z in range(3, SHAPE[0] - 3, 4):
        for _ in range(3):
            at = random.integers(5, SHAPE[1] - 7)
            lines = slice(at, at + 2)
            if random.random() < 0.5:
                light[z, lines, 4:-4] = random.uniform(0.4, 1)
            else:
                light[z, 4:-4, lines] = random.uniform(0.4, 1)
    for _ in range(40):
        z, y, x = (random.integers(3, n - 3) for n in SHAPE)
        light[z, y - 1 : y + 1, x - 1 : x + 1] = 1.5
    return ndimage.gaussian_filter(light, (0.5, 0.7, 0.7))


def recorded(truth: np.ndarray, index: float, first: float) -> tuple[np.ndarray, np.ndarray]:
    """Return truth and recording [photons]; each plane has the PSF of its own depth."""
    planes = SHAPE[0]
    depths = [first + SPACING[0] * at for at in range(planes)]
    setups = [
        Setup(NA, OIL, emission=WAVELENGTH, specimen_index=index, depth=depth) for depth in depths
    ]
    psfs = np.stack(
        [
            microscope_psf(setup, SPACING, planes=planes // 2 * 2 + 1, widest=(12, 12))
            for setup in (setups if index != OIL else setups[:1])
        ]
    )
    margins = [width // 2 for width in psfs.shape[1:]]
    around = [first + SPACING[0] * at for at in range(-margins[0], planes + margins[0])]
    blur = SlabBlur(torch.from_numpy(psfs), slab_weights(around, depths[: len(psfs)]))
    scene = np.pad(truth, [(margin, margin) for margin in margins])
    blurred = blur(torch.from_numpy(scene.astype(np.float32))[None, None])[0, 0].numpy()
    scale = PHOTONS / blurred.max()
    photons = np.random.default_rng(1).poisson(np.clip(blurred, 0, None) * scale)
    return truth * scale, photons.astype(np.float32)


def quality(estimate: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Return the PSNR, and that after the best shift along Z."""
    inner = slice(4, -4)
    shifted = [
        float(psnr(np.roll(estimate, shift, 0)[inner], truth[inner])) for shift in range(-4, 5)
    ]
    return float(psnr(estimate, truth)), max(shifted)


def methods(fits: bool) -> Iterator[tuple[str, Callable[[Image, Deconvolve], np.ndarray]]]:
    """Yield the names of methods, and functions that restore an image."""
    (method,) = (one for one in BASELINES if one.name == "Richardson-Lucy")
    yield (
        "Richardson-Lucy",
        lambda image, task: np.asarray(restore_with(method, image, task, 3).data),
    )
    if fits:
        config = DipConfig(threads=1, dims=3, device="cpu")
        yield (
            "balanced",
            lambda image, task: np.asarray(finish(restore(image, task, config)).image.data),
        )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-fits", action="store_true")
    parser.add_argument("--cases", type=int, nargs="+", default=range(len(CASES)))
    options = parser.parse_args()
    for index, first in (CASES[at] for at in options.cases):
        truth, photons = recorded(structure(), index, first)
        image = Image(photons, "ZYX", dict(zip("ZYX", SPACING, strict=True)))
        one = Deconvolve(na=NA, wavelength=WAVELENGTH, refractive_index=OIL)
        slabs = Deconvolve(
            na=NA, wavelength=WAVELENGTH, refractive_index=OIL,
            specimen_index=index, depth_of_first_plane=first,
        )  # fmt: skip
        for name, method in methods(not options.no_fits):
            for way, task in {"one PSF": one, "slabs": slabs}.items():
                start = time.perf_counter()
                estimate = method(image, task)
                seconds = time.perf_counter() - start
                plain, shifted = quality(estimate, truth)
                show(
                    {
                        "specimen": index, "depth": first, "method": name, "PSF": way,
                        "observed": float(psnr(photons, truth)), "PSNR": plain,
                        "shifted": shifted, "seconds": seconds,
                    }
                )  # fmt: skip


if __name__ == "__main__":
    main()
