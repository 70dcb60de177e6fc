"""What all functions may be told beside their task, and how they are run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np
from pydantic import ValidationError

from napari_dip.config import DipConfig
from napari_dip.config.messages import explain
from napari_dip.core.image.image import as_image
from napari_dip.core.restoration.progress import finish
from napari_dip.core.restoration.restore import restore
from napari_dip.errors import UsageError

if TYPE_CHECKING:
    from typing import Unpack

    from numpy.typing import ArrayLike, NDArray

    from napari_dip.config import Noise, Preset, Stop
    from napari_dip.core.image.image import Image
    from napari_dip.core.tasks import Task


class Choices(TypedDict, total=False):
    """What may be chosen without a `DipConfig`; None leaves the configuration's."""

    noise: Noise | None
    preset: Preset | None
    stop: Stop | None
    device: str | None
    rng: int | None


def restored(
    image: ArrayLike | Image,
    task: Task,
    channel_axis: int | None,
    config: DipConfig | None,
    **choices: Unpack[Choices],
) -> NDArray[np.float32]:
    """Restore an array; what is chosen goes before what the configuration says."""
    chosen: dict[str, Any] = {**choices, "seed": choices.get("rng")}
    chosen.pop("rng", None)
    if channel_axis is not None:
        chosen["channels"] = "joint"
    given = {name: value for name, value in chosen.items() if value is not None}
    # Validated anew: model_copy would not check what the caller wrote.
    try:
        settings = DipConfig.model_validate({**(config or DipConfig()).model_dump(), **given})
    except ValidationError as error:
        raise UsageError(explain(error)) from error
    named = as_image(image, settings.axes, channel_axis=channel_axis)
    return np.asarray(finish(restore(named, task, settings)).image.data)
