"""Continuing: what an earlier restoration must have in common with one that goes on from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from napari_dip.config import DipConfig, FitConfig
from napari_dip.core.report.provenance import sha256_of_pixels
from napari_dip.errors import UsageError

if TYPE_CHECKING:
    from napari_dip.core.fitting.checkpoint import FitCheckpoint
    from napari_dip.core.image.image import Image
    from napari_dip.core.restoration.progress import Restoration
    from napari_dip.core.tasks import Task

# How long and until when is chosen anew, and what becomes of the fit afterwards.
_MAY_DIFFER = {
    "preset",
    "stop",
    "max_iterations",
    "time_limit",
    "tune",
    "posterior_samples",
    "threads",
    "fit",
}
_MAY_DIFFER_IN_FIT = {"max_iterations", "warm_iterations", "stopping", "posterior_noise"}


def checkpoints_of(
    earlier: Restoration, image: Image, task: Task, config: DipConfig
) -> Mapping[int, Sequence[FitCheckpoint]]:
    """Return where the fits of an earlier restoration ended.

    Raises
    ------
    UsageError
        It has not kept that, or was of another image, task or configuration.
    """
    if earlier.checkpoints is None:
        raise UsageError(
            "Got a restoration that cannot be gone on from; expected one made with keep_state, "
            "whose states had room in a tenth of the free memory."
        )
    report = earlier.report
    others = [
        name
        for name, before, now in (
            ("shape", report.input.shape, image.shape),
            ("pixels", report.input.sha256, sha256_of_pixels(image.data)),
            ("task", report.task, task.name),
            *_choices(report.config, config),
        )
        if before != now
    ]
    if others:
        raise UsageError(
            f"Got a restoration to go on from with another {', '.join(others)}; expected the "
            "same image, task and configuration, but for how long it is fitted."
        )
    return earlier.checkpoints


def _choices(before: DipConfig, now: DipConfig) -> list[tuple[str, Any, Any]]:
    names = DipConfig.model_fields.keys() - _MAY_DIFFER
    fits = FitConfig.model_fields.keys() - _MAY_DIFFER_IN_FIT
    return [
        *((name, getattr(before, name), getattr(now, name)) for name in sorted(names)),
        *((name, getattr(before.fit, name), getattr(now.fit, name)) for name in sorted(fits)),
    ]
