"""Planes between planes: the corrected interpolation beside cubic interpolation and a fit.

    python -m benchmarks.axial FOLDER_OF_DATA [--cases "EM, 4 x" ... | --fit]

Planes of recorded stacks are averaged (box), averaged by a Gaussian axial PSF, or left out
(none), and computed again. With added noise, in parts of the range of the stack, the truth is
still the recording without it. PSNR relative to the range of the recording [dB], seconds of the
processor on one thread. `--fit` compares both with a fit of the whole stack, for two small stacks.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from benchmarks.report import Place, store
from benchmarks.rows import middle, show
from scipy import ndimage

from napari_dip import DipConfig, Image, metrics, restore
from napari_dip.api import finish
from napari_dip.core.operators.downsample import Downsample
from napari_dip.core.tasks import SuperResolve
from napari_dip.io.images import read_image

BEADS = {"Z": 0.125, "Y": 0.0225, "X": 0.0225}
# Name: file, voxel size [micrometre]; that of the nuclei is not known.
STACKS: dict[str, tuple[str, dict[str, float]]] = {
    "EM": ("isotropic_em_128.npy", {}),
    "nuclei": ("nuclei_zyx_uint16.tif", {}),
    "beads": ("beads_imagej_zyx.tif", BEADS),
}


@dataclass(frozen=True)
class Case:
    """A stack, how it is degraded."""

    stack: str
    factor: int
    kernel: str
    noise: float = 0.0
    planes: tuple[int, int | None] = (0, None)
    crop: int = 128

    def truth(self, folder: Path) -> np.ndarray:
        """Return the recording (Z, Y, X), with a multiple of the factor of planes."""
        file = folder / "stacks" / STACKS[self.stack][0]
        values = np.load(file) if file.suffix == ".npy" else read_image(file, axes="ZYX").data
        planes = np.squeeze(np.asarray(values))[slice(*self.planes)].astype(np.float32)
        chosen = np.stack([middle(plane, self.crop) for plane in planes])
        return chosen[: len(chosen) // self.factor * self.factor]

    def observed(self, truth: np.ndarray) -> Image:
        """Return the degraded stack."""
        operator = Downsample((self.factor, 1, 1), self.kernel)
        coarse = operator(torch.from_numpy(truth)[None, None])[0, 0].numpy()
        sigma = self.noise * np.ptp(truth)
        coarse = coarse + sigma * np.random.default_rng(0).standard_normal(coarse.shape)
        sizes = dict(STACKS[self.stack][1])
        if sizes:
            sizes["Z"] *= self.factor
        units = dict.fromkeys(sizes, "micrometer")
        return Image(coarse.astype(np.float32), "ZYX", sizes, units)


CASES = {
    "EM, 4 x": Case("EM", 4, "box"),
    "EM, 4 x, Gaussian": Case("EM", 4, "gaussian"),
    "EM, 8 x": Case("EM", 8, "box"),
    "EM, 8 x, Gaussian": Case("EM", 8, "gaussian"),
    "EM, 5 x, left out": Case("EM", 5, "none"),
    "EM, 4 x, noise": Case("EM", 4, "box", 0.05),
    "nuclei, 4 x": Case("nuclei", 4, "box"),
    "nuclei, 4 x, Gaussian": Case("nuclei", 4, "gaussian"),
    "nuclei, 5 x, left out": Case("nuclei", 5, "none"),
    "nuclei, 4 x, noise": Case("nuclei", 4, "box", 0.02),
    "beads, 4 x": Case("beads", 4, "box"),
    "beads, 4 x, Gaussian": Case("beads", 4, "gaussian"),
    "beads, 5 x, left out": Case("beads", 5, "none"),
    "beads, 4 x, noise": Case("beads", 4, "box", 0.02),
}
# Small enough for a fit of the whole stack.
SMALL = {
    "nuclei, 4 x, small": Case("nuclei", 4, "box", 0.0, (16, 48), 48),
    "beads, 4 x, small": Case("beads", 4, "box", 0.0, (6, 38), 48),
}


def row(case: Case, folder: Path, *, fit: bool) -> dict[str, object]:
    """Return PSNR and seconds of each method."""
    truth = case.truth(folder)
    image = case.observed(truth)
    enlarged = (case.factor, 1, 1)
    cubic = ndimage.zoom(image.data, enlarged, order=3, grid_mode=True, mode="nearest")
    found: dict[str, object] = {
        "kernel": case.kernel,
        "noise": f"{100 * case.noise:.0f} %" if case.noise else "",
        "shape": " x ".join(map(str, truth.shape)),
        "cubic": metrics.psnr(cubic, truth),
    }
    for name, along_z in {**({"fit": "fit"} if fit else {}), "corrected": "correct"}.items():
        start = time.process_time()
        task = SuperResolve({"z": case.factor}, case.kernel, along_z)
        result = finish(restore(image, task, DipConfig(device="cpu", threads=1)))
        seconds = time.process_time() - start
        found[name] = metrics.psnr(np.asarray(result.image.data), truth)
        found[f"{name} seconds"] = seconds
    return found | {"corrected minus cubic": found["corrected"] - found["cubic"]}


def main() -> None:
    """Print the table, and store it if all its cases were measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--fit", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    cases = SMALL if options.fit else {name: CASES[name] for name in options.cases}
    found = []
    for name, case in cases.items():
        line = {"stack": name} | row(case, options.folder, fit=options.fit)
        show(line, header=not found)
        found.append(line)
    if cases == CASES:
        place = Place("docs/performance.md", "Stacks and volumes", "Planes between planes:")
        command = "python -m benchmarks.axial FOLDER_OF_DATA"
        store("axial", found, command, place, (), "cubic", "corrected")


if __name__ == "__main__":
    main()
