"""Time to the first answer, a large image, and a stack beside BM3D plane by plane.

    python -m benchmarks.answers [--only first large stack] [--start learned] [--threads 2]
                                 [--presets fast balanced] [--repeats 3] [--planes 16]
                                 [--side 64]

first    1024 x 1024 pixels: time from the call of `restore` to the first `Progress`, libraries
         imported, in a fresh process; median of the repeats
large    2048 x 2048 pixels, `fast`: time of the whole run, and the highest resident memory
         above that before it, after a tiny run has loaded all libraries
stack    512 x 512 x 16 planes on one thread: PSNR and processor seconds of each plane, `fast`
         and BM3D stabilised with the measured noise

Images are uint16, made by code, with the noise of 60 photons at the brightest pixel and of a
camera. "Seconds" are wall time, so the machine should be idle; "processor seconds" are summed
over threads. Each complete table is written to results/, from which `benchmarks.report` makes those
of the docs.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psutil
from benchmarks.fmd import BM3D, PERFORMANCE, PRESETS
from benchmarks.report import Place, store
from benchmarks.rows import baseline, columns_of, in_own_process, mean, show
from benchmarks.stacks import PHOTONS, photographed, psnr_of_planes
from scipy import ndimage

from napari_dip import DipConfig, Image, restore
from napari_dip.api import finish
from napari_dip.core.hardware.memory import process_peak_memory
from napari_dip.core.tasks import Denoise

Row = Mapping[str, object]
# Gain of the camera [ADU per photon], and its offset [photons].
GAIN, OFFSET = 4, 25
# Width [pixels], share of pixels and brightness of spots; width and brightness of threads.
SPOTS = ((1.2, 1e-3, 0.8), (4.0, 1e-4, 0.8), (12.0, 3e-5, 0.6))
THREADS = ((9.0, 0.5), (20.0, 0.8))


def scene(shape: tuple[int, ...]) -> np.ndarray:
    """Return spots and threads ([Z, ]Y, X), in photons; neighbouring planes are similar."""
    random = np.random.default_rng(0)

    def smooth(values: np.ndarray, width: float) -> np.ndarray:
        return ndimage.gaussian_filter(values, width)

    light = np.zeros(shape)
    for width, share, brightness in SPOTS:
        spots = smooth((random.random(shape) < share) * random.exponential(size=shape), width)
        light += brightness * spots / spots.max()
    for width, brightness in THREADS:
        field = smooth(random.normal(size=shape), width)
        # The zero lines of a random field are long, bent threads, dimmer here and there.
        thread = np.exp(-((field / field.std() / 0.12) ** 2))
        light += brightness * thread * smooth(random.random(shape), width)
    return PHOTONS * (0.03 + light / light.max())


def recording(light: np.ndarray) -> np.ndarray:
    """Return what a camera records of a scene (uint16)."""
    return np.rint(np.clip(GAIN * photographed(light, OFFSET), 0, 65535)).astype(np.uint16)


def first(options: argparse.Namespace, folder: Path) -> Iterator[dict[str, object]]:
    """Yield a row for each preset."""
    file = folder / "first.npy"
    np.save(file, recording(scene((options.side or 1024,) * 2)))
    for preset in options.presets:
        runs = [_alone(options, "first", file, preset) for _ in range(options.repeats)]
        seconds = np.median([run["seconds"] for run in runs])
        yield {"preset": preset, **runs[0], "seconds": float(seconds)}


def first_alone(image: np.ndarray, config: DipConfig) -> dict[str, object]:
    """Return the time to the first answer."""
    start, processor = time.perf_counter(), time.process_time()
    progress = next(steps := restore(image, config=config))
    found = {
        "seconds": time.perf_counter() - start,
        "processor seconds": time.process_time() - processor,
        "iteration": progress.iteration,
    }
    steps.close()
    return found


def large(options: argparse.Namespace, folder: Path) -> Iterator[dict[str, object]]:
    """Yield one row."""
    file = folder / "large.npy"
    np.save(file, recording(scene((options.side or 2048,) * 2)))
    yield {"preset": "fast", **_alone(options, "large", file, "fast")}


def large_alone(image: np.ndarray, config: DipConfig) -> dict[str, object]:
    """Return the cost of a whole run."""
    finish(restore(image[:32, :32], config=config.model_copy(update={"max_iterations": 2})))
    before = psutil.Process().memory_info().rss
    start, processor = time.perf_counter(), time.process_time()
    report = finish(restore(image, config=config)).report
    return {
        "seconds": time.perf_counter() - start,
        "processor seconds": time.process_time() - processor,
        "memory above the start MB": (process_peak_memory() - before) / 1e6,
        "iterations": report.iterations,
        "tiles": len(report.blocks),
    }


def stack(options: argparse.Namespace, folder: Path) -> Iterator[dict[str, object]]:
    """Yield a row for each plane."""
    side = options.side or 512
    light = scene((16, side, side))[: options.planes]
    image, truth = recording(light), GAIN * (light + OFFSET)
    columns = {"fast": _product(image, truth, options.start), BM3D: _bm3d(image, truth)}
    for index, noisy in enumerate(psnr_of_planes(image, truth)):
        row: dict[str, object] = {"plane": str(index), "noisy": noisy}
        for name, found in columns.items():
            row |= columns_of(name, found[index])
        yield row | {"fast minus BM3D": row["fast"] - row[BM3D]}


def _product(image: np.ndarray, truth: np.ndarray, start: str) -> list[dict[str, object]]:
    config = DipConfig(preset="fast", start=start, threads=1, device="cpu")
    begin, ended = time.process_time(), {}
    result = finish(
        restore(Image(image, "ZYX"), config=config),
        lambda progress: ended.update({progress.block: time.process_time()}),
    )
    order = sorted(ended, key=ended.__getitem__)  # a stack may begin with another plane
    seconds = dict(zip(order, np.diff([begin, *sorted(ended.values())]).tolist(), strict=True))
    restored = psnr_of_planes(np.asarray(result.image.data), truth)
    return [{"": psnr, "seconds": seconds.get(index)} for index, psnr in enumerate(restored)]


def _bm3d(image: np.ndarray, truth: np.ndarray) -> list[dict[str, object]]:
    estimates, seconds = [], []
    for plane in image:
        begin = time.process_time()
        estimates.append(baseline(BM3D, plane, Denoise())())
        seconds.append(time.process_time() - begin)
    restored = psnr_of_planes(np.stack(estimates), truth)
    return [{"": a, "seconds": b} for a, b in zip(restored, seconds, strict=True)]


def summarised(rows: list[Row]) -> list[Row]:
    """Add the row of the means, and one of the sums of the seconds and the worst difference."""
    total = dict.fromkeys(rows[0], None) | {"plane": "sum of seconds, worst difference"}
    for name in ("fast seconds", f"{BM3D} seconds"):
        total[name] = float(sum(row[name] for row in rows))
    total["fast minus BM3D"] = min(row["fast minus BM3D"] for row in rows)
    means = mean(rows) | {"plane": "mean"}
    del means["name"]
    return [*rows, means, total]


ALONE = {"first": first_alone, "large": large_alone}
TABLES = {"first": first, "large": large, "stack": stack}


def _alone(options: argparse.Namespace, table: str, file: Path, preset: str) -> dict[str, object]:
    words = ("--one", table, file, "--presets", preset, "--start", options.start)
    return in_own_process("answers", *words, "--threads", options.threads)


def places(options: argparse.Namespace) -> dict[str, Place]:
    """Return where each table belongs."""
    conditions = f"The start is {options.start}, with {options.threads} threads. "
    return {
        "first": Place(
            PERFORMANCE,
            "What to expect on a laptop",
            f"First answer of a 1024 x 1024 image in a new process. {conditions}Iteration 0 is "
            "the answer before the first step:",
        ),
        "large": Place(
            PERFORMANCE,
            "What to expect on a laptop",
            f"A whole run of a 2048 x 2048 uint16 image. {conditions}Memory without that of the "
            "libraries:",
        ),
        "stack": Place(
            PERFORMANCE,
            "Stacks and volumes",
            "A stack of 16 planes of 512 x 512 pixels with photon noise, and BM3D plane by plane "
            "in the same run: PSNR [dB], seconds of the processor on one thread. "
            f"The start is {options.start}:",
        ),
    }


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument("--start", choices=("learned", "random"), default="learned")
    parser.add_argument("--presets", nargs="+", choices=PRESETS, default=list(PRESETS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--planes", type=int, default=16)
    parser.add_argument("--side", type=int, help="sides of smaller images, which are not stored")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        (table, file), (preset,) = options.one, options.presets
        config = DipConfig(
            preset=preset, start=options.start, threads=options.threads, device="cpu"
        )
        print(json.dumps(ALONE[table](np.load(file), config)))
        return
    with TemporaryDirectory() as folder:
        for name in options.only:
            rows = list(TABLES[name](options, Path(folder)))
            rows = summarised(rows) if name == "stack" else rows
            for index, row in enumerate(rows):
                show(row, header=index == 0)
            print()
            if not options.side and (options.planes, options.presets) == (16, [*PRESETS]):
                command = f"python -m benchmarks.answers --only {name} --start {options.start}"
                store(f"{name}-{options.start}", rows, command, places(options)[name])


if __name__ == "__main__":
    main()
