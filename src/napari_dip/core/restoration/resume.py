"""Resume: check that an earlier restoration fits, and return its checkpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from napari_dip.config import DipConfig, FitConfig
from napari_dip.core.report.provenance import sha256_of_pixels
from napari_dip.errors import UsageError

if TYPE_CHECKING:
    from napari_dip.core.fitting.checkpoint import FitCheckpoint
    from napari_dip.core.restoration.plan import RunPlan
    from napari_dip.core.restoration.progress import Restoration

# Fields that decide when a fit stops, or what follows it; a resumed fit may change them.
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


def checkpoints_of(earlier: Restoration, plan: RunPlan) -> Mapping[int, Sequence[FitCheckpoint]]:
    """Return the checkpoints of an earlier restoration, by index of the block.

    Raises
    ------
    UsageError
        The earlier restoration has no checkpoints, or had another image, task or
        configuration than the plan.
    """
    if earlier.checkpoints is None:
        raise UsageError(
            "Got a restoration without checkpoints; expected one made with keep_state, whose "
            "checkpoints fit into a tenth of the free memory. Run it again with keep_state."
        )
    report = earlier.report
    different = [
        name
        for name, before, now in (
            ("shape", report.input.shape, plan.image.shape),
            ("pixels", report.input.sha256, sha256_of_pixels(plan.image.data)),
            ("task", report.task, plan.task.name),
            *_fields(report.config, plan.config),
        )
        if before != now
    ]
    if different:
        raise UsageError(
            f"Got a restoration with another {', '.join(different)}; expected the same image, "
            "task and configuration, except for the number of iterations. Start a new "
            "restoration instead."
        )
    return earlier.checkpoints


def _fields(before: DipConfig, now: DipConfig) -> list[tuple[str, Any, Any]]:
    """Return name and both values of each field that must not differ."""
    names = DipConfig.model_fields.keys() - _MAY_DIFFER
    fits = FitConfig.model_fields.keys() - _MAY_DIFFER_IN_FIT
    return [
        *((name, getattr(before, name), getattr(now, name)) for name in sorted(names)),
        *((name, getattr(before.fit, name), getattr(now.fit, name)) for name in sorted(fits)),
    ]
