"""What PSFs for each depth are worth in a specimen of another refractive index.

    python -m benchmarks.depth [--cases 2 3] [--draws 3] [--fits 1]

Bars and beads, made by code: 16 x 32 x 32 voxels of 0.3 x 0.1 x 0.1 micrometre, wide field of NA
1.2 with oil of 1.515. Each plane is blurred by the PSF of its own depth, and photon noise is added:
100 photons at the brightest voxel. Each volume is restored with the PSF of the cover glass for all
planes, and with slabs. PSNR [dB], the mean of several draws of structure and noise. `balanced`
takes longer and has fewer draws, and Richardson-Lucy is measured for the same ones, too.
"Shifted" is the PSNR after the shift along z, by whole planes, that fits best: spherical
aberration also moves the brightest plane.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from benchmarks.fmd import PERFORMANCE
from benchmarks.report import Place, store
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
# Draws of structure and noise, and those of them that `balanced` restores.
DRAWS, FITS = 6, 2
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


def recorded(
    truth: np.ndarray, index: float, first: float, seed: int = 1
) -> tuple[np.ndarray, np.ndarray]:
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
    photons = np.random.default_rng(seed).poisson(np.clip(blurred, 0, None) * scale)
    return truth * scale, photons.astype(np.float32)


def quality(estimate: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Return the PSNR, and that after the best shift along Z."""
    inner = slice(4, -4)
    shifted = [
        float(psnr(np.roll(estimate, shift, 0)[inner], truth[inner])) for shift in range(-4, 5)
    ]
    return float(psnr(estimate, truth)), max(shifted)


def methods() -> Iterator[tuple[str, Callable[[Image, Deconvolve], np.ndarray]]]:
    """Yield the names of methods, and functions that restore an image."""
    (method,) = (one for one in BASELINES if one.name == "Richardson-Lucy")
    yield (
        "Richardson-Lucy",
        lambda image, task: np.asarray(restore_with(method, image, task, 3).data),
    )
    config = DipConfig(threads=1, dims=3, device="cpu")
    yield (
        "balanced",
        lambda image, task: np.asarray(finish(restore(image, task, config)).image.data),
    )


def compared(index: float, first: float, draws: int, fits: int) -> Iterator[dict[str, object]]:
    """Yield the means of each method, with one PSF and with slabs."""
    one = Deconvolve(na=NA, wavelength=WAVELENGTH, refractive_index=OIL)
    slabs = Deconvolve(
        na=NA, wavelength=WAVELENGTH, refractive_index=OIL,
        specimen_index=index, depth_of_first_plane=first,
    )  # fmt: skip
    last = first + SPACING[0] * (SHAPE[0] - 1)
    classic, fit = methods()
    for (name, method), count in ((classic, draws), (classic, fits), (fit, fits)):
        found = []
        for draw in range(count):
            truth, photons = recorded(structure(draw), index, first, draw + 1)
            image = Image(photons, "ZYX", dict(zip("ZYX", SPACING, strict=True)))
            figures = [float(psnr(photons, truth))]
            for task in (one, slabs):
                start = time.process_time()
                estimate = method(image, task)
                figures += [*quality(estimate, truth), time.process_time() - start]
            gain = figures[4] - figures[1]
            found.append([*figures, gain])
        if not found:
            continue
        names = (
            "observed", "one PSF", "one PSF, shifted", "one PSF seconds",
            "slabs", "slabs, shifted", "slabs seconds", "gain",
        )  # fmt: skip
        means = dict(zip(names, np.mean(found, axis=0).tolist(), strict=True))
        smallest = float(np.min(found, axis=0)[-1])
        yield {
            "specimen, depths": f"{index}, {first:g} to {last:g} µm",
            "method": name,
            "draws": str(len(found)),
            **means,
            "smallest gain": smallest,
        }


def main() -> None:
    """Print the table, and store it if all its cases were measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, nargs="+", default=list(range(len(CASES))))
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--fits", type=int, default=FITS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    found: list[dict[str, object]] = []
    for at in options.cases:
        for line in compared(*CASES[at], options.draws, options.fits):
            show(line, header=not found)
            found.append(line)
    if (options.cases, options.draws, options.fits) == (list(range(len(CASES))), DRAWS, FITS):
        place = Place(PERFORMANCE, "Stacks and volumes", "A PSF for each depth:")
        store("depth", found, "python -m benchmarks.depth", place)


if __name__ == "__main__":
    main()
