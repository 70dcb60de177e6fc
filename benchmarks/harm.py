"""First do no harm: the effect of default settings on clean, textured and noisy pictures.

    python -m benchmarks.harm TABLE FOLDER_OF_DATA [--preset balanced] [--names ...] [--noises ...]

TABLE is one of

clean       pictures without added noise: measured noise, PSNR of the result to the input, seconds
levels      noise of known level is added to each picture: measured level and correlation
fits        a whole run on some of these pictures: PSNR of observation and result
correlated  blurred noise is added, and wide-field frames: share that is detected
widefield   the first wide-field frame of each field, restored

All pictures are 256 x 256 centre crops with 8 bit; decibels are relative to a range of 255. For
`levels` no noise is added to constant regions, such as the padding of a brain: nothing was recorded
there.

A picture has noise of its own: an error `with own` is relative to the root of the sum of squares
of both, and an error `beside own` is that of the difference of squares. `own` is measured with
white noise of 1 that is added and subtracted in squares, three times. Without it, rounding,
compression and interpolation leave directions of patches empty, and own noise seems too small;
and saturated areas, which have no noise of their own, do not count. `used` is the level that the
network of the learned start showed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from benchmarks.rows import axes_of, middle, show
from scipy import ndimage

from napari_dip import DipConfig, Image, restore
from napari_dip.api import finish
from napari_dip.core.image.constant_regions import find_constant_regions
from napari_dip.core.noise.correlation import CORRELATED
from napari_dip.core.restoration.channel_stats import find_channels
from napari_dip.core.tasks import Denoise
from napari_dip.io.images import read_image

if TYPE_CHECKING:
    from napari_dip.core.records import NoiseRecord, Report

SIZE = 256
FOLDERS = ("set14", "set9", "kodak24_crops", "mri_brains", "em")
FILES = (
    "microscopy/clean/ihc.png",
    "microscopy/clean/skimage_cell.png",
    "masks/text_page.png",
    "medical/retina.jpg",
    "medical/shepp_logan.png",
)
# Brains are similar: use only some.
BRAINS = 6
NOISES = ("g2", "g5", "g10", "g25", "g50", "p10", "p30", "p100")
# Seeds of the white noise of 1 with which the noise of a picture itself is measured.
OWN_SEEDS = (11, 12, 13)
WIDTHS, CORRELATED_LEVELS = (0.7, 1.0, 1.5), (10, 25)
FIELDS = ("BPAE_B", "BPAE_G", "BPAE_R")
FITTED = (
    "set14/baboon", "set14/coastguard", "set14/comic", "set14/face", "set14/monarch",
    "set14/zebra", "set9/House", "kodak24_crops/kodim05", "kodak24_crops/kodim13",
    "kodak24_crops/kodim23", "microscopy/clean/ihc", "em/isbi2012_test0",
)  # fmt: skip


def pictures(data: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the name of each picture and its centre, (Y, X) or (Y, X, 3) uint8."""
    brains = 0
    paths = [path for folder in FOLDERS for path in sorted((data / folder).glob("*.png"))]
    for path in [*paths, *(data / name for name in FILES)]:
        brains += path.parent.name == "mri_brains"
        if path.parent.name != "mri_brains" or brains <= BRAINS:
            yield str(path.relative_to(data).with_suffix("")), picture(path)


def picture(path: Path) -> np.ndarray:
    """Read a picture and cut out its middle; three equal channels are one."""
    values = np.asarray(read_image(path).data)
    if values.ndim == 3:
        values = values[..., :3]
        values = values[..., 0] if (values == values[..., :1]).all() else values
    return middle(values, SIZE)


def with_noise(clean: np.ndarray, noise: str, seed: int | None = None) -> tuple[np.ndarray, float]:
    """Add noise, such as g25 (Gaussian, deviation 25) or p30 (30 photons at the brightest).

    Returns the observation (float32) and the root mean square of the noise that is expected.
    Without a seed, all pictures have the same random numbers.
    """
    random = np.random.default_rng(sum(map(ord, noise)) if seed is None else seed)
    values, number = clean.astype(np.float64), float(noise[1:])
    if noise[0] == "g":
        return (values + random.normal(0, number, clean.shape)).astype(np.float32), number
    photons = values / 255 * number
    observed = (random.poisson(photons) * 255 / number).astype(np.float32)
    lit = photons[photons > 0]  # where no photon can come, there is no noise to be found
    return observed, float(np.sqrt(np.mean(lit))) * 255 / number


def recorded(values: np.ndarray) -> np.ndarray:
    """Return the mask of the pixels outside constant regions, of the shape of the picture."""
    planes = values[..., None] if values.ndim == 2 else values
    masks = [~find_constant_regions(plane) for plane in np.moveaxis(planes, -1, 0)]
    return np.stack(masks, axis=-1).reshape(values.shape)


def with_own(values: np.ndarray, noise: str, seed: int | None = None) -> tuple[np.ndarray, float]:
    """Add noise where a picture was recorded; return the observation and the added level there."""
    where = recorded(values)
    observed, _ = with_noise(values, noise, seed)
    _, level = with_noise(values[where], noise, seed)
    return np.where(where, observed, values), level


def own_noise(values: np.ndarray) -> float:
    """Return the level of the noise that a picture has without added noise."""
    levels = [noise_of(with_own(values, "g1", seed)[0])[0].sigma for seed in OWN_SEEDS]
    return float(np.sqrt(max(np.mean(np.square(levels)) - 1, 0.0)))


def blurred(clean: np.ndarray, width: float, level: float) -> np.ndarray:
    """Add Gaussian noise of a standard deviation, blurred by some pixels."""
    widths = (width, width, 0)[: clean.ndim]
    noise = ndimage.gaussian_filter(np.random.default_rng(3).normal(size=clean.shape), widths)
    return (clean + level * noise / noise.std()).astype(np.float32)


def noise_of(observed: np.ndarray) -> list[NoiseRecord]:
    """Return the measured noise of an image, without a fit; RGB samples share a record."""
    config = DipConfig().complete()
    image = Image(observed, axes_of(observed))
    return [channel.record for channel in find_channels(image, config, Denoise())]


def is_correlated(observed: np.ndarray) -> bool:
    found = [record.correlation or 0.0 for record in noise_of(observed)]
    return bool(np.median(found) >= CORRELATED)


def restored(observed: np.ndarray, preset: str) -> tuple[np.ndarray, Report, float]:
    start = time.perf_counter()
    config = DipConfig(preset=preset, threads=1, device="cpu")
    result = finish(restore(Image(observed, axes_of(observed)), config=config))
    return np.asarray(result.image.data), result.report, time.perf_counter() - start


def decibels(values: np.ndarray, truth: np.ndarray) -> float:
    error = np.mean((values.astype(np.float64) - truth) ** 2)
    return float(10 * np.log10(255**2 / max(error, 255**2 * 1e-10)))  # 100 dB: equal


def clean(options: argparse.Namespace) -> Iterator[dict[str, object]]:
    for name, values in chosen(options):
        result, report, seconds = restored(values, options.preset)
        yield {
            "picture": name,
            "noise found": report.noise.sigma,
            "correlation": report.noise.correlation,
            "PSNR to input": decibels(result, values),
            "iterations": report.iterations,
            "s": seconds,
        }


def levels(options: argparse.Namespace) -> Iterator[dict[str, object]]:
    for name, values in chosen(options):
        own = own_noise(values)
        row: dict[str, object] = {"picture": name, "own": own}
        for noise in options.noises:
            observed, level = with_own(values, noise)
            found = noise_of(observed)[0].sigma
            beside = np.sqrt(max(found**2 - own**2, 0.0))
            row |= {noise: found / level - 1, f"{noise} beside own": beside / level - 1}
            row[f"{noise} with own"] = found / np.hypot(level, own) - 1
            row[f"{noise} correlated"] = int(is_correlated(observed))
        yield row


def fits(options: argparse.Namespace) -> Iterator[dict[str, object]]:
    for name, values in chosen(options, FITTED):
        for noise in options.noises:
            observed, _ = with_noise(values, noise)
            result, report, seconds = restored(observed, options.preset)
            yield {
                "picture": name,
                "noise": noise,
                "found": report.noise.sigma,
                "used": report.noise.sigma * report.diagnostics.get("noise_factor", 1.0),
                "observed": decibels(observed, values),
                "result": decibels(result, values),
                "returned": report.diagnostics.get("returned_area"),
                "s": seconds,
            }


def correlated(options: argparse.Namespace) -> Iterator[dict[str, object]]:
    for name, values in chosen(options):
        found: dict[str, object] = {"picture": name, "as it comes": int(is_correlated(values))}
        for width in WIDTHS:
            for level in CORRELATED_LEVELS:
                found[f"{width} px, {level}"] = int(is_correlated(blurred(values, width, level)))
        yield found
    for path in sorted((options.folder / "fmd_testset/raw").glob("*.png")):
        frame = np.asarray(read_image(path).data)
        yield {"picture": path.stem, "as it comes": int(is_correlated(frame))}


def widefield(options: argparse.Namespace) -> Iterator[dict[str, object]]:
    for field in FIELDS:
        raw, truth = (
            np.asarray(
                read_image(options.folder / f"fmd_testset/{kind}/WideField_{field}_1.png").data
            )
            for kind in ("raw", "gt")
        )
        result, report, seconds = restored(raw, options.preset)
        yield {
            "field": field,
            "correlation": report.noise.correlation,
            "observed": decibels(raw, truth),
            "result": decibels(result, truth),
            "s": seconds,
        }


def chosen(
    options: argparse.Namespace, default: tuple[str, ...] = ()
) -> Iterator[tuple[str, np.ndarray]]:
    names = options.names or default
    for name, values in pictures(options.folder):
        if not names or name in names:
            yield name, values


def summarise(rows: list[dict[str, object]]) -> None:
    """Print mean, minimum and maximum of each column of numbers; for `fits` by noise."""
    groups = sorted({str(row.get("noise", "")) for row in rows})
    for group in groups:
        members = [row for row in rows if str(row.get("noise", "")) == group]
        for column in members[0]:
            cells = [row.get(column) for row in members]
            numbers = np.array([cell for cell in cells if isinstance(cell, int | float)])
            if not numbers.size:
                continue
            line = f"{group} {column}: mean {numbers.mean():.3f}, {numbers.min():.3f} to "
            line += f"{numbers.max():.3f}, n {numbers.size}"
            if group == "" and column[0] in "gp" and not column.endswith("correlated"):
                near, far = (np.mean(np.abs(numbers) <= limit) for limit in (0.1, 0.25))
                line += f", within 10%: {near:.0%}, within 25%: {far:.0%}"
            print(line)
        if "result" in members[0] and "observed" in members[0]:
            gain = [float(row["result"]) - float(row["observed"]) for row in members]
            print(f"{group} least gain over the observation: {min(gain):.2f} dB")


TABLES = {table.__name__: table for table in (clean, levels, fits, correlated, widefield)}


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--preset", default="balanced")
    parser.add_argument("--names", nargs="+")
    parser.add_argument("--noises", nargs="+", default=list(NOISES))
    options = parser.parse_args()
    rows = []
    for row in TABLES[options.table](options):
        show(row, header=not rows)
        rows.append(row)
    print()
    summarise(rows)


if __name__ == "__main__":
    main()
