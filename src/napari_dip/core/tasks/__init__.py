"""Tasks: the inverse problems that the package solves, each with its forward operator.

A task also defines the missing pixels, the guide image, the size of the result, and
how estimate and observation are combined into the result. Only methods import torch,
scipy and scikit-image: a front end lists and checks tasks without waiting for them.
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
