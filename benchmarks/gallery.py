"""Make the pictures of docs/gallery.md: images of several fields, denoised with default settings.

    python -m benchmarks.gallery FOLDER_OF_DATA

FOLDER_OF_DATA has the images that no library brings. Each image may be shown to everyone;
the page names its source and licence. Writes docs/figures/gallery/NAME.webp.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import skimage.data
import tifffile
from benchmarks.rows import axes_of, middle
from matplotlib.figure import Figure

from napari_dip import Image, metrics, restore
from napari_dip.api import finish

FIGURES = Path(__file__).parents[1] / "docs" / "figures" / "gallery"
SIDE = 256  # pixels along Y and X: noise is visible at the width of a page
SEED = 0


@dataclass(frozen=True)
class Scene:
    """One picture of the gallery; the truth is known where the noise is simulated."""

    name: str
    observed: np.ndarray
    truth: np.ndarray | None = None


def scenes(folder: Path) -> Iterator[Scene]:
    """Yield every image of the gallery, recorded or with simulated noise."""
    frames = tifffile.imread(folder / "timeseries" / "cancer_cell_migration_tyx_uint16.tif")
    yield Scene("fluorescence", frames[0])
    stem = tifffile.imread(folder / "microscopy" / "noisy_only" / "maize_clsm_uint8.tif")
    yield _with_photon_noise("confocal", stem, photons=20)
    yield _with_photon_noise("histology", skimage.data.immunohistochemistry(), photons=60)
    brain = np.load(folder / "medical" / "dipy_t1_coronal_slice.npy")
    yield _with_rician_noise("mri", middle(brain, 160), deviation=0.08)
    yield _with_gaussian_noise("photograph", skimage.data.chelsea(), deviation=25)


def _with_photon_noise(name: str, picture: np.ndarray, photons: float) -> Scene:
    """Simulate a detector that counts some photons where the picture is brightest."""
    truth = middle(picture, SIDE).astype(np.float32)
    gain = truth.max() / photons
    counts = np.random.default_rng(SEED).poisson(truth / gain)
    return Scene(name, (counts * gain).astype(np.float32), truth)


def _with_rician_noise(name: str, picture: np.ndarray, deviation: float) -> Scene:
    """Simulate the magnitude of a signal with noise in its real and imaginary part."""
    truth = middle(picture, SIDE).astype(np.float32)
    real, imaginary = np.random.default_rng(SEED).normal(0, deviation, (2, *truth.shape))
    return Scene(name, np.hypot(truth + real, imaginary).astype(np.float32), truth)


def _with_gaussian_noise(name: str, picture: np.ndarray, deviation: float) -> Scene:
    truth = middle(picture, SIDE).astype(np.float32)
    noise = np.random.default_rng(SEED).normal(0, deviation, truth.shape)
    return Scene(name, (truth + noise).astype(np.float32), truth)


def draw(scene: Scene, folder: Path = FIGURES) -> Path:
    """Denoise a scene and write its picture: before, after, and the truth if it is known."""
    restored = finish(restore(Image(scene.observed, axes_of(scene.observed)))).image
    shown = {"before": scene.observed, "after": np.asarray(restored.data)}
    titles = dict.fromkeys(shown, "")
    if scene.truth is not None:
        titles = {k: f", {metrics.psnr(image, scene.truth):.1f} dB" for k, image in shown.items()}
        shown["truth"] = scene.truth
    low, high = np.percentile(list(shown.values())[-1], (0.5, 99.8))
    figure = Figure(figsize=(3.3 * len(shown), 3.6), layout="constrained")
    for axis, (title, image) in zip(figure.subplots(1, len(shown)), shown.items(), strict=True):
        axis.imshow(np.clip((image - low) / (high - low), 0, 1), cmap="gray", vmin=0, vmax=1)
        axis.set_title(title + titles.get(title, ""))
        axis.set_axis_off()
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{scene.name}.webp"
    figure.savefig(file, dpi=90, pil_kwargs={"quality": 85})
    return file


def main() -> None:
    """Draw every scene, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="folder of data")
    parser.add_argument("--only", nargs="+", help="names of pictures")
    options = parser.parse_args()
    for scene in scenes(options.folder):
        if not options.only or scene.name in options.only:
            print(draw(scene), flush=True)


if __name__ == "__main__":
    main()
