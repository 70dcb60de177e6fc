"""Planes with the help of their neighbours, beside planes alone, BM3D and BM4D.

    python -m benchmarks.neighbours FOLDER_OF_DATA [--photons 30 100] [--stacks nuclei ...]
                                    [--presets fast balanced]

Four stacks and two time series with photon noise made by code; the brightest pixel has 30 or 100
photons on average. PSNR [dB] relative to the range of the recording, which has some noise of its
own, and seconds of the processor on one thread. BM3D and BM4D measure the noise as the product
does, and stabilise it. BM4D takes frames of a series as planes of a volume.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from benchmarks.fmd import PERFORMANCE, PRESETS
from benchmarks.report import Place, store
from benchmarks.rows import mean, middle, show

from napari_dip import DipConfig, Image, restore
from napari_dip.api import finish
from napari_dip.compare.baselines import BASELINES
from napari_dip.compare.run import restore_with
from napari_dip.core.tasks import Denoise
from napari_dip.io.images import read_image

# Name: file, axes, planes, side of the middle that is taken [pixels].
STACKS = {
    "nuclei": ("stacks/nuclei_zyx_uint16.tif", "ZYX", slice(20, 36), 96),
    "ovule": ("stacks/ovule_imagej_zyx.tif", "ZYX", slice(4, 20), 96),
    "mitotic plate": ("stacks/mitotic_plate_imagej_zyx.tif", "ZYX", slice(0, 6), 160),
    "EM": ("stacks/isotropic_em_128.npy", "ZYX", slice(48, 64), 96),
    "hela": ("timeseries/ctc_hela_tyx_uint16.tif", "TYX", slice(0, 10), 160),
    "migration": ("timeseries/cancer_cell_migration_tyx_uint16.tif", "TYX", slice(8, 24), 128),
}
BM3D, BM4D = "BM3D stabilised", "BM4D stabilised"


def recording(folder: Path, name: str) -> np.ndarray:
    """Return planes of a stack, 0 to about 1."""
    file, axes, planes, side = STACKS[name]
    path = folder / file
    values = np.load(path) if path.suffix == ".npy" else read_image(path, axes=axes).data
    chosen = np.squeeze(np.asarray(values))[planes].astype(float)
    chosen = np.stack([middle(plane, side) for plane in chosen])
    low, high = np.percentile(chosen, (0.5, 99.9))
    return np.clip((chosen - low) / (high - low), 0, None)


def row(truth: np.ndarray, photons: int, axes: str, presets: list[str]) -> dict[str, object]:
    """Return PSNR and seconds of each method."""
    noisy = np.random.default_rng(0).poisson(truth * photons).astype(np.uint16)

    def psnr(values: np.ndarray) -> float:
        return float(-10 * np.log10(np.mean((values / photons - truth) ** 2)))

    found: dict[str, object] = {"noisy": psnr(noisy)}
    for preset in presets:
        for name, neighbours in ((f"{preset}, planes alone", False), (preset, True)):
            config = DipConfig(preset=preset, neighbours=neighbours, threads=1, device="cpu")
            start = time.process_time()
            result = finish(restore(Image(noisy, axes), config=config))
            found[name] = psnr(np.asarray(result.image.data))
            found[f"{name} seconds"] = time.process_time() - start
    for other in BASELINES:
        if other.name in (BM3D, BM4D):
            start = time.process_time()
            restored = restore_with(other, Image(noisy, "ZYX"), Denoise())
            found[other.name] = psnr(np.asarray(restored.data))
            found[f"{other.name} seconds"] = time.process_time() - start
    return found


def rows(options: argparse.Namespace) -> Iterator[Mapping[str, object]]:
    for name in options.stacks:
        truth = recording(options.folder, name)
        for photons in options.photons:
            found = row(truth, photons, STACKS[name][1], options.presets)
            last = options.presets[-1]
            ahead = {f"{last} minus BM4D": found[last] - found[BM4D]}
            yield {"name": name, "photons": str(photons), **found, **ahead}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photons", nargs="+", type=int, default=[30, 100])
    parser.add_argument("--stacks", nargs="+", choices=STACKS, default=list(STACKS))
    parser.add_argument("--presets", nargs="+", choices=PRESETS, default=list(PRESETS))
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = []
    for line in rows(options):
        show(line, header=not found)
        found.append(line)
    found.append(mean(found) | {"name": "mean", "photons": ""})
    show(found[-1])
    everything = len(found) == 2 * len(STACKS) + 1 and options.presets == list(PRESETS)
    if everything:
        place = Place(
            PERFORMANCE,
            "Stacks and volumes",
            "Planes of stacks and frames of series with photon noise, with and without the help "
            "of their neighbours, beside BM3D and BM4D of the same run: PSNR [dB], seconds of "
            "the processor on one thread:",
        )
        store("neighbours", found, "python -m benchmarks.neighbours FOLDER_OF_DATA", place)


if __name__ == "__main__":
    main()
