"""Fill scattered missing pixels of eight pictures by a fit and by plug and play.

    python -m benchmarks.missing FOLDER_OF_DATA [--preset fast] [--starts learned random]

Prints the PSNR at the missing pixels [dB] for each picture and kind of gaps, and the seconds of
processor time: of biharmonic interpolation, and with each start.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from benchmarks.rows import middle
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont

from napari_dip import DipConfig, Image, restore
from napari_dip.api import finish
from napari_dip.core.image.infill import mean_of_neighbours, smoothest_surface
from napari_dip.core.tasks import Inpaint

PICTURES = (
    "set9/House.png", "set14/barbara.png", "kodak24_crops/kodim08.png",
    "em/isbi2012_test0.png", "set14/monarch.png", "set14/lenna.png",
    "microscopy/clean/skimage_cell.png", "set14/flowers.png",
)  # fmt: skip
KINDS = ("text", "50%", "80%", "50%, noise of 10")
SIDE, SIGMA, LINE = 128, 10.0, 16


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
    if kind == "text":
        return text_mask()
    share = 0.8 if kind == "80%" else 0.5
    return np.random.default_rng(0).random((SIDE, SIDE)) < share


def biharmonic(picture: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Return the smoothest surface through the known pixels."""
    known = torch.from_numpy(~missing).float()[None, None]
    values = torch.from_numpy(np.where(missing, 0, picture)).float()[None, None]
    guess = mean_of_neighbours(values, known)
    return smoothest_surface(values, known, guess, 300)[0, 0].numpy()


def main() -> None:
    """Print the figures of each picture, then the means."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--preset", default="fast")
    parser.add_argument("--starts", nargs="+", default=["learned", "random"])
    arguments = parser.parse_args()
    rows: dict[str, list[list[float]]] = {kind: [] for kind in KINDS}
    for name in PICTURES:
        with Picture.open(arguments.folder / name) as opened:
            truth = middle(np.asarray(opened.convert("L"), dtype=np.float32), SIDE)
        for kind in KINDS:
            missing, picture = missing_pixels(kind), truth
            if "noise" in kind:
                noise = np.random.default_rng(5).normal(0, SIGMA, truth.shape)
                picture = truth + noise.astype(np.float32)

            def psnr(
                image: np.ndarray, truth: np.ndarray = truth, missing: np.ndarray = missing
            ) -> float:
                error = np.mean((image.astype(float) - truth)[missing] ** 2)
                return float(10 * np.log10(255**2 / error))

            row = [psnr(biharmonic(picture, missing))]
            for start in arguments.starts:
                config = DipConfig(preset=arguments.preset, start=start, device="cpu", threads=1)
                observed = Image(np.where(missing, 0, picture), "YX")
                began = time.process_time()
                result = finish(restore(observed, Inpaint(missing), config))
                row += [psnr(np.asarray(result.image.data)), time.process_time() - began]
            rows[kind].append(row)
            print(name, kind, *(f"{value:.2f}" for value in row), flush=True)
    for kind, values in rows.items():
        print(kind, *(f"{value:.2f}" for value in np.mean(values, axis=0)))


if __name__ == "__main__":
    main()
