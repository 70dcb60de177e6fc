"""Draw quality against time: presets, the published configuration and baselines.

    python -m benchmarks.pareto FIGURE.png --data FOLDER [--size 128] [--images House fish]
                                [--lines fast "fast, learned"] [--cache FILE]

Run it in the folder of `benchmarks.speed quality`: the curves come from the same cache.
Each line is the gain of PSNR of the moving average over the observation, as a mean
over the images. It begins with the first answer; a star marks where the rule ends the fit, at
the mean of its times. Paces are measured alternately, in this run. Images with Gaussian noise
need no stabilisation: for them "BM3D stabilised" is BM3D, for colour images CBM3D.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from benchmarks.rows import Case, curve, ours, start_seconds, timed
from benchmarks.speed import in_turn, published, runtime_of, whole
from benchmarks.tables import CACHE, denoising, microscopy

from napari_dip import DipConfig
from napari_dip.core.hardware.device import torch_settings
from napari_dip.core.hardware.memory import freed_memory_kept

# Preset, start and style of each line; the published loop is that of `paper`.
LINES = {
    "fast": ("fast", "random", "C0-"),
    "balanced": ("balanced", "random", "C1-"),
    "fast, learned": ("fast", "learned", "C0--"),
    "balanced, learned": ("balanced", "learned", "C1--"),
    "published configuration": ("paper", "random", "C2-"),
}
BM3D = "BM3D stabilised"


def cases_of(options: argparse.Namespace) -> list[Case]:
    cases = (*denoising(options.data, options.size), *microscopy(options.data, options.size))
    return [case for case in cases if any(name in case.name for name in options.images)]


def draw(cases: list[Case], paces: dict[str, float], options: argparse.Namespace) -> None:
    """Draw the means over all images."""
    cache = options.cache
    observed = np.array([case.judge(case.observed, case.truth) for case in cases])
    axes = plt.figure(figsize=(7, 4.5), layout="constrained").add_subplot()
    for name in options.lines:
        preset, start, style = LINES[name]
        config, pace = DipConfig(preset=preset, start=start), paces[preset]
        begin = np.array([start_seconds(case, config, cache) for case in cases])
        ended = [ours(case, config, cache) for case in cases]
        until = begin + pace * np.array([row["iterations"] for row in ended])
        seconds = np.geomspace(begin.mean(), until.max(), 200)
        gains = []
        for case, first, noisy in zip(cases, begin, observed, strict=True):
            iterations, psnr = np.array(curve(case, config, cache)).T
            gains.append(np.interp(seconds, first + pace * iterations, psnr) - noisy)
        (line,) = axes.plot(seconds, np.mean(gains, axis=0), style, label=name)
        stopped = np.mean([row["psnr"] for row in ended]) - observed.mean()
        axes.plot(until.mean(), stopped, "*", color=line.get_color(), markersize=12)
        print(f"{name}: {stopped:.2f} dB after {until.mean():.1f} s")
    for name in (*cases[0].baselines, *(() if BM3D in cases[0].baselines else (BM3D,))):
        rows = [timed(case, name if name in case.baselines else "BM3D", cache) for case in cases]
        gain = np.mean([row[""] for row in rows]) - observed.mean()
        seconds = np.mean([row["seconds"] for row in rows])
        axes.plot(seconds, gain, "ok")
        axes.annotate(name, (seconds, gain), (6, 0), textcoords="offset points", va="center")
        print(f"{name}: {gain:.2f} dB after {seconds:.2f} s")
    axes.set(xscale="log", xlabel="seconds", ylabel="psnr above the observation [dB]")
    axes.set_ylim(bottom=0)
    axes.legend()
    axes.grid(alpha=0.3)
    plt.savefig(options.figure, dpi=110)


def main() -> None:
    """Measure paces and draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("figure", type=Path)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--images", nargs="+", default=[""], help="parts of names; default: all")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--lines", nargs="+", choices=LINES, default=list(LINES))
    parser.add_argument("--cache", type=Path, default=CACHE)
    options = parser.parse_args()
    options.device, options.precision = "cpu", "auto"
    runtime = runtime_of(options)
    with torch_settings(1), freed_memory_kept():
        steps = {
            preset: published(options.size, runtime.device)
            if preset == "paper"
            else whole(preset, options.size, runtime)
            for preset in {LINES[name][0]: None for name in options.lines}
        }
        paces = in_turn(steps)
    draw(cases_of(options), paces, options)


if __name__ == "__main__":
    main()
