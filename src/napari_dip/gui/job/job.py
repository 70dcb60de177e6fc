"""Choices and a layer become a `Job`, or a refusal in words, before torch starts. No Qt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels

from napari_dip.config import DipConfig
from napari_dip.core.image.axes import spatial_axes
from napari_dip.core.image.image import Image
from napari_dip.core.tasks import TASKS, ReconstructKSpace, RemoveJpeg, Task
from napari_dip.errors import InputError
from napari_dip.gui.job.choices import TaskChoice
from napari_dip.gui.job.layer_image import (
    image_of,
    plane_of,
    quantisation_of,
    result_kwargs,
    with_gaps_of_file,
)
from napari_dip.gui.job.region import Box, Region, box_of, cut, rectangle_of, view_of

if TYPE_CHECKING:
    import napari.layers

# Pictures beside the image that show the same pixels; a PSF does not.
BESIDE = ("mask", "picture")


@dataclass(frozen=True, slots=True)
class Choices:
    """What the form says.

    Attributes
    ----------
    config : DipConfig
        The product's own settings.
    region : {"all", "current", "view", "rectangle"}
        "current" is the Y, X plane at the sliders, with all channels if they
        are fitted jointly; "view" what the canvas shows of it; "rectangle" all
        planes, within a shape.
    point : tuple of float
        The sliders, in world coordinates.
    shapes : napari.layers.Shapes, optional
        Where the rectangle is.
    task : TaskChoice
        The task and its own fields.
    """

    config: DipConfig
    region: Region = "all"
    point: tuple[float, ...] = ()
    shapes: napari.layers.Shapes | None = None
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
    origin : tuple of int
        Index of the image's first pixel in the layer's array.
    choices, layer
        What it was made of.
    """

    image: Image
    task: Task
    config: DipConfig
    kwargs: Mapping[str, Any]
    origin: tuple[int, ...]
    choices: Choices
    layer: napari.layers.Image


def job(choices: Choices, layer: napari.layers.Image | None, checkpoint: str = "") -> Job:
    """Put together what is to be done; `ending` ends the name of the result.

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
    whole = with_gaps_of_file(image_of(layer, config.axes), layer)
    part = _part(choices, layer, whole)
    image, origin = part(whole)
    task = _task(choices.task, part)
    cropped = set("YX") & set(part.box)
    if isinstance(task, RemoveJpeg) and not cropped:
        task = replace(task, quantisation=quantisation_of(layer))
    if isinstance(task, ReconstructKSpace) and cropped:
        raise InputError(
            "Got a part of an image whose k-space is to be filled in; expected whole planes. "
            "Choose another region."
        )
    # What it cannot do is said now, not after torch was loaded and a thread started.
    image = image.calibrated(config.voxel_size)
    task.check_stop(config.stop)
    task.check_noise(config.noise)
    task.check(image, spatial_axes(image, config.dims or task.dims))
    kwargs = result_kwargs(layer, task.name + checkpoint, origin, task.factors())
    return Job(image, task, config, kwargs, tuple(origin), choices, layer)


@dataclass(frozen=True, slots=True)
class _Part:
    """What is cut out of the image, and out of a mask or guide of the same pixels.

    Attributes
    ----------
    whole : Image
    plane : sequence of float or None
        The sliders, as an index; None for all planes.
    joint : bool
        Keep all channels of the plane.
    box : mapping of str to (start, stop)
        Along Y and X; empty where planes stay whole.
    """

    whole: Image
    plane: Sequence[float] | None
    joint: bool
    box: Box

    def __call__(self, other: Image) -> tuple[Image, list[int]]:
        """Return the part, and the index of its first pixel."""
        same = other.shape == self.whole.shape and not (other.rgb and other is not self.whole)
        origin = [0] * len(other.axes)
        if self.plane is not None and same:
            other, origin = plane_of(other, self.plane, joint=self.joint)
        sizes = dict(zip(self.whole.axes, self.whole.shape, strict=True))
        for place, axis in enumerate(other.axes):
            origin[place] += self.box.get(axis, (0, 0))[0]
        return cut(other, self.box, sizes), origin


def size_of_part(choices: Choices, layer: napari.layers.Image) -> Image:
    """Return an image as large as the part of a layer that is restored; no pixel is read."""
    whole = image_of(layer, choices.config.axes)
    whole = whole.with_data(np.broadcast_to(np.zeros((), whole.dtype), whole.shape))
    return _part(choices, layer, whole)(whole)[0]


def _part(choices: Choices, layer: napari.layers.Image, whole: Image) -> _Part:
    plane: Sequence[float] | None = None
    box: Box = {}
    if choices.region in ("current", "view"):
        plane = layer.world_to_data(choices.point)
    if choices.region == "view":
        box = box_of(view_of(layer), whole)
    elif choices.region == "rectangle":
        box = box_of(rectangle_of(choices.shapes, layer), whole)
    return _Part(whole, plane, choices.config.channels == "joint", box)


def _task(choice: TaskChoice, part: _Part) -> Task:
    """Make the task, with the pictures of layers in place of the layers."""
    values = dict(choice.values)
    for name, value in values.items():
        if hasattr(value, "axis_labels"):
            picture = _as_now(value)
            values[name] = part(picture)[0] if name in BESIDE else picture
    return TASKS[choice.name](**values)


def _as_now(layer: Any) -> Image:
    """Return the picture of a layer; of labels a copy: they may be painted on meanwhile."""
    picture = image_of(layer)
    if isinstance(layer, Labels) and isinstance(picture.data, np.ndarray):
        return picture.with_data(picture.data.copy())
    return picture
