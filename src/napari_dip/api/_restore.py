"""Restoring an array: what all functions of the API share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import ValidationError

from napari_dip.config import DipConfig
from napari_dip.config.messages import explain
from napari_dip.core.image.image import as_image
from napari_dip.core.restoration.progress import finish
from napari_dip.core.restoration.restore import restore
from napari_dip.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from napari_dip.core.image.image import Image
    from napari_dip.core.tasks import Task


def restored(
    image: ArrayLike | Image,
    task: Task,
    channel_axis: int | None,
    config: DipConfig | None,
    **settings: str | int | None,
) -> NDArray[np.float32]:
    """Restore an array.

    Parameters
    ----------
    image : array_like or Image
        Observation.
    task : Task
        Task.
    channel_axis : int or None
        Axis of the channels, which are then fitted jointly.
    config : DipConfig or None
        Configuration; None for the defaults.
    **settings
        Fields of the configuration that override `config`, unless they are None.

    Returns
    -------
    ndarray of float32
        Result.
    """
    given = {name: value for name, value in settings.items() if value is not None}
    if channel_axis is not None:
        given["channels"] = "joint"
    # model_copy would not validate the settings.
    try:
        validated = DipConfig.model_validate({**(config or DipConfig()).model_dump(), **given})
    except ValidationError as error:
        raise UsageError(explain(error)) from error
    named = as_image(image, validated.axes, channel_axis=channel_axis)
    return np.asarray(finish(restore(named, task, validated)).image.data)
