"""Cases of the tables, and a cache of their values.

The key of the cache is the data, the name of a method and the configuration, not the
code: delete the cache after a change of the code.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache as remember_once
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np

import napari_dip
from napari_dip import DipConfig, Image, metrics, restore
from napari_dip.api import finish
from napari_dip.compare import baselines
from napari_dip.compare.facts import Facts
from napari_dip.core.blocks.plan import plan_blocks
from napari_dip.core.blocks.read import from_channels_first, read_block
from napari_dip.core.image.image import finite_mask
from napari_dip.core.image.scaling import scale_image
from napari_dip.core.noise.estimation import estimate_mean_variance
from napari_dip.core.noise.model import noise_model

if TYPE_CHECKING:
    from napari_dip.core.restoration.progress import Progress, Restoration
    from napari_dip.core.tasks import Task


@dataclass
class Case:
    """One image of a table: the observation, the truth, and other methods."""

    name: str
    observed: np.ndarray
    truth: np.ndarray
    task: Task
    published: float | None = None
    baselines: Mapping[str, Callable[[], np.ndarray]] = field(default_factory=dict)
    judge: Callable[[np.ndarray, np.ndarray], float] = metrics.psnr


def middle(image: np.ndarray, crop: int | None, multiple: int = 1) -> np.ndarray:
    """Return the middle of an image, with sides that are multiples of a number."""
    height, width = (min(n, crop or n) // multiple * multiple for n in image.shape[:2])
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return image[top : top + height, left : left + width]


def axes_of(observed: np.ndarray) -> str:
    """Return the axes of a plane, grey or colour."""
    return "YXS" if observed.ndim == 3 else "YX"


def baseline(
    name: str, observed: np.ndarray, task: Task, sigma: float | None = None
) -> Callable[[], np.ndarray]:
    """Return a baseline of the product for an image, with the given or the measured noise."""
    method = next(method for method in baselines.BASELINES if method.name == name)

    def restored() -> np.ndarray:
        image = task.observe(Image(observed, axes_of(observed)))
        (block,) = plan_blocks(image, None, 2)
        planes, (scaling,) = read_block(image, block), scale_image(image)
        known = finite_mask(planes)
        line = estimate_mean_variance(planes)
        measured = sigma or np.sqrt(line.mean_variance)
        facts = Facts(
            sigma=measured / scaling.gain,
            zero=0.0,
            known=known,
            factors=tuple(task.factors().get(axis, 1) for axis in "YX"),
            noise=noise_model(line, scaling),
        )
        unit = np.where(known, scaling.scale(np.where(known, planes, 0)), 0).astype(np.float64)
        estimate = scaling.unscale(method.restore(unit, facts))
        return from_channels_first(estimate, block)

    return restored


def theirs(case: Case, name: str, cache: Path) -> dict[str, object]:
    """Return the PSNR and the seconds of a baseline."""

    def compute() -> dict[str, object]:
        start = time.perf_counter()
        estimate = case.baselines[name]()
        seconds = time.perf_counter() - start
        return {"psnr": case.judge(estimate, case.truth), "seconds": seconds}

    return remembered(case, name, cache, compute)


def ours(case: Case, config: DipConfig, cache: Path) -> dict[str, object]:
    """Return PSNR, gap and cost of the product with a configuration."""
    values = _restored(case, config, cache)
    return {key: value for key, value in values.items() if key != "curve"}


def curve(case: Case, config: DipConfig, cache: Path) -> list[tuple[int, float]]:
    """Return iteration and PSNR of each estimate until the fit ends."""
    return [tuple(point) for point in _restored(case, config, cache)["curve"]]


def _restored(case: Case, config: DipConfig, cache: Path) -> dict[str, object]:
    def compute() -> dict[str, object]:
        image = Image(case.observed, axes_of(case.observed))
        points: list[tuple[int, float]] = []
        steps = restore(image, case.task, config, reference=case.truth)
        with patch("napari_dip.core.restoration.run._PREVIEW_INTERVAL", 0.0):  # of every iteration
            result = finish(_traced(steps, points))
        report = result.report
        return {
            "curve": points,
            "psnr": case.judge(np.asarray(result.image.data), case.truth),
            "gap": (report.best_psnr or 0) - (report.psnr or 0),
            "iterations": report.iterations,
            "stop_reason": report.stop_reason,
            "seconds": report.seconds,
            "noise": report.noise.model,
        }

    return remembered(case, _method(case, config), cache, compute)


def answers(case: Case, config: DipConfig, cache: Path) -> dict[str, object]:
    """Return PSNR and processor seconds of the first answer and of the result.

    The first answer is the estimate of the first `Progress`. Seconds begin at the call of
    `restore`. The run does not get the truth, since each comparison would take time.
    """

    def compute() -> dict[str, object]:
        shown: list[tuple[Progress, float]] = []
        start = time.process_time()
        result = finish(
            restore(Image(case.observed, axes_of(case.observed)), case.task, config),
            lambda progress: shown or shown.append((progress, time.process_time() - start)),
        )
        seconds = time.process_time() - start
        estimate, first, first_seconds = np.asarray(result.image.data), None, None
        if shown:  # an image with negligible noise has no progress
            progress, first_seconds = shown[0]
            whole = np.array(estimate)
            whole[progress.selection] = progress.estimate
            first = case.judge(whole, case.truth)
        return {
            "first": first,
            "first seconds": first_seconds,
            "": case.judge(estimate, case.truth),
            "seconds": seconds,
            "iterations": result.report.iterations,
            "start": "learned" if any(b.learned for b in result.report.blocks) else "random",
        }

    return remembered(case, f"answers {_method(case, config)}", cache, compute)


def columns_of(name: str, found: Mapping[str, object]) -> dict[str, object]:
    """Return the columns of a method: its name before each key."""
    return {f"{name} {key}".rstrip(): value for key, value in found.items()}


def timed(case: Case, name: str, cache: Path) -> dict[str, object]:
    """Return PSNR and processor seconds of a baseline."""

    def compute() -> dict[str, object]:
        start = time.process_time()
        estimate = case.baselines[name]()
        seconds = time.process_time() - start
        return {"": case.judge(estimate, case.truth), "seconds": seconds}

    return remembered(case, f"timed {name}", cache, compute)


def _method(case: Case, config: DipConfig) -> str:
    """Return the part of a key that describes a configuration and its learned weights."""
    described = config.complete(case.task.preset, case.task.dims).model_dump_json()
    return described + (_digest_of_weights() if config.start == "learned" else "")


@remember_once
def _digest_of_weights() -> str:
    files = sorted(Path(napari_dip.__file__).parent.rglob("*.safetensors"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def in_own_process(script: str, *words: object) -> dict[str, Any]:
    """Run a benchmark in a process of its own, and return its last line, which is JSON."""
    command = [sys.executable, "-m", f"benchmarks.{script}", *map(str, words)]
    lines = subprocess.check_output(command, text=True).splitlines()
    found: dict[str, Any] = json.loads(lines[-1])
    return found


def _traced(
    steps: Generator[Progress, None, Restoration], curve: list[tuple[int, float]]
) -> Generator[Progress, None, Restoration]:
    """Append iteration and PSNR of each estimate to a curve."""
    while True:
        try:
            progress = next(steps)
        except StopIteration as end:
            return end.value
        curve.append((progress.iteration, round(progress.psnr or 0, 3)))
        yield progress


def remembered(
    case: Case, method: str, cache: Path, compute: Callable[[], dict[str, object]]
) -> dict[str, object]:
    """Return the cached values of a method on the same data, or compute and cache them."""
    text = method + case.name + case.task.name + str(case.observed.shape)
    data = case.observed.tobytes() + case.truth.tobytes()
    key = hashlib.sha256(text.encode() + data).hexdigest()[:16]
    known = _read(cache)
    if key not in known:
        values = compute()
        known = _read(cache) | {key: values}  # another table may have been made meanwhile
        cache.write_text(json.dumps(known, indent=1))
    return known[key]


def _read(cache: Path) -> dict[str, dict[str, object]]:
    return json.loads(cache.read_text()) if cache.exists() else {}


def mean(rows: Sequence[Mapping[str, object]]) -> dict[str, object]:
    """Return the row of the means of all numeric columns."""
    columns = {column: [row[column] for row in rows] for column in rows[0]}
    return {
        column: float(np.mean(cells))
        if all(isinstance(cell, int | float) for cell in cells)
        else ""
        for column, cells in columns.items()
    } | {"name": "mean"}


def show(row: Mapping[str, object], *, header: bool = False) -> None:
    """Print a row of a table in Markdown, with its header if it is the first."""
    if header:
        print("| " + " | ".join(row) + " |\n" + "|---" * len(row) + "|")
    cells = ("" if cell is None else cell for cell in row.values())
    words = (f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in cells)
    print("| " + " | ".join(words) + " |", flush=True)
