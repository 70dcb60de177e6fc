"""Draw quality against time: presets from learned and from random weights, and other methods.

    python -m benchmarks.pareto FIGURE.png --data FOLDER [--size 256] [--images fish BPAE]
                                [--lines "fast" "balanced"] [--cache FILE]

The images are the grey pairs of fluorescence with real noise. Each line is the mean gain of PSNR
over the observation, from the first answer on; a star marks the result. Seconds are those of the
processor on one thread, from the call of `restore`.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from benchmarks.rows import Case, axes_of, remembered, timed
from benchmarks.tables import CACHE, microscopy

from napari_dip import DipConfig, Image, restore
from napari_dip.api import finish

# Configuration and style of each line.
LINES = {
    "fast": (DipConfig(preset="fast"), "C0"),
    "balanced": (DipConfig(preset="balanced"), "C1"),
    "fast, random start": (DipConfig(preset="fast", start="random"), "C2"),
    "balanced, random start": (DipConfig(preset="balanced", start="random"), "C3"),
    "published configuration": (DipConfig(preset="paper"), "C4"),
}
# The published configuration takes ten minutes for each image.
SHOWN = list(LINES)[:-1]

Course = list[tuple[float, float]]


def course(case: Case, config: DipConfig, cache: Path) -> Course:
    """Return seconds and PSNR of what a run shows, the result last."""

    def compute() -> dict[str, object]:
        points: Course = []
        whole = np.array(case.observed, dtype=float)
        start, judging = time.process_time(), 0.0

        def add(estimate: np.ndarray) -> None:
            nonlocal judging
            now = time.process_time()
            points.append((now - start - judging, case.judge(estimate, case.truth)))
            judging += time.process_time() - now

        def show(progress: object) -> None:
            whole[progress.selection] = progress.estimate
            add(whole)

        image = Image(case.observed, axes_of(case.observed))
        result = finish(restore(image, case.task, config), show)
        add(np.asarray(result.image.data))
        return {"course": points}

    found = remembered(case, f"course {config.model_dump_json()}", cache, compute)
    return [tuple(point) for point in found["course"]]


def draw(cases: list[Case], options: argparse.Namespace) -> None:
    """Draw the means over all images."""
    observed = np.mean([case.judge(case.observed, case.truth) for case in cases])
    axes = plt.figure(figsize=(7, 4.5), layout="constrained").add_subplot()
    for name in options.lines:
        config, colour = LINES[name]
        alone = config.model_copy(update={"threads": 1, "device": "cpu"})
        courses = [np.array(course(case, alone, options.cache)).T for case in cases]
        first, last = np.mean([each[:, [0, -1]] for each in courses], axis=0).T
        seconds = np.geomspace(first[0], last[0], 200)
        # Each run takes its own time; its curve is stretched to the mean of all.
        shares = (seconds - first[0]) / (last[0] - first[0])
        gains = [
            np.interp(shares, (each[0] - each[0, 0]) / np.ptp(each[0]), each[1]) for each in courses
        ]
        axes.plot(seconds, np.mean(gains, axis=0) - observed, colour, label=name)
        axes.plot(last[0], last[1] - observed, "*", color=colour, markersize=12)
        print(f"{name}: {first[1] - observed:.2f} dB after {first[0]:.2f} s, ", end="")
        print(f"{last[1] - observed:.2f} dB after {last[0]:.2f} s", flush=True)
    for name in cases[0].baselines:
        rows = [timed(case, name, options.cache) for case in cases]
        gain = np.mean([row[""] for row in rows]) - observed
        seconds = np.mean([row["seconds"] for row in rows])
        axes.plot(seconds, gain, "ok")
        axes.annotate(name, (seconds, gain), (6, -3), textcoords="offset points", va="top")
        print(f"{name}: {gain:.2f} dB after {seconds:.2f} s")
    axes.set(xscale="log", xlabel="seconds", ylabel="PSNR above the observation [dB]")
    axes.set_ylim(bottom=0)
    axes.legend(loc="lower right")
    axes.grid(alpha=0.3)
    plt.savefig(options.figure, dpi=110)


def main() -> None:
    """Draw the figure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("figure", type=Path)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--images", nargs="+", default=[""], help="parts of names; default: all")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--lines", nargs="+", choices=LINES, default=SHOWN)
    parser.add_argument("--cache", type=Path, default=CACHE)
    options = parser.parse_args()
    pairs = [case for case in microscopy(options.data, options.size) if case.observed.ndim == 2]
    draw([case for case in pairs if any(name in case.name for name in options.images)], options)


if __name__ == "__main__":
    main()
