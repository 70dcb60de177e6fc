"""Load: memory and handles over many runs in one process, and a batch with damaged files.

    python -m benchmarks.load [RUNS] [FILES]

Prints resident memory, open files and threads after each tenth of the runs, which should
stay constant; then the outcome of a batch of which one file in twenty is damaged.
"""

from __future__ import annotations

import gc
import json
import sys
import tempfile
import threading
from pathlib import Path
from time import perf_counter

import numpy as np
import psutil
import tifffile

import napari_dip
from napari_dip import DipConfig
from napari_dip.cli import main as cli

CONFIG = DipConfig(preset="fast", max_iterations=2, device="cpu")


def runs(count: int) -> None:
    process, random = psutil.Process(), np.random.default_rng(0)
    print(f"{'runs':>6}{'MB':>8}{'files':>7}{'threads':>9}{'seconds':>9}")
    start = perf_counter()
    for done in range(1, count + 1):
        napari_dip.denoise(random.normal(100, 10, (64, 64)), config=CONFIG)
        if done % max(1, count // 10) == 0:
            gc.collect()
            handles = getattr(process, "num_fds", getattr(process, "num_handles", None))()
            memory = process.memory_info().rss / 1e6
            seconds = perf_counter() - start
            print(f"{done:6}{memory:8.0f}{handles:7}{threading.active_count():9}{seconds:9.1f}")


def batch(count: int) -> None:
    random = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in").mkdir()
        for index in range(count):
            path = folder / "in" / f"{index:04}.tif"
            tifffile.imwrite(path, random.normal(100, 10, (32, 32)).astype(np.float32))
            if index % 20 == 7:
                path.write_bytes(path.read_bytes()[: int(random.integers(0, 2000))])
        words = ["batch", str(folder / "in"), "-o", str(folder / "out")]
        options = ["--preset", "fast", "--max-iterations", "2", "--device", "cpu"]
        start = perf_counter()
        code = cli.main([*words, *options])
        seconds = perf_counter() - start
        lines = (folder / "out" / "manifest.jsonl").read_text().splitlines()
        records = [json.loads(line) for line in lines]
        failed = [record for record in records if record["error"]]
        results = len(list((folder / "out").glob("*.tif")))
        print(
            f"{count} files: exit code {code}, {results} results, {len(failed)} errors, "
            f"{seconds:.0f} s"
        )
        print(*{record["error"].replace(name, "") for record in failed}, sep="\n")


if __name__ == "__main__":
    asked = [int(word) for word in sys.argv[1:]]
    runs(asked[0] if asked else 200)
    batch(asked[1] if len(asked) > 1 else 200)
