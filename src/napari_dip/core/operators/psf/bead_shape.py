"""Removal of the shape of a fluorescent bead, a uniform ball, from its image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skimage.restoration import richardson_lucy

from napari_dip.core.operators.psf.kernel import gaussian_psf

# Iterations; more would raise noise.
_ITERATIONS = 15
# Smallest value that is divided by, relative to the peak.
_SMALLEST = 1e-9


def without_bead(
    image: NDArray[np.float64], diameter: float, steps: tuple[float, ...]
) -> NDArray[np.float64]:
    """Return the image of a point from the image of a bead (Richardson-Lucy).

    Parameters
    ----------
    image : ([Z, ]Y, X) array
        Image of a bead without negative values; a plane shows the projection of the bead.
    diameter : float
        Diameter of the bead [micrometre].
    steps : (Z, Y, X) or (Y, X) of float
        Voxel size [micrometre].

    Notes
    -----
    The variance of a ball, and of its projection, is diameter^2 / 20 along each axis. A
    Gaussian of that variance stands for it: beads are smaller than a PSF, so their details
    are not resolved.

    Examples
    --------
    >>> image = np.exp(-0.5 * (np.hypot(*np.mgrid[-9:10, -9:10]) / 2) ** 2)
    >>> sharp = without_bead(image, 0.3, (0.1, 0.1))
    >>> bool(sharp.max() / sharp.sum() > image.max() / image.sum())
    True
    """
    ball = gaussian_psf(tuple(diameter / np.sqrt(20) / step for step in steps))
    top = image.max()
    sharp = richardson_lucy(
        image / top, ball.astype(np.float64), _ITERATIONS, clip=False, filter_epsilon=_SMALLEST
    )
    return np.asarray(np.clip(sharp, 0, None) * top)
