"""Stripes, and maps of a camera: noise that belongs to lines or pixels of the detector.

    python -m benchmarks.camera FOLDER_OF_DATA [--tables stripes structure alarms maps]

stripes    offsets of rows made by code on an EM and a fluorescence image: PSNR [dB]
structure  contrast that lines and edges along the stripes keep [%], without a fit
alarms     images without stripes in which stripes are found
maps       sCMOS noise made by code: PSNR [dB] without and with the maps of the camera

Offsets are independent from row to row ("independent"), an autoregressive process with a
correlation of 0.8 of neighbours ("correlated"), or independent and present on a quarter to all of
the columns of each row ("partial").
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pywt
import torch
from benchmarks.fmd import PERFORMANCE
from benchmarks.report import Place, store
from benchmarks.rows import middle, show
from scipy import signal

from napari_dip import DipConfig, Image, metrics, restore
from napari_dip.api import finish
from napari_dip.core.noise.stripes.detection import end_within_lines, find_stripes
from napari_dip.core.noise.stripes.line_steps import Stripes
from napari_dip.core.noise.stripes.offsets import estimate_stripes
from napari_dip.core.tasks import Denoise, Task
from napari_dip.io.images import read_image

IMAGES = {
    "EM": "em/isbi2012_test0.png",
    "fluorescence": "microscopy/pairs/fmd_BPAE_G_clean.tif",
}
FOLDERS = (
    "set14", "em", "microscopy/clean", "microscopy/pairs", "microscopy/noisy_only", "medical",
    "set9", "grey_inpainting", "kodak24_crops", "mri_brains",
)  # fmt: skip
KINDS = ("independent", "correlated", "partial")
SIGMA, SIDE, CROP = 10.0, 512, 256
# Photons of the brightest pixel, median variance of the read noise [electrons squared], and
# standard deviation of its logarithm.
CAMERAS = ((20, 2.5, 1.0), (20, 4.0, 1.5), (60, 4.0, 1.5))
GAIN, OFFSET = 2.2, 100.0


def picture(folder: Path, name: str, side: int) -> np.ndarray:
    """Return the middle of a grey image, with the range of its file."""
    return middle(np.squeeze(np.asarray(read_image(folder / IMAGES[name]).data)), side).astype(
        float
    )


def stripes_of(kind: str, shape: tuple[int, int], seed: int = 0) -> np.ndarray:
    """Return stripes along rows (Y, X) with a standard deviation of 10 where they are."""
    random = np.random.default_rng(seed)
    offsets = random.normal(size=(shape[0], 1))
    if kind == "correlated":
        offsets = signal.lfilter([0.6], [1, -0.8], offsets, axis=0)
    stripes = np.repeat(SIGMA * offsets / offsets.std(), shape[1], axis=1)
    if kind == "partial":
        widths = random.integers(shape[1] // 4, shape[1] + 1, size=(shape[0], 1))
        first = random.random((shape[0], 1)) * (shape[1] - widths)
        columns = np.arange(shape[1])
        stripes *= (columns >= first) & (columns < first + widths)
    return stripes


def wavelet_fourier(image: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return an image without stripes along rows, with the best settings for a known truth."""
    results = [
        damped(image, level, width) for level, width in itertools.product((3, 4, 5), (1, 2, 4))
    ]
    return min(results, key=lambda result: (result - truth).std())


def damped(image: np.ndarray, level: int, width: float) -> np.ndarray:
    """Return an image with weaker horizontal details near frequency 0 (Münch et al. 2009)."""
    low, *details = pywt.wavedec2(image, "db10", mode="symmetric", level=level)
    left = []
    for rows, columns, diagonal in details:  # stripes along rows are in the first
        count = rows.shape[1]
        damping = 1 - np.exp(-(np.fft.fftfreq(count, 1 / count) ** 2) / (2 * width**2))
        without = np.fft.ifft(damping * np.fft.fft(rows, axis=1), axis=1).real
        left.append((without, columns, diagonal))
    return pywt.waverec2([low, *left], "db10")[: image.shape[0], : image.shape[1]]


def restored(image: np.ndarray, task: Task | None = None, **choices: object) -> np.ndarray:
    """Return the result with default settings."""
    config = DipConfig.model_validate({"device": "cpu", "threads": 1, **choices})
    result = finish(restore(Image(image, "YX"), task or Denoise(), config))
    return np.asarray(result.image.data)


def stripes(folder: Path) -> Iterator[Mapping[str, object]]:
    """Yield the PSNR of observation and results, relative to a range of 255."""
    for name in IMAGES:
        truth = picture(folder, name, SIDE)

        def psnr(values: np.ndarray, truth: np.ndarray = truth) -> float:
            # The mean offset of all rows cannot be known.
            error = values - truth
            return float(20 * np.log10(255 / (error - error.mean()).std()))

        for noise in (0.0, 10.0):
            for kind in KINDS:
                random = np.random.default_rng(1)
                noisy = truth + stripes_of(kind, truth.shape) + random.normal(0, noise, truth.shape)
                found: dict[str, object] = {"image": name, "stripes": kind, "noise": f"{noise:.0f}"}
                found["observed"] = psnr(noisy)
                found["none"] = psnr(restored(noisy, stripes="none"))
                other = wavelet_fourier(noisy, truth)
                found["wavelet-FFT, none"] = psnr(restored(other, stripes="none"))
                found["auto"] = psnr(restored(noisy, stripes="auto"))
                found["partial-rows"] = psnr(restored(noisy, stripes="partial-rows"))
                found["auto minus observed"] = found["auto"] - found["observed"]
                yield found


def structures(shape: tuple[int, int]) -> Iterator[tuple[str, np.ndarray, tuple, tuple]]:
    """Yield name, mask, and the places whose difference is the contrast of a structure."""
    height, width = shape
    row, left = height // 2, width // 8
    short, long = slice(left, left + width // 5), slice(left, left + 2 * width // 5)
    half, whole = slice(0, width // 2), slice(None)
    for name, rows, columns in (
        ("bar of 3 rows, 20% of the columns", slice(row, row + 3), short),
        ("line of 1 row, 40% of the columns", slice(row, row + 1), long),
        ("edge, half of the columns", slice(row, None), half),
        ("edge, all columns", slice(row, None), whole),
        ("bar of 3 rows, all columns", slice(row, row + 3), whole),
    ):
        mask = np.zeros(shape)
        mask[rows, columns] = 1
        inside = slice(row, min(rows.stop or row + 3, row + 3))
        yield name, mask, (inside, columns), (slice(row - 3, row), columns)


def structure(folder: Path) -> Iterator[Mapping[str, object]]:
    """Yield the contrast that structures of 2, 4 and 6 standard deviations of stripes keep."""
    for name in IMAGES:
        truth = picture(folder, name, SIDE)
        for what, mask, inside, outside in structures(truth.shape):
            found: dict[str, object] = {"image": name, "structure": what}
            for times in (2, 4, 6):
                for choice, partial in (("auto", False), ("partial-rows", True)):
                    kept = []
                    for seed in range(4):
                        noise = np.random.default_rng(seed).normal(0, 5, truth.shape)
                        kind = "partial" if partial else "independent"
                        plane = truth + noise + stripes_of(kind, truth.shape, seed)
                        settings = Stripes("rows", partial=partial)
                        change = estimate_stripes(plane + times * SIGMA * mask, settings)
                        change = change - estimate_stripes(plane, settings)
                        change = np.broadcast_to(change, truth.shape)
                        lost = change[inside].mean() - change[outside].mean()
                        kept.append(100 * (1 - lost / (times * SIGMA)))
                    found[f"{choice}, contrast {times * SIGMA:.0f}"] = f"{np.mean(kept):.0f}"
            yield found


def alarms(folder: Path) -> Iterator[Mapping[str, object]]:
    """Yield the number of images of each folder, and of those in which stripes are found."""
    for name in FOLDERS:
        planes = list(filter(None, map(grey, sorted((folder / name).iterdir()))))
        found = [find_stripes(plane[None]) is not None for (plane,) in planes]
        partial = [
            end_within_lines(plane[None], direction)
            for (plane,) in planes
            for direction in ("rows", "columns")
        ]
        yield {
            "folder": name,
            "images": str(len(found)),
            "stripes found": str(sum(found)),
            "directions with stripes that end": str(sum(partial)),
        }


def grey(path: Path) -> tuple[np.ndarray] | None:
    """Return the middle plane of a file as grey values; None for other files."""
    try:
        image = read_image(path)
    except Exception:
        return None
    values = np.asarray(image.data)
    if values.dtype.kind == "c":
        return None
    values = values[..., :3].mean(axis=-1) if image.rgb else values
    while values.ndim > 2:
        values = values[len(values) // 2]
    return (values.astype(float),)


def maps(folder: Path) -> Iterator[Mapping[str, object]]:
    """Yield the PSNR without maps, with the offset, and with all maps."""
    for name in IMAGES:
        values = picture(folder, name, CROP)
        light = (values - values.min()) / np.ptp(values)
        for photons, median, spread in CAMERAS:
            random = np.random.default_rng(0)
            warm = (random.random(light.shape) < 0.01) * random.exponential(15, light.shape)
            offset = OFFSET + random.normal(0, 2, light.shape) + warm
            gain = GAIN * np.exp(random.normal(0, 0.04, light.shape))
            variance = GAIN**2 * median * np.exp(random.normal(0, spread, light.shape))
            electrons = random.poisson(photons * light)
            raw = offset + gain * electrons + random.normal(size=light.shape) * variance**0.5
            raw = np.clip(np.rint(raw), 0, 65535).astype(np.uint16)
            truth = OFFSET + GAIN * photons * light

            def psnr(values: np.ndarray, truth: np.ndarray = truth) -> float:
                return float(metrics.psnr(values, truth))

            # A camera of equal pixels whose noise is that of the best weighted mean.
            of_light = GAIN**2 * photons * light
            sample = random.choice(variance.ravel(), 1000)
            weights = [(1 / (level + sample)).mean() for level in of_light.ravel()]
            read = np.sqrt(1 / np.reshape(weights, light.shape) - of_light)
            equal = OFFSET + GAIN * electrons + random.normal(size=light.shape) * read
            found: dict[str, object] = {
                "image": name,
                "photons": str(photons),
                "read noise": f"{median**0.5:.1f} e, log spread {spread:g}",
                "raw": psnr(raw.astype(float)),
                "without maps": psnr(restored(raw)),
                "offset": psnr(restored(raw, Denoise(camera_offset=offset))),
                "all maps": psnr(
                    restored(
                        raw,
                        Denoise(camera_offset=offset, camera_gain=gain, camera_variance=variance),
                    )
                ),
            }
            found["gain"] = found["all maps"] - found["without maps"]
            found["equal pixels"] = psnr(restored(np.rint(equal).astype(np.uint16)))
            yield found


TABLES = {
    "stripes": (
        stripes,
        "Stripes along rows with a standard deviation of 10, made by code on images of "
        f"{SIDE} x {SIDE} pixels, some with Gaussian noise of 10: PSNR [dB] of the observation and "
        "of `balanced`, without removal of stripes, after wavelet-FFT with the settings that are "
        "best for the truth, and with `--stripes`. A constant offset does not count:",
    ),
    "structure": (
        structure,
        "Contrast that a structure along the stripes keeps [%], with stripes of 10 and noise of "
        "5, the mean of 4 draws; `auto` on stripes along whole rows, `partial-rows` on stripes "
        "that end within a row:",
    ),
    "alarms": (
        alarms,
        "Images without added stripes, searched along rows and columns:",
    ),
    "maps": (
        maps,
        f"sCMOS noise made by code on {CROP} x {CROP} pixels: offset, gain (2.2, spread 4%) and "
        "read noise of each pixel. PSNR [dB] with `balanced`, and that of a camera of equal pixels "
        "with the noise of the best weighted mean, which no map can exceed by much:",
    ),
}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=list(TABLES))
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name in options.tables:
        make, text = TABLES[name]
        found: list[Mapping[str, object]] = []
        for line in make(options.folder):
            show(line, header=not found)
            found.append(line)
        place = Place(PERFORMANCE, "Stripes and camera maps", text)
        command = f"python -m benchmarks.camera FOLDER_OF_DATA --tables {name}"
        store(f"camera-{name}", found, command, place)


if __name__ == "__main__":
    main()
