"""Real fluorescence pairs: this package beside total variation, in one run.

    python benchmarks/fluorescence.py FOLDER_OF_PAIRS [--preset balanced] [--names ...]

FOLDER_OF_PAIRS holds NAME_noisy.tif and NAME_clean.tif (FMD and W2S frames).
Prints a table and writes fluorescence.json. W2S pairs are scaled separately,
so their reference is first matched to the observation by an affine fit.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from skimage.restoration import denoise_tv_chambolle, estimate_sigma

from napari_dip import DipConfig, metrics, restore
from napari_dip.api import finish
from napari_dip.io import read_image

NAMES = ("fmd_BPAE_G", "fmd_BPAE_R", "fmd_BPAE_B", "w2s_020_1")
COLUMNS = ("name", "noisy", "tv", "psnr", "best_psnr", "iterations", "seconds", "stop_reason")


def total_variation(image: np.ndarray) -> np.ndarray:
    """Denoise with twice the estimated sigma as weight, on a scale of 0 to 1."""
    unit = image / 255.0
    return denoise_tv_chambolle(unit, weight=2 * estimate_sigma(unit)) * 255.0


def compare(folder: Path, name: str, config: DipConfig) -> dict[str, object]:
    """Restore one pair and return its row."""
    image = read_image(folder / f"{name}_noisy.tif").data
    reference = read_image(folder / f"{name}_clean.tif").data
    if name.startswith("w2s"):
        reference = metrics.affine_match(reference, image)
    start = time.perf_counter()
    tv = total_variation(image)
    tv_seconds = time.perf_counter() - start
    report = finish(restore(image, config=config, reference=reference)).report
    return {
        "name": name,
        "noisy": metrics.psnr(image, reference),
        "tv": metrics.psnr(tv, reference),
        "tv_seconds": tv_seconds,
        "psnr": report.psnr,
        "best_psnr": report.best_psnr,
        "iterations": report.iterations,
        "seconds": report.seconds,
        "stop_reason": report.stop_reason,
        "report": report.as_json(),
    }


def main() -> None:
    """Compare every pair and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--preset", default="balanced")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--names", nargs="+", default=NAMES)
    arguments = parser.parse_args()
    config = DipConfig(preset=arguments.preset, runs=arguments.runs)
    rows = []
    print("| " + " | ".join(COLUMNS) + " |\n" + "|---" * len(COLUMNS) + "|")
    for name in arguments.names:
        row = compare(arguments.folder, name, config)
        cells = (row[column] for column in COLUMNS)
        words = (f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in cells)
        print("| " + " | ".join(words) + " |", flush=True)
        rows.append(row)
    Path("fluorescence.json").write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
