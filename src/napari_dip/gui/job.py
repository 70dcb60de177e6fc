"""Choices and a layer become a `Job`, or a refusal in words, before torch starts. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from napari_dip.config import DipConfig
from napari_dip.core.blocks import spatial_axes
from napari_dip.core.image import Image
from napari_dip.errors import InputError
from napari_dip.gui.layers import image_of, plane_of, quantisation_of, result_kwargs
from napari_dip.gui.task_form import TaskChoice
from napari_dip.tasks import TASKS, RemoveJpeg, Task

if TYPE_CHECKING:
    import napari.layers

Planes = Literal["all", "current"]


@dataclass(frozen=True, slots=True)
class Choices:
    """What the form says.

    Attributes
    ----------
    config : DipConfig
        The product's own settings.
    planes : {"all", "current"}
        "current" is the Y, X plane at the sliders, with all channels if they
        are fitted jointly.
    point : tuple of float
        The sliders, in world coordinates.
    task : TaskChoice
        The task and its own fields.
    """

    config: DipConfig
    planes: Planes = "all"
    point: tuple[float, ...] = ()
    task: TaskChoice = field(default_factory=TaskChoice)


@dataclass(frozen=True, slots=True)
class Job:
    """All that a run needs, so that the layer may change or go meanwhile.

    Attributes
    ----------
    image : Image
        What is restored. A current plane keeps its stepped axes, with one
        entry: its result lies in the stack where the plane was.
    task : Task
    config : DipConfig
    kwargs : mapping
        Of the result layer.
    """

    image: Image
    task: Task
    config: DipConfig
    kwargs: Mapping[str, Any]


def job(choices: Choices, layer: napari.layers.Image | None) -> Job:
    """Put together what is to be done.

    Raises
    ------
    InputError
        There is no layer, or it cannot be restored.
    AxesError
        The axes do not fit the layer.
    """
    if layer is None:
        raise InputError(
            "Got no image layer; expected one to restore. Open an image, or "
            "File > Open Sample > Deep Image Prior."
        )
    config = choices.config
    whole, origin = image_of(layer, config.axes), None
    image, cut = whole, _whole
    if choices.planes == "current":
        position = layer.world_to_data(choices.point)
        joint = config.channels == "joint"
        image, origin = plane_of(whole, position, joint=joint)

        def cut(other: Image) -> Image:
            same = other.shape == whole.shape and not other.rgb
            return plane_of(other, position, joint=joint)[0] if same else other

    task = _task(choices.task, cut)
    if isinstance(task, RemoveJpeg):
        task = replace(task, quantisation=quantisation_of(layer))
    # What it cannot do is said now, not after torch was loaded and a thread started.
    image = image.calibrated(config.voxel_size)
    task.check_stop(config.stop)
    task.check_noise(config.noise)
    task.check(image, spatial_axes(image, config.dims or task.dims))
    return Job(image, task, config, result_kwargs(layer, task.name, origin, task.factors()))


def _whole(other: Image) -> Image:
    return other


def _task(choice: TaskChoice, cut: Callable[[Image], Image]) -> Task:
    """Make the task, with the pictures of layers in place of the layers."""
    values = {
        name: cut(image_of(value)) if hasattr(value, "axis_labels") else value
        for name, value in choice.values.items()
    }
    return TASKS[choice.name](**values)
