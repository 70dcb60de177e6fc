"""What to expect on a laptop: seconds and PSNR by image size and preset.

    python -m benchmarks.laptop FOLDER_OF_DATA

Denoises the middle of one confocal frame (FMD, BPAE actin) at three sizes with default
settings, on one thread. The seconds are those of the processor, so that other programs
count little. The result goes to results/laptop.json, from which `benchmarks.report` makes
the table of docs/performance.md.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
from benchmarks.report import RESULTS

from napari_dip import DipConfig, metrics, restore
from napari_dip.api import finish
from napari_dip.io.images import read_image

SIZES = (128, 256, 512)
PRESETS = ("fast", "balanced")
COLUMNS = ("image", "observation", "preset", "restored", "iterations", "seconds", "memory")


def middle(image: np.ndarray, size: int) -> np.ndarray:
    """Return the middle `size` x `size` pixels of an image (Y, X)."""
    top, left = ((n - size) // 2 for n in image.shape)
    return image[top : top + size, left : left + size]


def rows(folder: Path) -> list[list[object]]:
    """Return one row for each size and preset, in the order of `COLUMNS`."""
    found = sorted(folder.glob("microscopy/pairs/*BPAE_G_noisy.*"))[0]
    noisy, clean = (
        np.squeeze(read_image(path).data)
        for path in (found, found.with_stem(found.stem.replace("_noisy", "_clean")))
    )
    table: list[list[object]] = []
    for size in SIZES:
        image, truth = middle(noisy, size), middle(clean, size)
        for preset in PRESETS:
            start = time.process_time()
            result = finish(restore(image, config=DipConfig(preset=preset, threads=1)))
            seconds = time.process_time() - start
            table.append(
                [
                    f"{size} x {size}",
                    round(float(metrics.psnr(image, truth)), 2),
                    f"`{preset}`",
                    round(float(metrics.psnr(np.asarray(result.image.data), truth)), 2),
                    result.report.iterations,
                    round(seconds),
                    round(result.report.peak_memory_bytes / 1e6),
                ]
            )
            print(*table[-1], flush=True)
    return table


def main(folder: Path) -> None:
    """Measure, and write the result."""
    columns = [{"name": name} for name in COLUMNS]
    for column in (columns[1], columns[3]):
        column["digits"] = 2
    content = {
        "about": "FMD BPAE_G, denoised with default settings; PSNR in dB, one thread, no GPU",
        "command": "python -m benchmarks.laptop FOLDER",
        "columns": columns,
        "rows": rows(folder),
    }
    (RESULTS / "laptop.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
