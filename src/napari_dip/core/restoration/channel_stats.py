"""Intensity map and noise of each channel, measured once for the whole image."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_dip.core.image.constant_regions import without_constant_regions
from napari_dip.core.image.scaling import Scaling, scale_image
from napari_dip.core.image.typical_planes import sample_planes
from napari_dip.core.noise.estimation import find_noise
from napari_dip.core.noise.impulses import without_impulses
from napari_dip.core.noise.model import noise_model, rounding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_dip.config import DipConfig
    from napari_dip.core.image.image import Image
    from napari_dip.core.noise.model import NoiseModel
    from napari_dip.core.records import NoiseRecord, StripesRecord
    from napari_dip.core.tasks import Task


@dataclass(frozen=True, slots=True)
class Channel:
    """The intensity map and the noise of one channel.

    Attributes
    ----------
    scaling : Scaling
        Map between the image's intensities and network units.
    noise : NoiseModel
        Noise in network units.
    record : NoiseRecord
        Noise on the image's scale, for the report.
    clean : bool
        Whether all pixels of the channel were searched for impulses and none was found.
    """

    scaling: Scaling
    noise: NoiseModel
    record: NoiseRecord
    clean: bool


def find_channels(
    image: Image,
    config: DipConfig,
    task: Task,
    stripes: Sequence[StripesRecord | None] = (),
) -> list[Channel]:
    """Find the intensity map and the noise of each channel of an observation.

    Parameters
    ----------
    image : Image
        Observation without stripes.
    config : DipConfig
        Configuration with the noise model.
    task : Task
        The inverse problem.
    stripes : sequence of StripesRecord or None
        Stripes that were subtracted from each channel, for the report; none by default.

    Notes
    -----
    There is one entry for each entry of the axis C; the samples of RGB share one, and so do
    channels that a task fits jointly.
    """
    if task.known_noise is not None:
        known = {"noise": "gaussian", "sigma_noise": task.known_noise}
        config = config.model_copy(update=known)
    channels: list[Channel] = []
    scalings = scale_image(image, joint=task.joint, regions=task.leaves_out_regions)
    records = stripes or (None,) * len(scalings)
    for index, (scaling, striped) in enumerate(zip(scalings, records, strict=True)):
        planes = sample_planes(image, index) if task.tolerance is None else np.empty(0)
        channel = find_channel(planes, scaling, config, task)
        all_searched = planes.size * len(scalings) == prod(image.shape)
        record = channel.record.model_copy(update={"stripes": striped})
        clean = channel.clean and all_searched
        channels.append(replace(channel, record=record, clean=clean))
    return channels


def find_channel(planes: NDArray[Any], scaling: Scaling, config: DipConfig, task: Task) -> Channel:
    """Find the noise of planes (P, Y, X) that share an intensity map."""
    if task.tolerance is not None:
        model, record = rounding(task.tolerance, scaling)
        return Channel(scaling, model, record, clean=False)
    share, clean = 0.0, False
    measured = without_constant_regions(planes) if task.leaves_out_regions else planes
    if masks_impulses(config, task):
        without, share = without_impulses(planes)
        clean = not share
        if share:
            measured = np.where(np.isnan(without), np.nan, measured)
    line, record = find_noise(measured, config)
    record = record.model_copy(update={"impulses": share})
    model = noise_model(
        line, scaling, laplace=config.noise == "laplace", equal=config.noise == "auto"
    )
    return Channel(scaling, model, record, clean)


def masks_impulses(config: DipConfig, task: Task) -> bool:
    """Return whether impulses count as missing pixels."""
    return task.noisy and config.noise == "auto"
