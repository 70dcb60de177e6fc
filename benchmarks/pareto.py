"""Draw quality against time: presets, the published configuration and baselines.

    python -m benchmarks.pareto FIGURE.png --data FOLDER [--size 128] [--images House fish]

Run it in the folder of `speed.py quality`: the curves come from the same cache.
Each line is the gain of PSNR of the moving average over the observation, as a mean
over the images. A star marks where the rule ends the fit, at the mean of its times.
Paces are measured alternately, in this run.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from benchmarks.rows import Case, curve, ours, theirs
from benchmarks.speed import in_turn, published, runtime_of, whole
from benchmarks.tables import CACHE, denoising, microscopy

from napari_dip import DipConfig
from napari_dip.core.hardware.device import torch_settings
from napari_dip.core.hardware.memory import freed_memory_kept

# Presets, and the names of their lines; the published loop is that of `paper`.
LINES = {"fast": "fast", "balanced": "balanced", "paper": "published configuration"}


def cases_of(options: argparse.Namespace) -> list[Case]:
    cases = (*denoising(options.data, options.size), *microscopy(options.data, options.size))
    return [case for case in cases if any(name in case.name for name in options.images)]


def gain_over_time(case: Case, preset: str, pace: float, seconds: np.ndarray) -> np.ndarray:
    """Return the gain of PSNR over the observation after some seconds."""
    iterations, psnr = np.array(curve(case, DipConfig(preset=preset), CACHE)).T
    return np.interp(seconds, pace * iterations, psnr) - case.judge(case.observed, case.truth)


def draw(cases: list[Case], paces: dict[str, float], figure: Path) -> None:
    """Draw the means over all images."""
    observed = [case.judge(case.observed, case.truth) for case in cases]
    axes = plt.figure(figsize=(7, 4.5), layout="constrained").add_subplot()
    for preset, name in LINES.items():
        ended = [ours(case, DipConfig(preset=preset), CACHE) for case in cases]
        until = paces[preset] * np.array([row["iterations"] for row in ended])
        seconds = np.geomspace(5 * paces[preset], until.max(), 200)
        gains = [gain_over_time(case, preset, paces[preset], seconds) for case in cases]
        (line,) = axes.plot(seconds, np.mean(gains, axis=0), label=name)
        stopped = np.mean([row["psnr"] for row in ended]) - np.mean(observed)
        axes.plot(until.mean(), stopped, "*", color=line.get_color(), markersize=12)
        print(f"{name}: {stopped:.2f} dB after {until.mean():.1f} s")
    for name in cases[0].baselines:
        rows = [theirs(case, name, CACHE) for case in cases]
        gain = np.mean([row["psnr"] for row in rows]) - np.mean(observed)
        seconds = np.mean([row["seconds"] for row in rows])
        axes.plot(seconds, gain, "ok")
        axes.annotate(name, (seconds, gain), (6, 0), textcoords="offset points", va="center")
        print(f"{name}: {gain:.2f} dB after {seconds:.2f} s")
    axes.set(xscale="log", xlabel="seconds", ylabel="psnr above the observation [dB]")
    axes.set_ylim(bottom=0)
    axes.legend()
    axes.grid(alpha=0.3)
    plt.savefig(figure, dpi=110)


def main() -> None:
    """Measure paces and draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("figure", type=Path)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--images", nargs="+", default=[""], help="parts of names; default: all")
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    options.device, options.precision = "cpu", "auto"
    runtime = runtime_of(options)
    with torch_settings(1), freed_memory_kept():
        steps = {"paper": published(options.size, runtime.device)}
        steps |= {name: whole(name, options.size, runtime) for name in ("fast", "balanced")}
        paces = in_turn(steps)
    draw(cases_of(options), paces, options.figure)


if __name__ == "__main__":
    main()
