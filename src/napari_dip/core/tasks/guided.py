"""Guided: another image of the same scene guides the restoration."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from napari_dip.core.image.align import aligned
from napari_dip.core.image.image import Image, finite_mask
from napari_dip.core.tasks.base import as_picture, colours_of
from napari_dip.core.tasks.camera import CameraTask
from napari_dip.core.tasks.parameters import described
from napari_dip.errors import InputError


@dataclass(frozen=True, slots=True, eq=False)
class Guided(CameraTask):
    """y = x + noise; the latent is another image of the same scene (IJCV 2020, Sec. 3.5).

    Attributes
    ----------
    picture : array_like or Image
        Guide image: a flash photograph, or a channel with more photons. (Y, X), or any
        axes of the image, and its own channels.
    """

    name = "guided"
    picture: Any = field(
        default=None,
        metadata=described(
            "image",
            "Guide",
            "Image of the same scene with the same Y and X size: a brighter channel, or a flash "
            "photograph.",
            option="guide",
            required=True,
        ),
    )

    @property
    def noisy(self) -> bool:
        return True

    def guides(self, image: Image) -> list[Image]:
        if self.picture is None:
            raise InputError("Got no guide image; expected one of the same size as the image.")
        picture = as_picture(self.picture)
        if not finite_mask(np.asarray(picture.data)).all():
            raise InputError("Got a guide with NaN or infinite pixels; expected all finite.")
        return [image.with_data(aligned(channel, image, "guide")) for channel in _channels(picture)]


def _channels(picture: Image) -> list[Image]:
    axis = next((axis for axis in "CS" if axis in picture.axes), None)
    if axis is None:
        return [picture]
    values = colours_of(picture) if axis == "S" else np.asarray(picture.data)
    planes = np.moveaxis(values, picture.axes.index(axis), 0)
    return [replace(picture, data=plane, axes=picture.axes.replace(axis, "")) for plane in planes]
