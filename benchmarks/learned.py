"""The learned start beside BM3D: real pairs of microscopy, and colour pictures with added noise.

    python -m benchmarks.learned --data FOLDER [--only pairs] [--crop 256 512] [--noise 25]
                                 [--start learned] [--limit N] [--cache FILE]

pairs    real noise, grey and colour; BM3D is stabilised and gets the measured noise
colour   the Kodak crops and the nine pictures with Gaussian noise of 15, 25 and 50, or 30
         photons at the brightest pixel, not clipped; CBM3D gets the true noise, for photons
         after variance stabilisation

"First" is the first answer of a run. Seconds are those of the processor on one thread, from
the call of `restore`. Values are cached, so that a run can be continued. A complete table is
written to results/, from which `benchmarks.report` makes those of the docs.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path

import numpy as np
from benchmarks.fmd import BM3D, NOTEBOOK, PERFORMANCE, PRESETS, short
from benchmarks.harm import picture, with_noise
from benchmarks.report import Place, store
from benchmarks.rows import Case, answers, columns_of, mean, middle, show, timed
from benchmarks.tables import CACHE, color_bm3d, microscopy

from napari_dip import DipConfig
from napari_dip.compare.stabilise import stabilise, unstabilise
from napari_dip.core.tasks import Denoise

Row = Mapping[str, object]
SETS = ("kodak24_crops", "set9")
NOISES = {"15": "g15", "25": "g25", "50": "g50", "photons": "p30"}
# Published means of methods that learn from the picture alone [dB].
PUBLISHED = {("kodak24_crops", "25"): {"Pixel2Pixel": 29.31, "ZS-HPD": 29.88}}
RIVALS = ("Pixel2Pixel", "ZS-HPD")
SECTION = "Compared with other methods"


def row_of(case: Case, other: str, options: argparse.Namespace) -> dict[str, object]:
    """Return the row of an image: this package, BM3D, and the differences."""
    row: dict[str, object] = {"name": case.name, "noisy": case.judge(case.observed, case.truth)}
    row |= columns_of(other, timed(case, other, options.cache))
    for preset in PRESETS:
        config = DipConfig(preset=preset, start=options.start, threads=1, device="cpu")
        row |= columns_of(preset, answers(case, config, options.cache))
    return row | {_difference(preset): row[preset] - row[other] for preset in PRESETS}


def _difference(preset: str) -> str:
    return f"{preset} minus BM3D"


def pairs(options: argparse.Namespace) -> Iterator[dict[str, object]]:
    """Yield a row for each pair of microscopy and size."""
    for size in options.crop:
        for case in list(microscopy(options.data, size))[: options.limit]:
            row = row_of(case, BM3D, options)
            yield row | {"name": f"{case.name} {size}"}


def colour(options: argparse.Namespace) -> Iterator[dict[str, object]]:
    """Yield a row for each set, noise and picture."""
    for name in SETS:
        paths = sorted((options.data / name).glob("*.png"))[: options.limit]
        for noise in options.noise:
            for path in paths:
                case = noisy_picture(path, noise, min(options.crop))
                yield {"set": name, "noise": noise, **row_of(case, "CBM3D", options)}


def noisy_picture(path: Path, noise: str, size: int) -> Case:
    """Return the middle of a picture with noise; the same at every call."""
    truth = middle(picture(path), size)
    seed = zlib.crc32(f"{path.parent.name}/{path.stem}".encode())
    observed, _ = with_noise(truth, NOISES[noise], seed)
    methods = {"CBM3D": lambda: cbm3d(observed, NOISES[noise])}
    return Case(path.stem, observed, truth, Denoise(), None, methods)


def cbm3d(observed: np.ndarray, noise: str) -> np.ndarray:
    """Return the estimate of CBM3D with the true noise of an 8-bit picture."""
    number = float(noise[1:])
    if noise[0] == "g":
        return color_bm3d(observed, number)
    slope = 255 / number
    return unstabilise(color_bm3d(stabilise(observed.astype(float), slope), 1.0), slope)


def worst(rows: list[Row], preset: str) -> tuple[float, str]:
    """Return the least difference to BM3D, and the name of its image."""
    return min((row[_difference(preset)], str(row["name"])) for row in rows)


def summary_of_pairs(rows: list[Row]) -> list[dict[str, object]]:
    """Return the row of the means, and one with the worst differences."""
    least = dict.fromkeys(rows[0], None) | {"name": "worst"}
    return [mean(rows), least | {_difference(preset): worst(rows, preset)[0] for preset in PRESETS}]


def summary_of_colour(rows: list[Row]) -> list[dict[str, object]]:
    """Return the means of each set and noise, the worst pictures, and published means."""
    summary = []
    for (name, noise), group in groupby(rows, lambda row: (row["set"], row["noise"])):
        members = list(group)
        row = mean(members)
        del row["name"]
        del row["noise"]
        row |= {"set": f"{name} {noise}", "pictures": len(members)}
        for preset in PRESETS:
            row[f"{preset} worst"], row[f"{preset} worst at"] = worst(members, preset)
        published = PUBLISHED.get((name, noise), {})
        summary.append(row | {method: published.get(method) for method in RIVALS})
    return summary


TABLES = {"pairs": (pairs, summary_of_pairs), "colour": (colour, summary_of_colour)}


def store_pairs(rows: list[Row], start: str) -> None:
    text = (
        "Real noise, crops of two sizes, the first answer and the result of each preset. PSNR "
        "[dB], seconds of the processor on one thread. A truth with a scale of its own is "
        "matched by an affine fit."
    )
    page = PERFORMANCE if start == "learned" else NOTEBOOK
    section = SECTION if start == "learned" else "Real noise"
    command = f"python -m benchmarks.learned --data FOLDER --only pairs --start {start}"
    place = Place(page, section, f"{text} The start is {start}:")
    shown = short("name", BM3D) + tuple(_difference(preset) for preset in PRESETS)
    store(f"pairs-{start}", [*rows, *summary_of_pairs(rows)], command, place, shown, BM3D)


def store_colour(rows: list[Row], start: str) -> None:
    text = (
        "Colour pictures, 256 x 256, with added noise: means of PSNR [dB] and of seconds of the "
        "processor on one thread; worst is the least difference to CBM3D, which gets the true "
        "noise. Pixel2Pixel and ZS-HPD: published "
        f"means of the same pictures, with noise of their own. The start is {start}:"
    )
    page = PERFORMANCE if start == "learned" else NOTEBOOK
    section = SECTION if start == "learned" else "Gaussian noise of 25"
    command = f"python -m benchmarks.learned --data FOLDER --only colour --start {start}"
    shown = short("set", "CBM3D")
    shown += tuple(f"{preset} worst" for preset in PRESETS)
    summary, place = summary_of_colour(rows), Place(page, section, text)
    store(f"colour-{start}", summary, command, place, shown + RIVALS, "CBM3D")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of data")
    parser.add_argument("--only", choices=TABLES, help="default: both tables")
    parser.add_argument(
        "--crop", type=int, nargs="+", default=[256, 512], help="sides; colour has the least"
    )
    parser.add_argument("--noise", nargs="+", choices=NOISES, default=list(NOISES))
    parser.add_argument("--start", choices=("learned", "random"), default="learned")
    parser.add_argument("--limit", type=int, help="number of images of a set; default: all")
    parser.add_argument("--cache", type=Path, default=CACHE)
    options = parser.parse_args()
    for name in [options.only] if options.only else list(TABLES):
        make, summarise = TABLES[name]
        rows: list[Row] = []
        for row in make(options):
            show(row, header=not rows)
            rows.append(row)
        print()
        for index, row in enumerate(summarise(rows)):
            show(row, header=index == 0)
        print()
        if options.limit:
            continue
        if name == "pairs" and options.crop == parser.get_default("crop"):
            store_pairs(rows, options.start)
        elif name == "colour" and options.noise == parser.get_default("noise"):
            store_colour(rows, options.start)


if __name__ == "__main__":
    main()
