"""Tasks: each is a choice of forward operator for the one loop.

A task also says which pixels are missing, what other picture helps, how much
larger the result is, and how estimate and observation become the result.
torch is imported by `operator` alone: a window can check a task at once.
"""

from __future__ import annotations

from napari_dip.core.tasks.base import Task
from napari_dip.core.tasks.deconvolve import Deconvolve
from napari_dip.core.tasks.denoise import Denoise
from napari_dip.core.tasks.guided import Guided
from napari_dip.core.tasks.inpaint import Inpaint
from napari_dip.core.tasks.invert_features import InvertFeatures
from napari_dip.core.tasks.jpeg import Quantisation, RemoveJpeg
from napari_dip.core.tasks.kspace import ReconstructKSpace
from napari_dip.core.tasks.super_resolve import SuperResolve

__all__ = [
    "TASKS",
    "Deconvolve",
    "Denoise",
    "Guided",
    "Inpaint",
    "InvertFeatures",
    "Quantisation",
    "ReconstructKSpace",
    "RemoveJpeg",
    "SuperResolve",
    "Task",
]

TASKS: dict[str, type[Task]] = {
    task.name: task
    for task in (
        Denoise,
        Inpaint,
        SuperResolve,
        Deconvolve,
        RemoveJpeg,
        Guided,
        ReconstructKSpace,
        InvertFeatures,
    )
}
