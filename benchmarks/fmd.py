"""The 48 frames of the fluorescence microscopy denoising (FMD) test set, and published figures.

    python -m benchmarks.fmd --data FOLDER [--limit N] [--presets fast balanced]
                             [--start learned] [--skip-bm3d] [--threads 1] [--cache FILE]

PSNR as published: whole frames of 8 bit, relative to 255, mean over the 48. Each row is one
frame; the means of each sample and of all follow. "First" is the first answer of a run.
Seconds are those of the processor, from the call of `restore`; BM3D gets the measured noise.
Values are cached, so that a run can be continued. A complete run writes its tables to
results/, from which `benchmarks.report` makes those of the docs.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path

import numpy as np
from benchmarks.report import Place, store
from benchmarks.rows import Case, answers, baseline, columns_of, mean, show, timed
from benchmarks.tables import CACHE

from napari_dip import DipConfig
from napari_dip.core.tasks import Denoise
from napari_dip.io.images import read_image

Row = Mapping[str, object]
BM3D = "BM3D stabilised"
PRESETS = ("fast", "balanced")
# Published means over the same frames [dB], and what the method learns from.
PUBLISHED = (
    (BM3D, "nothing", 32.71),
    ("Deep Image Prior", "the frame itself", 32.90),
    ("MASH", "the frame itself", 33.71),
    ("BSN-INS", "the frame itself", 33.95),
    ("network like Noise2Noise", "other FMD frames", 34.70),
)
ALL = "mean of all"
PERFORMANCE, NOTEBOOK = "docs/performance.md", "docs/notebook/results.md"
ABOUT = (
    "FMD mixed test set: single frames of 512 x 512 pixels; the truth is the mean of 50 frames. "
    "PSNR relative to 255 [dB], seconds of the processor."
)


def frames(data: Path) -> Iterator[Case]:
    """Yield each frame with its truth, both (512, 512) uint8."""
    for path in sorted((data / "fmd_testset" / "raw").glob("*.png")):
        raw, truth = (
            np.squeeze(np.asarray(read_image(data / "fmd_testset" / kind / path.name).data))
            for kind in ("raw", "gt")
        )
        methods = {BM3D: baseline(BM3D, raw, Denoise())}
        yield Case(path.stem, raw, truth, Denoise(), None, methods)


def row_of(case: Case, options: argparse.Namespace) -> dict[str, object]:
    """Return the row of a frame."""
    row: dict[str, object] = {"name": case.name, "noisy": case.judge(case.observed, case.truth)}
    if not options.skip_bm3d:
        row |= columns_of(BM3D, timed(case, BM3D, options.cache))
    for preset in options.presets:
        config = DipConfig(
            preset=preset, start=options.start, threads=options.threads, device="cpu"
        )
        row |= columns_of(preset, answers(case, config, options.cache))
    return row


def sample_of(row: Row) -> str:
    """Return microscope and sample of a frame, such as Confocal_BPAE_B."""
    return str(row["name"]).rpartition("_")[0]


def means(rows: list[Row]) -> list[dict[str, object]]:
    """Return the row of each sample and that of all frames."""
    groups = [(sample, list(members)) for sample, members in groupby(rows, sample_of)]
    return [mean(members) | {"name": name} for name, members in [*groups, (ALL, rows)]]


def beside_published(over_all: Row) -> list[dict[str, object]]:
    """Return the published means, and references to those of this run."""
    rows = [
        {"method": f"{name}, published", "learns from": source, "PSNR": psnr}
        for name, source, psnr in PUBLISHED
    ]
    for name, source in ((BM3D, "nothing"), *((preset, "the frame itself") for preset in PRESETS)):
        reference = f"=fmd/{ALL}/{name}"
        rows.append({"method": f"{name}, here", "learns from": source, "PSNR": reference})
    return sorted(rows, key=lambda row: _number(row["PSNR"], over_all))


def _number(cell: object, over_all: Row) -> float:
    return float(over_all[cell.rpartition("/")[2]] if isinstance(cell, str) else cell)


def short(first: str, other: str) -> tuple[str, ...]:
    """Return the columns for the docs: no iterations, no kind of start."""
    keys = ("first", "first seconds", "", "seconds")
    ours = (f"{preset} {key}".rstrip() for preset in PRESETS for key in keys)
    return (first, "noisy", other, f"{other} seconds", *ours)


def store_all(rows: list[Row], start: str) -> None:
    """Write the means, the published figures and the single frames."""
    command = f"python -m benchmarks.fmd --data FOLDER --start {start}"
    summary, shown = means(rows), short("name", BM3D)
    if start == "random":
        place = Place(NOTEBOOK, "Real noise", f"{ABOUT} From random weights, means:")
        store("fmd-random", summary, command, place, shown, BM3D)
        return
    section = "Compared with other methods"
    place = Place(PERFORMANCE, section, f"{ABOUT} Means:")
    store("fmd", summary, command, place, shown, BM3D)
    text = "Mean PSNR [dB] over the 48 frames of the FMD mixed test set, published and here:"
    published = beside_published(summary[-1])
    store("fmd-published", published, command, Place(PERFORMANCE, section, text))
    place = Place(NOTEBOOK, "Real noise", f"{ABOUT} Each frame:")
    store("fmd-single", rows, command, place, shown, BM3D)


def main() -> None:
    """Print a row for each frame, and the means."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of data")
    parser.add_argument("--limit", type=int, help="number of frames; default: all")
    parser.add_argument("--presets", nargs="+", choices=PRESETS, default=list(PRESETS))
    parser.add_argument("--start", choices=("learned", "random"), default="learned")
    parser.add_argument("--skip-bm3d", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cache", type=Path, default=CACHE)
    options = parser.parse_args()
    rows: list[Row] = []
    for case in list(frames(options.data))[: options.limit]:
        rows.append(row_of(case, options))
        show(rows[-1], header=len(rows) == 1)
    print()
    for index, row in enumerate(means(rows)):
        show(row, header=index == 0)
    print("\npublished: " + ", ".join(f"{name} {psnr:.2f}" for name, _, psnr in PUBLISHED))
    if not (options.limit or options.skip_bm3d) and set(options.presets) == set(PRESETS):
        store_all(rows, options.start)


if __name__ == "__main__":
    main()
