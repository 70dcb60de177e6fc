"""Noisy sample images with their truth: two real, one simulated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_dip.core.image.image import Image
from napari_dip.core.image.scaling import restore_dtype

LayerData = tuple[Any, dict[str, Any], str]

_SIGMA = 25.0


@dataclass(frozen=True, slots=True)
class Sample:
    """A noisy image and its truth, of the same shape and axes.

    Attributes
    ----------
    name : str
        Name to display.
    image : Image
        Noisy image.
    reference : Image
        Image without noise.
    """

    name: str
    image: Image
    reference: Image

    def plane(self, index: int) -> Sample:
        """Return a plane of a stack, by its index along Z."""
        image, reference = (
            Image(
                one.data[index],
                "YX",
                {axis: one.voxel_size[axis] for axis in "YX"},
                {axis: one.units[axis] for axis in "YX"},
            )
            for one in (self.image, self.reference)
        )
        return Sample(self.name, image, reference)


def cell() -> Sample:
    """Return the cell of scikit-image with Gaussian noise of standard deviation 25.

    Examples
    --------
    >>> cell().image.shape
    (256, 256)
    """
    from skimage import data

    truth = data.cell()[240:496, 280:536]  # (256, 256) uint8, around the cell
    noise = np.random.default_rng(0).normal(0, _SIGMA, truth.shape)
    noisy = restore_dtype(truth + noise, truth.dtype)
    return Sample("cell", Image(noisy, "YX"), Image(truth, "YX"))


def tissue() -> Sample:
    """Return stained tissue of scikit-image with Gaussian noise of standard deviation 25.

    Examples
    --------
    >>> tissue().image.axes
    'YXS'
    """
    from skimage import data

    truth = data.immunohistochemistry()[128:384, 128:384]  # (256, 256, 3) uint8
    noise = np.random.default_rng(6).normal(0, _SIGMA, truth.shape)
    noisy = restore_dtype(truth + noise, truth.dtype)
    return Sample("tissue", Image(noisy, "YXS"), Image(truth, "YXS"))


def fluorescence() -> Sample:
    """Return a simulated confocal stack of 3 x 192 x 192 uint16 with photon and read noise.

    Examples
    --------
    >>> fluorescence().image.axes
    'ZYX'
    """
    rng = np.random.default_rng(1)
    photons = _simulated_cell(rng, planes=3, size=192)
    gain, offset, read_noise = 4.0, 100.0, 6.0  # ADU per photon, ADU, ADU
    truth = gain * photons + offset
    noisy = gain * rng.poisson(photons) + offset + rng.normal(0, read_noise, photons.shape)
    spacing = {"Z": 0.3, "Y": 0.1, "X": 0.1}
    units = dict.fromkeys("ZYX", "micrometer")
    return Sample(
        "fluorescence",
        Image(restore_dtype(noisy, np.dtype(np.uint16)), "ZYX", spacing, units),
        Image(truth.astype(np.float32), "ZYX", spacing, units),
    )


def napari_cell() -> list[LayerData]:
    """Return `cell` as layers for napari's File > Open Sample."""
    return _layers(cell())


def napari_fluorescence() -> list[LayerData]:
    """Return `fluorescence` as layers for napari's File > Open Sample."""
    return _layers(fluorescence())


def _layers(sample: Sample) -> list[LayerData]:
    common: dict[str, Any] = {"axis_labels": tuple(sample.image.axes.lower())}
    if sample.image.voxel_size:
        common["scale"] = tuple(sample.image.voxel_size[axis] for axis in sample.image.axes)
        common["units"] = tuple(sample.image.units[axis] for axis in sample.image.axes)
    noisy = {**common, "name": sample.name}
    truth = {**common, "name": f"{sample.name} (truth)", "visible": False}
    return [
        (sample.reference.data, truth, "image"),
        (sample.image.data, noisy, "image"),
    ]


def _simulated_cell(rng: np.random.Generator, planes: int, size: int) -> NDArray[np.float64]:
    """Return the expected photon counts (Z, Y, X) of filaments, a nucleus and puncta."""
    z, y, x = np.mgrid[:planes, :size, :size].astype(float)
    structures = np.zeros((planes, size, size))
    for _ in range(40):
        _draw_filament(structures, rng, brightness=rng.uniform(60, 250))
    for _ in range(30):
        position = tuple(rng.integers(0, n) for n in structures.shape)
        structures[position] += rng.uniform(300, 900)
    radius = np.hypot((y - 0.55 * size) / 34, (x - 0.45 * size) / 26)
    texture = ndimage.gaussian_filter(rng.normal(size=structures.shape), (1, 4, 4))
    nucleus = (radius < 1) * (14 + 60 * texture) * (1 - 0.15 * np.abs(z - planes // 2))
    blurred = ndimage.gaussian_filter(structures, (0.8, 1.3, 1.3))
    haze = ndimage.gaussian_filter(structures, (2, 12, 12))
    return np.asarray(
        2.0 + blurred + 0.6 * haze + ndimage.gaussian_filter(nucleus, (0.5, 1.3, 1.3)).clip(0)
    )


def _draw_filament(
    volume: NDArray[np.float64], rng: np.random.Generator, brightness: float
) -> None:
    """Add a bending line that rises slowly through the planes to a volume, in place."""
    planes, height, width = volume.shape
    angle, bend = rng.uniform(0, 2 * np.pi), 0.0
    z, y, x = rng.uniform(0, planes - 1), rng.uniform(0, height), rng.uniform(0, width)
    climb = rng.normal(0, 0.006)
    for _ in range(int(rng.uniform(100, 260))):
        bend = 0.95 * bend + rng.normal(0, 0.006)
        angle += bend
        z, y, x = z + climb, y + np.sin(angle), x + np.cos(angle)
        if not (0 <= z < planes - 0.5 and 0 <= y < height - 0.5 and 0 <= x < width - 0.5):
            return
        volume[round(z), round(y), round(x)] += brightness / 4
