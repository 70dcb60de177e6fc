"""Planes or volumes: the choice for a stack, and the voxel size that it needs. No Qt."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from napari_dip.core.image.units import MICROMETERS
from napari_dip.core.tasks import TASKS, Deconvolve
from napari_dip.gui.job.layer_image import image_of

if TYPE_CHECKING:
    import napari.layers

    from napari_dip.core.image.image import Image
    from napari_dip.gui.job.job import Choices


def automatic_dims(choices: Choices, layer: napari.layers.Image) -> Literal[2, 3]:
    """Return the dimensions of a fit if the user leaves them open.

    Volumes (3) for a PSF of three dimensions, and for a stack that is deconvolved by its
    optics if the distance of its planes is known; else planes (2).
    """
    image = _image(choices, layer)
    if _uses_optics(choices, image) and _has_planes(choices, image) and not _unknown(image, "ZYX"):
        return 3
    values = {
        name: image_of(value) if hasattr(value, "axis_labels") else value
        for name, value in choices.task.values.items()
    }
    return TASKS[choices.task.name](**values).dims


def with_dims(choices: Choices, layer: napari.layers.Image) -> Choices:
    """Return choices with the dimensions of a fit of a layer; None for planes without a Z axis."""
    dims = choices.config.dims if "Z" in _image(choices, layer).axes else None
    if dims is None and automatic_dims(choices, layer) == 3:
        dims = 3
    return replace(choices, config=choices.config.model_copy(update={"dims": dims}))


def size_note(choices: Choices, layer: napari.layers.Image) -> str:
    """Return a sentence if a voxel size is missing that the run needs; else ""."""
    image = _image(choices, layer)
    dims = choices.config.dims or automatic_dims(choices, layer)
    unknown = ", ".join(_unknown(image, "ZYX"[-dims:])).lower()
    if unknown and _uses_optics(choices, image):
        return f"The PSF needs the voxel size along {unknown}: enter it in Calibration."
    if unknown and dims == 3:
        return f"The voxel size along {unknown} is not known: planes count as one pixel apart."
    if _uses_optics(choices, image) and _has_planes(choices, image) and _unknown(image, "Z"):
        return "The voxel size along z is not known: each plane is deconvolved on its own."
    return ""


def _image(choices: Choices, layer: napari.layers.Image) -> Image:
    return image_of(layer, choices.config.axes).calibrated(choices.config.voxel_size)


def _uses_optics(choices: Choices, image: Image) -> bool:
    name = choices.task.name
    return name == "deconvolve" and Deconvolve(**choices.task.values).computed(image)


def _has_planes(choices: Choices, image: Image) -> bool:
    """Return whether the region has several planes."""
    return choices.region in ("all", "rectangle") and image.sizes.get("Z", 1) > 1


def _unknown(image: Image, axes: str) -> list[str]:
    """Return the axes along which the voxel size is not a known length."""
    return [
        axis
        for axis in axes
        if axis not in image.voxel_size or image.units.get(axis, "micrometer") not in MICROMETERS
    ]
