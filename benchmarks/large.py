"""Images larger than memory: cost of a plane in tiles, and of a volume block by block.

    python -m benchmarks.large FOLDER_OF_DATA SCRATCH [--images plane volume]

The command line restores real images, mirrored to a large size, in a process of its own with
2 GB of simulated free memory. Memory is the highest resident memory above that at the start,
after a tiny run has loaded all libraries.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
import psutil
from benchmarks.rows import in_own_process, show

import napari_dip
from napari_dip import DipConfig, Image
from napari_dip.cli import main as cli
from napari_dip.core.hardware.memory import process_peak_memory
from napari_dip.io.images import read_image, write_image

FREE = 2_000_000_000
# Name: file, axes, shape, suffix, options. The planes of the volume need no tiles for memory.
IMAGES = {
    "plane": (
        "microscopy/pairs/fmd_BPAE_G_noisy.tif",
        "YX",
        (4096, 4096),
        ".ome.tif",
        {"max-iterations": 20},
    ),
    "volume": (
        "stacks/nuclei_zyx_uint16.tif",
        "ZYX",
        (256, 1024, 1024),
        ".ome.zarr",
        {"max-iterations": 1, "tile": 544},
    ),
}


def mirrored(image: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Continue an image by its mirror images."""
    missing = [max(0, whole - size) for whole, size in zip(shape, image.shape, strict=True)]
    whole = np.pad(image, [(0, count) for count in missing], mode="symmetric")
    return whole[tuple(map(slice, shape))]


def made(options: argparse.Namespace, name: str) -> Path:
    """Write a large image, unless it exists."""
    file, axes, shape, suffix, _ = IMAGES[name]
    path: Path = options.scratch / f"{name}{suffix}"
    if not path.exists():
        image = np.squeeze(np.asarray(read_image(options.folder / file).data))
        write_image(path, Image(mirrored(image.astype(np.uint16), shape), axes))
    return path


def restored(path: Path, chosen: Mapping[str, int]) -> dict[str, object]:
    """Restore a file in this process, and return seconds and memory."""
    output = path.with_name(f"restored-{path.name}")
    napari_dip.denoise(
        np.ones((32, 32)), config=DipConfig(max_iterations=2, device="cpu", threads=1)
    )
    start = psutil.Process().memory_info().rss
    options = {"preset": "fast", "device": "cpu", "threads": 1, **chosen}
    words = ["denoise", str(path), "-o", str(output), "--overwrite"]
    words += [f"--{name}={value}" for name, value in options.items()]
    with patch("psutil.virtual_memory", lambda: SimpleNamespace(available=FREE, total=FREE)):
        code = cli.main(words)
    above = process_peak_memory() - start
    report = json.loads(Path(f"{output}.json").read_text())
    tiling = report["tiling"]
    return {
        "exit": code,
        "MB above the start": above / 1e6,
        "tiles": tiling["tiles"],
        "largest side": tiling["tile"],
        "seconds": report["seconds"],
        "seam ratio": tiling["seam_ratio"],
        "by chance": tiling["seam_chance"],
    }


def main() -> None:
    """Print a row for each image."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("scratch", type=Path)
    parser.add_argument("--images", nargs="+", choices=IMAGES, default=list(IMAGES))
    parser.add_argument("--one", choices=IMAGES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(restored(made(options, options.one), IMAGES[options.one][-1])))
        return
    for index, name in enumerate(options.images):
        made(options, name)
        found = in_own_process("large", options.folder, options.scratch, "--one", name)
        show({"image": name, **found}, header=index == 0)


if __name__ == "__main__":
    main()
