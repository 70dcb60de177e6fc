"""Warm starts: planes and frames that start from the network of their neighbour.

    python -m benchmarks.stacks FOLDER_OF_DATA [--stacks nuclei] [--preset fast] [--figure PNG]

Planes of real z-stacks and frames of time series, 96 x 96 pixels, with added photon and camera
noise: PSNR, iterations and seconds of each plane with a cold and with a warm start. The truth
is the recording, which has some noise of its own.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from benchmarks.rows import middle, show

from napari_dip import DipConfig, Image, metrics, restore
from napari_dip.api import finish
from napari_dip.io.images import read_image

if TYPE_CHECKING:
    from napari_dip.core.records import Report

# Name: file, axis, first plane.
STACKS = {
    "nuclei": ("stacks/nuclei_zyx_uint16.tif", "Z", 24),
    "ovule": ("stacks/ovule_imagej_zyx.tif", "Z", 12),
    "hela": ("timeseries/ctc_hela_tyx_uint16.tif", "T", 0),
    "migration": ("timeseries/cancer_cell_migration_tyx_uint16.tif", "T", 10),
}
# Photons at the brightest pixel, and standard deviation of the camera noise [photons].
PHOTONS, READ_NOISE = 60, 2.0


def stack(folder: Path, name: str, planes: int, crop: int) -> tuple[Image, np.ndarray]:
    """Return planes with noise, and the recording, in photons."""
    file, axis, first = STACKS[name]
    axes = f"{axis}YX"
    truth = recorded(folder / file, axes, slice(first, first + planes), crop)
    return Image(photographed(truth, 100), axes), truth + 100


def recorded(file: Path, axes: str, planes: slice, crop: int) -> np.ndarray:
    """Return the middles of some planes of a stack, in photons."""
    volume = np.squeeze(np.asarray(read_image(file, axes=axes).data))
    truth = np.stack([middle(plane, crop) for plane in volume[planes].astype(float)])
    return PHOTONS * (truth - truth.min()) / np.ptp(truth)


def photographed(truth: np.ndarray, offset: float = 0.0) -> np.ndarray:
    """Return photons with photon noise and with the noise and offset of a camera."""
    random = np.random.default_rng(0)
    noisy = random.poisson(truth) + random.normal(offset, READ_NOISE, truth.shape)
    return np.asarray(noisy, dtype=np.float32)


def planes_of(
    image: Image, truth: np.ndarray, config: DipConfig
) -> tuple[list[float], Report, list[dict[int, float]]]:
    """Return the PSNR of each plane, the report, and PSNR by iteration."""
    curves: list[dict[int, float]] = [{} for _ in truth]
    result = finish(
        restore(image, config=config, reference=truth),
        lambda progress: curves[progress.block].update({progress.iteration: progress.psnr}),
    )
    return psnr_of_planes(np.asarray(result.image.data), truth), result.report, curves


def psnr_of_planes(planes: np.ndarray, truth: np.ndarray) -> list[float]:
    """Return the PSNR of each plane, relative to the range of the whole truth."""
    span = float(np.ptp(truth))
    errors = np.mean((planes - truth) ** 2, axis=(1, 2))
    return [float(10 * np.log10(span**2 / error)) for error in errors]


def rows(image: Image, truth: np.ndarray, config: DipConfig) -> Iterator[dict[str, object]]:
    """Yield a row for each plane."""
    found = {}
    for warm in ("off", "on"):
        found[warm] = planes_of(image, truth, config.model_copy(update={"warm_start": warm}))
    for index, observed in enumerate(image.data):
        row: dict[str, object] = {"plane": index}
        row["observed [dB]"] = metrics.psnr(observed, truth[index])
        for warm, name in (("off", "cold"), ("on", "warm")):
            psnr, report, _ = found[warm]
            block = report.blocks[index]
            row |= {
                f"{name} [dB]": psnr[index],
                f"{name} iterations": block.iterations,
                f"{name} seconds": block.seconds,
                f"{name} stop": block.stop_reason,
            }
        row["began warm"] = block.warm
        row["seconds, of the first"] = block.seconds / found["on"][1].blocks[0].seconds
        yield row


def draw(tables: dict[str, list[dict[str, object]]], figure: Path) -> None:
    """Draw quality and cost of each plane, cold and warm; a column for each stack."""
    panels = plt.figure(figsize=(3 * len(tables), 5), layout="constrained").subplots(
        2, len(tables), sharex="col", squeeze=False
    )
    for (name, table), (above, below) in zip(tables.items(), panels.T, strict=True):
        for kind, style in {"cold": "o-", "warm": "s--"}.items():
            above.plot([row[f"{kind} [dB]"] for row in table], style, label=kind)
            below.plot([row[f"{kind} seconds"] for row in table], style)
        above.set_title(name)
        above.set_ymargin(0.5)
        below.set_ylim(bottom=0)
        below.set_xlabel("plane")
        below.xaxis.get_major_locator().set_params(integer=True)
    panels[0, 0].set_ylabel("psnr [dB]")
    panels[1, 0].set_ylabel("seconds")
    panels[0, 0].legend()
    plt.savefig(figure, dpi=100)


def main() -> None:
    """Print a table for each stack, and the cost and loss of further planes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--stacks", nargs="+", choices=STACKS, default=list(STACKS))
    parser.add_argument("--preset", default="balanced")
    parser.add_argument("--warm-iterations", type=int)
    parser.add_argument("--planes", type=int, default=6)
    parser.add_argument("--crop", type=int, default=96)
    parser.add_argument("--figure", type=Path, help="file of the figure of quality and cost")
    arguments = parser.parse_args()
    config = DipConfig(preset=arguments.preset, device="cpu", threads=1).complete()
    if arguments.warm_iterations:
        changes = {"warm_iterations": arguments.warm_iterations}
        config = config.model_copy(update={"fit": config.fit.model_copy(update=changes)})
    tables = {}
    for name in arguments.stacks:
        print(f"\n{name}\n")
        image, truth = stack(arguments.folder, name, arguments.planes, arguments.crop)
        table = tables[name] = list(rows(image, truth, config))
        for index, row in enumerate(table):
            show(row, header=index == 0)
        cold, warm = (np.array([row[f"{kind} [dB]"] for row in table]) for kind in ("cold", "warm"))
        cost = np.mean([row["seconds, of the first"] for row in table[1:]])
        print(
            f"\nfurther planes: {100 * cost:.0f}% of the first; warm minus cold "
            f"{np.mean(warm[1:] - cold[1:]):+.2f} dB, least {np.min(warm[1:] - cold[1:]):+.2f}"
        )
    if arguments.figure:
        draw(tables, arguments.figure)


if __name__ == "__main__":
    main()
