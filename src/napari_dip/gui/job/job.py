"""Job: all inputs of a run, checked before torch is imported. No Qt."""

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
    result_kwargs,
)
from napari_dip.gui.job.origin import quantisation_of, with_missing_pixels
from napari_dip.gui.job.region import Box, Region, box_of, cut, rectangle_of, view_of

if TYPE_CHECKING:
    import napari.layers

# Parameters whose image has the same pixels as the image to restore; a PSF has not.
SAME_PIXELS = ("mask", "picture", "camera_offset", "camera_gain", "camera_variance")


@dataclass(frozen=True, slots=True)
class Choices:
    """Values of the form.

    Attributes
    ----------
    config : DipConfig
        Configuration.
    region : {"all", "current", "view", "rectangle"}
        Part of the image to restore. "current" is the Y, X plane at the sliders,
        with all channels if they are fitted jointly; "view" is the part of that
        plane on the canvas; "rectangle" is a shape, in all planes.
    point : tuple of float
        Position of the sliders, in world coordinates.
    shapes : napari.layers.Shapes, optional
        Layer with the rectangle.
    task : TaskChoice
        Task and the values of its fields.
    """

    config: DipConfig
    region: Region = "all"
    point: tuple[float, ...] = ()
    shapes: napari.layers.Shapes | None = None
    task: TaskChoice = field(default_factory=TaskChoice)


@dataclass(frozen=True, slots=True)
class Job:
    """All inputs of a run; the layer may change or be deleted during the run.

    Attributes
    ----------
    image : Image
        Image to restore. A single plane keeps the axes of the sliders with size 1,
        so that its result has the position of the plane in the stack.
    task : Task
        Task with its images.
    config : DipConfig
        Configuration.
    kwargs : mapping
        Arguments of `viewer.add_image` for the result.
    origin : tuple of int
        Index of the first pixel of the image in the array of the layer.
    choices : Choices
        Values of the form that the job was made from.
    layer : napari.layers.Image
        Layer that the job was made from.
    start_at : mapping of str to int
        Index in the image, along the axes of the sliders, of the plane to restore first.
    """

    image: Image
    task: Task
    config: DipConfig
    kwargs: Mapping[str, Any]
    origin: tuple[int, ...]
    choices: Choices
    layer: napari.layers.Image
    start_at: Mapping[str, int] = field(default_factory=dict)


def job(choices: Choices, layer: napari.layers.Image | None, suffix: str = "") -> Job:
    """Return the job of the form's values and a layer.

    Parameters
    ----------
    choices : Choices
        Values of the form.
    layer : napari.layers.Image or None
        Layer to restore.
    suffix : str
        End of the name of the result layer, after the task.

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
    whole = with_missing_pixels(image_of(layer, config.axes), layer)
    part = _part(choices, layer, whole)
    image, origin = part(whole)
    task = _task(choices.task, part)
    cropped = set("YX") & set(part.box)
    if isinstance(task, RemoveJpeg) and not cropped:
        task = replace(task, quantisation=quantisation_of(layer))
    if isinstance(task, ReconstructKSpace) and cropped:
        raise InputError(
            "Got a part of a plane for the task Fourier; expected whole planes. "
            "Choose the region 'whole image' or 'shown plane'."
        )
    # Refuse invalid input here, before torch is imported and a thread starts.
    image = image.calibrated(config.voxel_size)
    task.check_stop(config.stop)
    task.check_noise(config.noise)
    task.check(image, spatial_axes(image, config.dims or task.dims))
    kwargs = result_kwargs(layer, task.name + suffix, origin, task.factors(), image)
    place = _plane_in_view(choices, layer, image)
    return Job(image, task, config, kwargs, tuple(origin), choices, layer, place)


def _plane_in_view(choices: Choices, layer: napari.layers.Image, image: Image) -> dict[str, int]:
    """Return the index along the axes of the sliders of the plane that the viewer shows."""
    if not choices.point:
        return {}
    at = layer.world_to_data(choices.point)
    return {
        axis: min(max(round(float(place)), 0), size - 1)
        for axis, place, size in zip(image.axes, at, image.shape, strict=False)
        if axis in "TZC" and size > 1
    }


@dataclass(frozen=True, slots=True)
class _Part:
    """Cuts the region out of the image, and out of a mask or guide of the same pixels.

    Attributes
    ----------
    whole : Image
        Image of the layer.
    plane : sequence of float or None
        Index of the plane at the sliders; None for all planes.
    joint : bool
        Keep all channels of the plane.
    box : mapping of str to (start, stop)
        Range in pixels along Y and X; empty for whole planes.
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
        sizes = self.whole.sizes
        for place, axis in enumerate(other.axes):
            origin[place] += self.box.get(axis, (0, 0))[0]
        return cut(other, self.box, sizes), origin


def size_of_part(choices: Choices, layer: napari.layers.Image) -> Image:
    """Return an image of the size of the region of a layer, without reading pixels."""
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
    """Return the task, with an image in place of each layer."""
    values = dict(choice.values)
    for name, value in values.items():
        if hasattr(value, "axis_labels"):
            image = _snapshot(value)
            values[name] = part(image)[0] if name in SAME_PIXELS else image
    return TASKS[choice.name](**values)


def _snapshot(layer: Any) -> Image:
    """Return the image of a layer; labels are copied, as the user may paint during the run."""
    image = image_of(layer)
    if isinstance(layer, Labels) and isinstance(image.data, np.ndarray):
        return image.with_data(image.data.copy())
    return image
