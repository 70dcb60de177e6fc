"""Resume: the checkpoints that a run keeps, and those of an earlier run to start from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from napari_dip.config import DipConfig, FitConfig
from napari_dip.core.hardware.memory import free_memory
from napari_dip.core.report.provenance import sha256_of_pixels
from napari_dip.errors import UsageError

if TYPE_CHECKING:
    import torch

    from napari_dip.core.blocks.plan import Block
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
# Largest share of the free memory that the checkpoints of a run may take.
_SHARE_OF_CHECKPOINTS = 0.1


class KeptCheckpoints:
    """Checkpoints of all fits of a run, as long as they take a small share of the memory.

    Parameters
    ----------
    device : torch.device or None
        Device whose free memory limits the checkpoints; None to keep none.

    Attributes
    ----------
    by_block : mapping of int to sequence of FitCheckpoint, or None
        Checkpoints of the runs of each block, by its index; None if they are not kept.
    """

    def __init__(self, device: torch.device | None) -> None:
        self.by_block: dict[int, Sequence[FitCheckpoint]] | None = None if device is None else {}
        self._room = 0.0 if device is None else _SHARE_OF_CHECKPOINTS * free_memory(device)

    @property
    def are_kept(self) -> bool:
        """Whether the checkpoints of later fits are wanted."""
        return self.by_block is not None

    def add(self, block: Block, checkpoints: Sequence[FitCheckpoint]) -> None:
        """Keep the checkpoints of the runs of a block; drop all where one cannot be kept."""
        if self.by_block is None:
            return
        self.by_block[block.index] = checkpoints
        self._room -= sum(checkpoint.nbytes for checkpoint in checkpoints)
        if self._room < 0 or not checkpoints:  # a correction cannot be resumed
            self.by_block = None


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
