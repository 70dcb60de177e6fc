"""What the tables share: a case, and a row that is computed once and then remembered."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_dip import DipConfig, Image, metrics, restore
from napari_dip.api import finish

if TYPE_CHECKING:
    from napari_dip.tasks import Task


@dataclass
class Case:
    """One image of a table: what was observed, the truth, and what others make of it."""

    name: str
    observed: np.ndarray
    truth: np.ndarray
    task: Task
    published: float | None = None
    baselines: Mapping[str, Callable[[], np.ndarray]] = field(default_factory=dict)
    judge: Callable[[np.ndarray, np.ndarray], float] = metrics.psnr


def middle(image: np.ndarray, crop: int | None, multiple: int = 1) -> np.ndarray:
    """Cut the middle out of an image, of a size that can be divided."""
    height, width = (min(n, crop or n) // multiple * multiple for n in image.shape[:2])
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return image[top : top + height, left : left + width]


def ours(case: Case, config: DipConfig, cache: Path) -> dict[str, object]:
    """Restore, or take what was restored before with the same configuration.

    The cache knows the configuration and the observation, not the code: begin a
    new one after a change of the code.
    """
    axes = "YXS" if case.observed.ndim == 3 else "YX"
    complete = config.complete(case.task.preset, case.task.dims)
    text = complete.model_dump_json() + case.name + case.task.name + str(case.observed.shape)
    key = hashlib.sha256(text.encode() + case.observed.tobytes()).hexdigest()[:16]
    known = json.loads(cache.read_text()) if cache.exists() else {}
    if key not in known:
        image = Image(case.observed, axes)
        result = finish(restore(image, case.task, config, reference=case.truth))
        report = result.report
        known[key] = {
            "psnr": case.judge(np.asarray(result.image.data), case.truth),
            "gap": (report.best_psnr or 0) - (report.psnr or 0),
            "iterations": report.iterations,
            "stop_reason": report.stop_reason,
            "seconds": report.seconds,
            "noise": report.noise.model,
        }
        cache.write_text(json.dumps(known, indent=1))
    return known[key]


def show(row: Mapping[str, object], *, header: bool = False) -> None:
    """Print a row of a table in Markdown, with its header if it is the first."""
    if header:
        print("| " + " | ".join(row) + " |\n" + "|---" * len(row) + "|")
    words = (f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in row.values())
    print("| " + " | ".join(words) + " |", flush=True)
