"""Repeat the experiments of the Deep Image Prior paper on a laptop.

    python -m benchmarks.experiments EXPERIMENT FOLDER_OF_DATA [--scale 1.0]

EXPERIMENT is one of the functions below. Each prints a table and writes a
figure into docs/figures; --scale multiplies all iterations.
"""

from __future__ import annotations

import argparse
import io
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image as Picture
from skimage import restoration
from skimage.io import imread

from napari_dip import DipConfig, Image, fit, metrics, restore
from napari_dip.config import FitConfig, preset_of
from napari_dip.core.noise.model import NoiseModel
from napari_dip.core.problem import make_problem
from napari_dip.core.tasks import Guided, Inpaint, RemoveJpeg, Task
from napari_dip.io.images import read_quantisation
from napari_dip.render.figure import Curve

FIGURES = Path(__file__).parents[1] / "docs" / "figures"
# Resolution and number of colours of a figure: low, so that a page loads fast.
_DPI, _COLOURS = 80, 256


@dataclass
class Run:
    """A restoration, and the pictures on the way to it."""

    result: np.ndarray
    curve: Curve
    passed: dict[int, np.ndarray] = field(default_factory=dict)
    seconds: float = 0.0


def run(
    observed: np.ndarray,
    task: Task,
    settings: FitConfig | None = None,
    *,
    stop: str = "none",
    truth: np.ndarray | None = None,
    keep: Sequence[int] = (),
) -> Run:
    """Restore a grey or RGB picture."""
    image = Image(observed, "YXS" if observed.ndim == 3 else "YX")
    config = DipConfig(fit=settings, stop=stop)
    steps, curve, passed = restore(image, task, config, reference=truth), Curve(), {}
    while True:
        try:
            progress = next(steps)
        except StopIteration as end:
            outcome = end.value
            break
        curve.add(progress)
        for iteration in keep:
            if progress.iteration >= iteration and iteration not in passed:
                passed[iteration] = progress.estimate
    return Run(np.asarray(outcome.image.data), curve, passed, outcome.report.seconds)


def with_settings(base: FitConfig, iterations: int, **changes: Any) -> FitConfig:
    """Return changed settings; those of the network by their own names."""
    own = FitConfig.model_fields.keys()
    inside = {name: value for name, value in changes.items() if name not in own}
    network = base.network.model_copy(update=inside)
    outside = {name: value for name, value in changes.items() if name in own}
    return base.model_copy(update={"network": network, "max_iterations": iterations, **outside})


def crop(path: Path, y: int, x: int, size: int) -> np.ndarray:
    return imread(path)[y : y + size, x : x + size]


def halved(picture: np.ndarray) -> np.ndarray:
    """Return the means of 2 x 2 pixels; of a mask, known where all four are known."""
    rows, columns = (n // 2 * 2 for n in picture.shape[:2])
    four = np.stack([picture[y:rows:2, x:columns:2] for y in (0, 1) for x in (0, 1)])
    return four.min(axis=0) if picture.ndim == 2 else np.rint(four.mean(axis=0)).astype(np.uint8)


def show(name: str, pictures: dict[str, np.ndarray], columns: int, width: float = 2.6) -> None:
    """Write pictures of 8 bits with their titles."""
    height, wide = next(iter(pictures.values())).shape[:2]
    lines = -(-len(pictures) // columns)
    size = (width * columns, (width * height / wide + 0.3) * lines)
    figure = Figure(figsize=size, layout="constrained")
    for panel in np.ravel(figure.subplots(lines, columns)):
        panel.set_axis_off()
    for panel, (title, values) in zip(figure.axes, pictures.items(), strict=False):
        picture = np.clip(np.asarray(values, float) / 255, 0, 1)
        panel.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        panel.set_title(title, fontsize=9)
    save(name, figure, dpi=130)


def save(name: str, figure: Figure, dpi: int = _DPI) -> None:
    """Write a figure with few colours, so that its file is small."""
    FIGURES.mkdir(exist_ok=True)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    picture = Picture.open(buffer).convert("RGB")
    picture.quantize(_COLOURS).save(FIGURES / f"{name}.png", optimize=True)


# The experiments


def impedance(data: Path, scale: float) -> None:
    """Count iterations until a picture, a noisy one, shuffled pixels and noise are fitted."""
    natural = crop(data / "set5" / "butterfly.png", 64, 64, 64) / 255.0
    random = np.random.default_rng(0)
    shuffled = random.permutation(natural.reshape(-1, 3)).reshape(natural.shape)
    targets = {
        "natural image": natural,
        "image + noise": natural + random.normal(0, 25 / 255, natural.shape),
        "shuffled pixels": shuffled,
        "noise": random.normal(natural.mean(), natural.std(), natural.shape),
    }
    settings = with_settings(
        preset_of("paper"), round(400 * scale), channels=(32,) * 5, latent_noise=0.0
    )
    figure = Figure(figsize=(6, 3.5), layout="constrained")
    panel = figure.subplots()
    print("| target | " + " | ".join(f"loss {level}" for level in LEVELS) + " |")
    print("|---" * (1 + len(LEVELS)) + "|")
    for name, target in targets.items():
        planes = target.transpose(2, 0, 1).astype(np.float32)
        noise = NoiseModel(0.0, float(natural.var()), 0.0)
        problem = make_problem(
            planes, np.ones(planes.shape, bool), [noise] * 3, (-0.2, 1.2), torch.device("cpu")
        )
        config = DipConfig(fit=settings, stop="none", device="cpu", precision="float32")
        losses = np.array([one.loss for one in fit(problem, config, interval=0.0)])
        panel.semilogy(np.arange(1, len(losses) + 1), losses, label=name)
        first = [int(np.argmax(losses < level)) + 1 if (losses < level).any() else None
                 for level in LEVELS]  # fmt: skip
        print(f"| {name} | " + " | ".join(str(n or f"> {len(losses)}") for n in first) + " |")
    panel.set_xlabel("iteration")
    panel.set_ylabel("mean square / variance of the image")
    panel.legend()
    save("impedance", figure)


# Targets of the loss, as shares of the variance of the image.
LEVELS = (0.5, 0.2, 0.1)


def stopping(data: Path, scale: float) -> None:
    """Compare the early stop of the snail with many more iterations."""
    settings = with_settings(preset_of("paper", "dejpeg"), round(8000 * scale))
    early, late = round(2400 * min(scale, 1)), settings.max_iterations
    snail = imread(data / "dip_repo" / "denoising" / "snail.jpg")[SNAIL]
    truth = crop(data / CLEAN["butterfly"][0], *CLEAN["butterfly"][1:], 96)
    decoded, _ = compress(truth, 10)
    pictures = {}
    for name, picture, reference in (("snail", snail, None), ("butterfly", decoded, truth)):
        done = run(picture, RemoveJpeg(), settings, truth=reference, keep=(early,))
        pictures |= {
            f"{name}, decoded": picture,
            f"{early} iterations, {name}": done.passed[early],
            f"{late} iterations, {name}": done.result,
        }
    curve, quality = done.curve, np.array(done.curve.psnr)
    print(f"decoded {metrics.psnr(decoded, truth):.2f} dB")
    for iteration in (early // 4, early // 2, early, late // 2, late):
        at = int(np.searchsorted(curve.iteration, iteration))
        print(f"{iteration} iterations: {quality[min(at, len(quality) - 1)]:.2f} dB")
    best = int(np.nanargmax(quality))
    print(f"best {quality[best]:.2f} dB at {curve.iteration[best]}")
    figure = Figure(figsize=(6, 3), layout="constrained")
    panel = figure.subplots()
    panel.plot(curve.iteration, quality, label="restored")
    panel.axhline(metrics.psnr(decoded, truth), color="gray", linestyle=":", label="decoded")
    panel.set_xlabel("iteration")
    panel.set_ylabel("psnr [dB]")
    panel.legend()
    save("stopping-curve", figure)
    show("stopping", pictures, 3)


# Widths of the published network of the library, finest scale first.
LIBRARY = (16, 32, 64, 128, 128, 128)


def library_settings(iterations: int, depth: int = 6, **changes: Any) -> FitConfig:
    """Return the published settings of the library, at a depth."""
    return with_settings(
        preset_of("paper"),
        iterations,
        **{
            "channels": LIBRARY[:depth],
            "skip_channels": 0,
            "upsampling": "nearest",
            "latent_channels": 1,
            "latent_noise": 0.0,
            **changes,
        },
    )


def library_hole(data: Path) -> tuple[np.ndarray, np.ndarray]:
    folder = data / "dip_repo" / "inpainting"
    picture, mask = (halved(imread(folder / f"library{end}.png")) for end in ("", "_mask"))
    return picture[HOLE], mask[HOLE]


# Part of the library at half size: the largest hole is in its middle.
HOLE = (slice(40, 168), slice(100, 228))


def depth(data: Path, scale: float) -> None:
    """Fill a large hole with shallower networks and with one that has skips."""
    picture, mask = library_hole(data)
    pictures = {"observed": blanked(picture, mask)}
    for title, settings in {
        "depth 6": library_settings(round(400 * scale)),
        "depth 4": library_settings(round(400 * scale), 4),
        "depth 2": library_settings(round(400 * scale), 2),
        "depth 6, skips of 4": library_settings(round(400 * scale), skip_channels=4),
    }.items():
        done = run(picture, Inpaint(mask, inverse=True), settings)
        print(f"{title}: loss {done.curve.loss[-1]:.3g}, {done.seconds:.0f} s")
        pictures[title] = done.result
    show("depth", pictures, 5, 2.2)


def learning_rate(data: Path, scale: float) -> None:
    """Fill the same hole at several learning rates."""
    picture, mask = library_hole(data)
    pictures = {"observed": blanked(picture, mask)}
    for rate in (0.1, 0.01, 0.001, 0.0001):
        settings = library_settings(round(400 * scale), learning_rate=rate)
        done = run(picture, Inpaint(mask, inverse=True), settings)
        print(f"{rate}: loss {done.curve.loss[-1]:.3g}, {done.seconds:.0f} s")
        pictures[f"learning rate {rate}"] = done.result
    show("learning-rate", pictures, 5, 2.2)


def blanked(picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return np.where(mask[..., None] > 0, picture, 255).astype(np.uint8)


def compress(picture: np.ndarray, quality: int) -> tuple[np.ndarray, Any]:
    """Return the decoded JPEG of Pillow (4:2:0) and its quantisation tables."""
    buffer = io.BytesIO()
    Picture.fromarray(picture).save(buffer, "jpeg", quality=quality)
    file = Path(tempfile.gettempdir()) / "napari-dip-experiment.jpg"
    file.write_bytes(buffer.getvalue())
    return imread(file), read_quantisation(file)


def jpeg(data: Path, scale: float) -> None:
    """Compare decoding, total variation at its best weight, the plain loss, and coefficients."""
    print("| image | decoded [dB] | total variation | plain, paper | plain | coefficients |")
    print("|---" * 6 + "|")
    pictures: dict[str, np.ndarray] = {}
    for name, (file, y, x) in CLEAN.items():
        truth = crop(data / file, y, x, 96)
        decoded, quantisation = compress(truth, QUALITY)
        variation = [total_variation(decoded, weight) for weight in (0.02, 0.03, 0.05, 0.08)]
        results = {"decoded": decoded}
        results["total variation"] = max(variation, key=lambda v: metrics.psnr(v, truth))
        for title, loss, preset in METHODS:
            task = RemoveJpeg(quantisation, loss)
            settings = preset_of(preset, task.preset)
            settings = with_settings(settings, round(settings.max_iterations * scale))
            results[title] = run(decoded, task, settings, stop="auto").result
        values = {title: metrics.psnr(one, truth) for title, one in results.items()}
        print(f"| {name} | " + " | ".join(f"{v:.2f}" for v in values.values()) + " |", flush=True)
        pictures |= {f"{name}, {t}, {values[t]:.2f} dB": one for t, one in results.items()}
        pictures[f"{name}, truth"] = truth
    show("jpeg", pictures, 6, 2.2)


CLEAN = {
    "butterfly": ("set5/butterfly.png", 64, 64),
    "cell": ("microscopy/clean/skimage_cell.png", 256, 256),
}
QUALITY = 10  # of Pillow
METHODS = (("plain, paper", "plain", "paper"), ("plain", "plain", "balanced"),
           ("coefficients", "coefficients", "balanced"))  # fmt: skip


def total_variation(decoded: np.ndarray, weight: float) -> np.ndarray:
    axis = -1 if decoded.ndim == 3 else None
    return 255 * restoration.denoise_tv_chambolle(decoded / 255, weight, channel_axis=axis)


def snail(data: Path, scale: float) -> None:
    """Restore a part of the paper's JPEG with both losses."""
    path = data / "dip_repo" / "denoising" / "snail.jpg"
    decoded, quantisation = imread(path)[SNAIL], read_quantisation(path)
    pictures = {"decoded": decoded}
    for title, loss, preset in METHODS[::2]:
        task = RemoveJpeg(quantisation, loss)
        settings = preset_of(preset, task.preset)
        settings = with_settings(settings, round(settings.max_iterations * scale))
        done = run(decoded, task, settings)
        print(f"{title}: {settings.max_iterations} iterations, {done.seconds:.0f} s")
        pictures[f"{title}, {settings.max_iterations} iterations"] = done.result
    show("snail", pictures, 3, 3.2)


# 4:2:0 needs whole groups of 16 x 16 pixels.
SNAIL = (slice(64, 160), slice(192, 288))


def restorations(data: Path, scale: float) -> None:
    """Restore the paper's own pictures at half their size: text, a hole, shelves and a cave."""
    for name in ("kate", "vase", "library", "cave"):
        RESTORATIONS[name](data, scale)


def kate(data: Path, scale: float) -> None:
    """Remove text from a photograph."""
    fill(data, "kate", scale)


def vase(data: Path, scale: float) -> None:
    """Fill the hole of a removed vase."""
    fill(data, "vase", scale)


def library(data: Path, scale: float) -> None:
    """Fill large holes in shelves."""
    fill(data, "library", scale)


def fill(data: Path, name: str, scale: float) -> None:
    """Fill holes with default settings: the mask decides the preset."""
    folder = data / "dip_repo" / "inpainting"
    picture, mask = (halved(imread(folder / f"{name}{end}.png")) for end in ("", "_mask"))
    task = Inpaint(mask, inverse=True)
    settings = preset_of("balanced", task.preset)
    settings = with_settings(settings, round(settings.max_iterations * scale))
    done = run(picture, task, settings, stop="auto")
    print(f"{name}, {task.preset}: {done.curve.iteration[-1]} iterations, {done.seconds:.0f} s")
    show(name, {"observed": blanked(picture, mask), "restored": done.result}, 2, 3.6)


def cave(data: Path, scale: float) -> None:
    """Restore a photograph without flash, guided by one with flash, at a quarter of the width."""
    folder = data / "dip_repo" / "flash_no_flash"
    names = ("cave01_00_flash.jpg", "cave01_01_noflash.jpg")
    flash, dark = (halved(imread(folder / name)) for name in names)
    settings = with_settings(preset_of("paper", "guided"), round(300 * scale), channels=(32,) * 5)
    done = run(dark, Guided(flash), settings)
    print(f"cave: {settings.max_iterations} iterations, {done.seconds:.0f} s")
    show("cave", {"no flash": dark, "flash": flash, "restored": done.result}, 3, 2.5)


RESTORATIONS = {one.__name__: one for one in (kate, vase, library, cave)}
EXPERIMENTS = {
    one.__name__: one
    for one in (
        jpeg, snail, impedance, stopping, depth, learning_rate, restorations, *RESTORATIONS.values()
    )
}  # fmt: skip


def main() -> None:
    """Run one experiment."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("experiment", choices=EXPERIMENTS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scale", type=float, default=1.0)
    arguments = parser.parse_args()
    EXPERIMENTS[arguments.experiment](arguments.folder, arguments.scale)


if __name__ == "__main__":
    main()
