"""The first answer of a learned start: who gets one, and the job of its preview. No Qt."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari_dip.config import suits_learned_start
from napari_dip.core.blocks.plan import count_channels, plan_blocks
from napari_dip.gui.job.job import Choices, Job, job, size_of_part
from napari_dip.gui.job.layer_image import result_kwargs
from napari_dip.gui.job.region import cut

if TYPE_CHECKING:
    import napari.layers


def has_learned_start(choices: Choices, layer: napari.layers.Image) -> bool:
    """Return whether a run of these choices starts from weights that come with the package."""
    config = choices.config.complete(choices.task.name)  # type: ignore[arg-type]
    image = size_of_part(choices, layer)
    (first, *_) = plan_blocks(image, config.channels, config.dims)
    channels = count_channels(first, image)
    return suits_learned_start(config, choices.task.name, channels)  # type: ignore[arg-type]


def first_answer(choices: Choices, layer: napari.layers.Image, side: int) -> Job:
    """Return the job of the first answer, without a fit, in the middle of the region.

    Parameters
    ----------
    choices : Choices
        Values of the form, such as those of the visible area.
    layer : napari.layers.Image
        Layer to restore.
    side : int
        Longest side of the part [pixels].
    """
    whole = job(choices, layer)
    sizes = whole.image.sizes
    box = {}
    for axis in "YX":
        start = max(sizes[axis] - side, 0) // 2
        box[axis] = (start, min(start + side, sizes[axis]))
    origin = tuple(
        at + box.get(axis, (0, 0))[0]
        for axis, at in zip(whole.image.axes, whole.origin, strict=True)
    )
    image = cut(whole.image, box, sizes)
    return replace(
        whole,
        image=image,
        config=whole.config.model_copy(update={"max_iterations": 0}),
        kwargs=result_kwargs(layer, "preview", origin, {}, image),
        origin=origin,
    )
