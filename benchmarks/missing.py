"""Fill missing pixels of eight pictures by a fit and by plug and play.

    python -m benchmarks.missing FOLDER_OF_DATA [--preset fast] [--pictures 8]

Missing pixels are NaN, without a mask. PSNR at the missing pixels [dB] of biharmonic
interpolation, of the fit, of plug and play and of the method that the program takes, seconds of
the processor; the smallest gain is that over biharmonic interpolation, on the worst picture.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from benchmarks.report import Place, store
from benchmarks.rows import middle, show
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont

from napari_dip import DipConfig, Image, restore
from napari_dip.api import finish
from napari_dip.config import plug_and_play_fit
from napari_dip.core.image.infill import mean_of_neighbours, smoothest_surface
from napari_dip.core.restoration.plan import resolve
from napari_dip.core.tasks import Inpaint

PICTURES = (
    "set9/House.png", "set14/barbara.png", "kodak24_crops/kodim08.png",
    "em/isbi2012_test0.png", "set14/monarch.png", "set14/lenna.png",
    "microscopy/clean/skimage_cell.png", "set14/flowers.png",
)  # fmt: skip
KINDS = ("text, 18%", "50%", "80%", "50%, noise of 10", "hole of 40 x 40")
SIDE, SIGMA, LINE, HOLE = 128, 10.0, 16, 40
METHODS = {"fit": "fit", "plug and play": "plug-and-play"}


def text_mask() -> np.ndarray:
    """Return lines of text over the whole picture, (Y, X)."""
    canvas = Picture.new("L", (SIDE, SIDE), 0)
    pen = ImageDraw.Draw(canvas)
    words = "Deep Image Prior fills the missing pixels of one image " * 4
    for row in range(0, SIDE, LINE):
        font = ImageFont.load_default(14)
        pen.text((2 - row // 2, row), words[row // LINE * 5 :], fill=255, font=font)
    return np.asarray(canvas) > 96


def missing_pixels(kind: str) -> np.ndarray:
    """Return True at the missing pixels, (Y, X)."""
    if kind.startswith("text"):
        return text_mask()
    if kind.startswith("hole"):
        hole = np.zeros((SIDE, SIDE), bool)
        hole[HOLE : 2 * HOLE, HOLE : 2 * HOLE] = True
        return hole
    share = 0.8 if kind == "80%" else 0.5
    return np.random.default_rng(0).random((SIDE, SIDE)) < share


def biharmonic(picture: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Return the smoothest surface through the known pixels."""
    known = torch.from_numpy(~missing).float()[None, None]
    values = torch.from_numpy(np.where(missing, 0, picture)).float()[None, None]
    guess = mean_of_neighbours(values, known)
    return smoothest_surface(values, known, guess, 300)[0, 0].numpy()


def configuration(method: str, preset: str) -> DipConfig:
    """Return the settings with which a method fills missing pixels."""
    config = DipConfig.model_validate({"preset": preset, "device": "cpu", "threads": 1})
    if method == "fit":
        return config.model_copy(update={"start": "random"})
    fit = plug_and_play_fit(config.complete("inpaint"), "inpaint")
    return config.model_copy(update={"fit": fit})


def measured(truth: np.ndarray, kind: str, preset: str) -> dict[str, float]:
    """Return PSNR at the missing pixels and seconds of each method."""
    missing, picture = missing_pixels(kind), truth
    if "noise" in kind:
        noise = np.random.default_rng(5).normal(0, SIGMA, truth.shape)
        picture = truth + noise.astype(np.float32)

    def psnr(image: np.ndarray) -> float:
        error = np.mean((image.astype(float) - truth)[missing] ** 2)
        return float(10 * np.log10(255**2 / error))

    found = {"biharmonic": psnr(biharmonic(picture, missing))}
    observed = Image(np.where(missing, np.nan, picture).astype(np.float32), "YX")
    for method in METHODS:
        began = time.process_time()
        result = finish(restore(observed, Inpaint(), configuration(method, preset)))
        found[method] = psnr(np.asarray(result.image.data))
        found[f"{method} seconds"] = time.process_time() - began
    solver = resolve(observed, Inpaint(), DipConfig.model_validate({"preset": preset})).config.fit
    (taken,) = (method for method, name in METHODS.items() if name == solver.solver)
    return found | {"taken": found[taken]}


def means(kind: str, rows: list[dict[str, float]]) -> dict[str, object]:
    """Return the means of a kind, and the smallest gain of each method."""
    line: dict[str, object] = {"missing": kind}
    line |= {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
    for method in (*METHODS, "taken"):
        line[f"{method}, smallest gain"] = min(row[method] - row["biharmonic"] for row in rows)
    return line


def main() -> None:
    """Print the figures of each picture, then the means; store them if all were measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--preset", default="fast")
    parser.add_argument("--pictures", type=int, default=len(PICTURES))
    options = parser.parse_args()
    rows: dict[str, list[dict[str, float]]] = {kind: [] for kind in KINDS}
    for name in PICTURES[: options.pictures]:
        with Picture.open(options.folder / name) as opened:
            truth = middle(np.asarray(opened.convert("L"), dtype=np.float32), SIDE)
        for kind in KINDS:
            found = measured(truth, kind, options.preset)
            rows[kind].append(found)
            show({"picture": name, "missing": kind} | found)
    lines = [means(kind, rows[kind]) for kind in KINDS]
    for line in lines:
        show(line, header=line is lines[0])
    if options.pictures == len(PICTURES) and options.preset == "fast":
        place = Place(
            "docs/notebook/results.md",
            "Half of the pixels missing",
            "Missing pixels, NaN, of eight pictures:",
        )
        command = "python -m benchmarks.missing FOLDER_OF_DATA"
        store("missing", lines, command, place, (), "biharmonic", *METHODS, "taken")


if __name__ == "__main__":
    main()
