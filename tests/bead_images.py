"""Images of beads with a known PSF, made by code."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from napari_dip.core.image.image import Image

STEPS = {"Z": 0.2, "Y": 0.1, "X": 0.1}
# Full width at half maximum of the PSF along each axis [micrometre].
WIDTHS = {"Z": 0.8, "Y": 0.3, "X": 0.3}


def true_width(axis: str) -> float:
    """Return the FWHM of the PSF and of the integration over a pixel [micrometre]."""
    return float(np.sqrt(WIDTHS[axis] ** 2 + 8 * np.log(2) * STEPS[axis] ** 2 / 12))


def spots(
    shape: tuple[int, ...],
    centres: NDArray[np.float64],
    light: float | NDArray[np.float64],
    diameter: float = 0.0,
) -> NDArray[np.float64]:
    """Return the light of beads with the PSF of `WIDTHS`, summed over each pixel.

    A bead of a diameter [micrometre] is 200 random points of a ball.
    """
    axes = "ZYX"[-len(shape) :]
    rng = np.random.default_rng(7)
    points = rng.normal(size=(200, 3))
    points *= (rng.random((200, 1)) ** (1 / 3)) / np.linalg.norm(points, axis=1)[:, None]
    steps = np.array([STEPS[axis] for axis in axes])
    offsets = points[:, -len(shape) :] * diameter / 2 / steps if diameter else np.zeros((1, 1))
    total = np.zeros(shape)
    for centre, photons in zip(centres, np.broadcast_to(light, len(centres)), strict=True):
        for offset in offsets:
            spot = np.array(photons / len(offsets))
            for axis, n, at in zip(axes, shape, centre + offset, strict=True):
                sigma = WIDTHS[axis] / np.sqrt(8 * np.log(2)) / STEPS[axis]
                edges = (np.arange(n + 1) - 0.5 - at) / sigma / np.sqrt(2)
                spot = np.multiply.outer(spot, np.diff(erf(edges)) / 2)
            total += spot
    return total


def apart(shape: tuple[int, ...], spacing: int, seed: int = 0) -> NDArray[np.float64]:
    """Return centres of beads about `spacing` pixels apart, at fractions of a pixel."""
    rng = np.random.default_rng(seed)
    rows, columns = (np.arange(spacing, n - spacing / 2, spacing) for n in shape[-2:])
    grid = np.stack(np.meshgrid(rows, columns, indexing="ij"), -1).reshape(-1, 2)
    grid = grid + rng.uniform(-0.5, 0.5, grid.shape)
    if len(shape) == 2:
        return grid
    planes = shape[0] / 2 + rng.uniform(-1, 1, (len(grid), 1))
    return np.concatenate([planes, grid], axis=1)


def recorded(light: NDArray[np.float64], background: float = 30.0, seed: int = 1) -> Image:
    """Return the image of light and background, with photon noise."""
    values = np.random.default_rng(seed).poisson(light + background).astype(np.uint16)
    axes = "ZYX"[-light.ndim :]
    sizes = {axis: STEPS[axis] for axis in axes}
    return Image(values, axes, sizes, dict.fromkeys(axes, "micrometer"))
