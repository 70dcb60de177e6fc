"""Settings that have an effect on an image; the form hides the others. No Qt."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any, cast

from napari_dip.config import DipConfig, suits_plug_and_play
from napari_dip.core.blocks.neighbours import neighbour_axis
from napari_dip.gui.job.first_answer import has_learned_start
from napari_dip.gui.job.job import size_of_part

if TYPE_CHECKING:
    import napari.layers

    from napari_dip.config import TaskName
    from napari_dip.gui.job.job import Choices

# Noise models that each number belongs to.
_CAMERA, _WIDTH = ("poisson", "poisson-gaussian"), ("gaussian", "laplace")
# Longest side of a plane that any machine fits without tiles [pixels].
_SMALL = 256


def applicable(choices: Choices, layer: napari.layers.Image | None) -> frozenset[str]:
    """Return the fields of the configuration that can change the result of a run.

    Parameters
    ----------
    choices : Choices
        Values of the form.
    layer : napari.layers.Image or None
        Layer to restore. Without one, only the noise model decides.

    Raises
    ------
    NapariDipError
        The layer cannot be restored as given.
    """
    config = choices.config
    names = set(DipConfig.model_fields)
    if config.noise not in _CAMERA:
        names -= {"gain", "read_noise"}
    if config.noise not in _WIDTH:
        names -= {"sigma_noise"}
    if layer is None:
        return frozenset(names - {"dims", "channels", "strength"})
    image = size_of_part(choices, layer)
    sizes = image.sizes
    learned = has_learned_start(choices, layer)
    if not learned:
        names -= {"strength"}
        if not _can_be_learned(_changed(choices, start="learned"), layer):
            names -= {"start"}
    has_channels = sizes.get("C", 1) > 1 or sizes.get("S", 1) > 2  # S: RGB, or grey with opacity
    if not has_channels:
        names -= {"channels"}
    if sizes.get("Z", 1) == 1:
        names -= {"dims"}
    if not learned or neighbour_axis(image) is None:
        names -= {"neighbours"}
    planes = prod(sizes.get(axis, 1) for axis in ("T" if config.dims == 3 else "TZ"))
    if learned or planes == 1:
        names -= {"warm_start"}
    if config.tile is None and max(sizes["Y"], sizes["X"]) <= _SMALL:
        names -= {"overlap"}
    return frozenset(names)


def _can_be_learned(choices: Choices, layer: napari.layers.Image) -> bool:
    task = cast("TaskName", choices.task.name)
    solved = suits_plug_and_play(choices.config.complete(task), task)
    return solved or has_learned_start(choices, layer)


def _changed(choices: Choices, **update: Any) -> Choices:
    return replace(choices, config=choices.config.model_copy(update=update))
