"""Choices and a layer become a `Job`, or a refusal in words, before torch starts. No Qt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from napari_dip.config import DipConfig
from napari_dip.core.image import Image
from napari_dip.errors import InputError
from napari_dip.gui.layers import image_of, plane_of, result_kwargs

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
    """

    config: DipConfig
    planes: Planes = "all"
    point: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """All that a run needs, so that the layer may change or go meanwhile.

    Attributes
    ----------
    image : Image
        What is restored. A current plane keeps its stepped axes, with one
        entry: its result lies in the stack where the plane was.
    config : DipConfig
    kwargs : mapping
        Of the result layer.
    """

    image: Image
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
    image, origin = image_of(layer, config.axes), None
    if choices.planes == "current":
        position = layer.world_to_data(choices.point)
        image, origin = plane_of(image, position, joint=config.channels == "joint")
    return Job(image, config, result_kwargs(layer, "denoise", origin))
