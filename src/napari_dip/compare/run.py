"""Restoration of an image by each baseline for a task, with time and quality."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dip import metrics
from napari_dip.compare.baselines import available_baselines
from napari_dip.compare.facts import Facts
from napari_dip.core.blocks.plan import plan_blocks
from napari_dip.core.blocks.read import from_channels_first, read_block
from napari_dip.core.image.axes import spatial_axes
from napari_dip.core.image.image import finite_mask
from napari_dip.core.image.scaling import scale_image
from napari_dip.core.image.typical_planes import sample_planes
from napari_dip.core.noise.estimation import estimate_mean_variance
from napari_dip.core.noise.model import noise_model
from napari_dip.core.tasks import Deconvolve, Denoise
from napari_dip.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dip.compare.baselines import Baseline
    from napari_dip.core.image.image import Image
    from napari_dip.core.tasks import Task


@dataclass(frozen=True, slots=True)
class Row:
    """Result of one method.

    Attributes
    ----------
    name : str
        Name of the method.
    image : Image
        Restored image, float32, on the intensity scale of the observation.
    seconds : float
        Duration [s].
    psnr, ssim : float or None
        Quality with a reference; PSNR in dB.
    """

    name: str
    image: Image
    seconds: float
    psnr: float | None = None
    ssim: float | None = None


def compare(
    image: Image, reference: Image | None = None, task: Task | None = None, dims: int = 2
) -> Iterator[Row]:
    """Restore an image with each baseline for a task, block by block.

    Parameters
    ----------
    image : Image
        Observation; only baselines for inpainting accept missing pixels.
    reference : Image, optional
        True image with the shape of the result.
    task : Task, optional
        Task; denoising by default.
    dims : {2, 3}, default 2
        Whether planes (2) or volumes (3) are restored.

    Yields
    ------
    Row
        Result of one baseline.
    """
    task = task or Denoise()
    planes = image.sizes.get("Z", 0)
    for baseline in available_baselines(task.name):
        if baseline.least_planes > planes:
            continue
        yield restore_and_measure(baseline, image, reference, task, dims)


def restore_and_measure(
    baseline: Baseline, image: Image, reference: Image | None, task: Task, dims: int = 2
) -> Row:
    """Return the result of a baseline with its time, and its quality if there is a reference."""
    start = time.perf_counter()
    restored = restore_with(baseline, image, task, dims)
    return measured_row(baseline.name, restored, time.perf_counter() - start, reference)


def check_comparable(task: Task, image: Image) -> None:
    """Raise an `InputError` if no baseline for the task can restore the image."""
    missing = not np.isfinite(np.asarray(image.data)).all()
    if missing and not all(baseline.fills for baseline in available_baselines(task.name)):
        raise InputError(
            "Got an image with NaN or infinite pixels; expected finite pixels, because the other "
            "methods for this task cannot fill missing ones. Choose the task inpaint."
        )


def measured_row(name: str, restored: Image, seconds: float, reference: Image | None) -> Row:
    """Return a row, with PSNR and SSIM if there is a reference."""
    if reference is None:
        return Row(name, restored, seconds)
    pair = np.asarray(restored.data), np.asarray(reference.data)
    return Row(name, restored, seconds, metrics.psnr(*pair), metrics.ssim(*pair, restored.axes))


def restore_with(baseline: Baseline, image: Image, task: Task, dims: int = 2) -> Image:
    """Restore an image block by block: planes (dims 2) or volumes (3)."""
    dims = 3 if baseline.least_planes else dims
    axes = spatial_axes(image, dims)
    observed = task.observe(image)
    enlarged = image.enlarged(task.factors())
    result = np.array(enlarged.data, dtype=np.float32)
    blur = task.blur(image, axes) if isinstance(task, Deconvolve) else None
    scalings = scale_image(observed, joint=task.joint, regions=task.leaves_out_regions)
    noise_lines = [
        estimate_mean_variance(sample_planes(observed, channel)) for channel in range(len(scalings))
    ]
    for block in plan_blocks(observed, None, dims):
        channel = block.channels[0] if block.channels else 0
        scaling = scalings[channel]
        values: NDArray[Any] = read_block(observed, block)  # (C, [Z, ]Y, X)
        known = finite_mask(values)
        if scaling.constant or not known.any():
            continue
        scaled = np.where(known, scaling.scale(np.where(known, values, 0)), 0).astype(np.float64)
        facts = Facts(
            sigma=np.sqrt(noise_lines[channel].mean_variance) / scaling.gain,
            zero=scaling.dark,
            known=known,
            factors=tuple(task.factors().get(axis, 1) for axis in axes),
            blur=blur,
            noise=noise_model(noise_lines[channel], scaling),
        )
        estimate = scaling.unscale(baseline.restore(scaled, facts))
        result[block.selection] = task.merge(
            from_channels_first(estimate, block), from_channels_first(values, block)
        )
    return task.final(enlarged.with_data(result))
