"""What is decided once for each channel of the whole image, before it is cut into blocks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_dip.config import DipConfig, for_correlated_noise
from napari_dip.core.image.constant_regions import without_constant_regions
from napari_dip.core.image.scaling import Scaling, scale_image
from napari_dip.core.image.typical_planes import sample_planes
from napari_dip.core.noise.correlation import CORRELATED
from napari_dip.core.noise.estimation import find_noise
from napari_dip.core.noise.impulses import without_impulses
from napari_dip.core.noise.model import noise_model, rounding

if TYPE_CHECKING:
    from napari_dip.core.image.image import Image
    from napari_dip.core.noise.model import NoiseModel
    from napari_dip.core.records import NoiseRecord
    from napari_dip.core.tasks import Task


@dataclass(frozen=True, slots=True)
class Channel:
    """The intensity map and the noise of one channel.

    Attributes
    ----------
    scaling, noise, record
        How intensities are mapped, the noise, and what the report says of it.
    clean : bool
        All its pixels were searched, and none is an impulse.
    """

    scaling: Scaling
    noise: NoiseModel
    record: NoiseRecord
    clean: bool


def find_channels(image: Image, config: DipConfig, task: Task) -> list[Channel]:
    """Find the intensity map and the noise of each channel of an observation.

    One for each entry of the axis C; the samples of RGB, and channels that a task
    takes together, share a map.
    """
    if task.known_noise is not None:
        known = {"noise": "gaussian", "sigma_noise": task.known_noise}
        config = config.model_copy(update=known)
    channels: list[Channel] = []
    scalings = scale_image(image, joint=task.joint, regions=task.leaves_out_regions)
    for index, scaling in enumerate(scalings):
        planes = sample_planes(image, index) if task.tolerance is None else np.empty(0)
        channel = find_channel(planes, scaling, config, task)
        whole = planes.size * len(scalings) == prod(image.shape)
        channels.append(channel if whole else replace(channel, clean=False))
    return channels


def find_channel(planes: NDArray[Any], scaling: Scaling, config: DipConfig, task: Task) -> Channel:
    """Find the noise of some planes (P, Y, X) that share an intensity map."""
    if task.tolerance is not None:
        model, record = rounding(task.tolerance, scaling)
        return Channel(scaling, model, record, clean=False)
    share, clean = 0.0, False
    measured = without_constant_regions(planes) if task.leaves_out_regions else planes
    if seeks_impulses(config, task):
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


def seeks_impulses(config: DipConfig, task: Task) -> bool:
    """Tell whether impulses are to be treated as missing pixels."""
    return task.noisy and config.noise == "auto"


def returns_noiseless(config: DipConfig, task: Task) -> bool:
    """Return whether channels with negligible noise come back as they are, without a fit."""
    assert config.fit is not None  # the configuration is complete
    return task.adapts_to_noise and config.noise == "auto" and config.fit.residual_guard


def suited(config: DipConfig, task: Task, channels: list[Channel]) -> DipConfig:
    """Return a configuration whose rule and latent are valid for the noise that was found.

    Held-out pixels, and a latent that hides pixels, need noise that is
    independent from pixel to pixel.
    """
    assert config.fit is not None  # the configuration is complete
    found = [channel.record.correlation or 0.0 for channel in channels]
    if (
        not task.adapts_to_noise
        or config.stop != "auto"
        or config.fit.latent != "observation"
        or config.dims != 2
        or np.median(found) < CORRELATED
    ):
        return config
    fit = for_correlated_noise(config.fit)
    return config.model_copy(update={"stop": "risk", "fit": fit})
