"""Patches: small squares of planes, and what they hold along the directions of least variance."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from napari_dip.core.image.image import finite_mask

_Values = NDArray[np.float64]
# Largest number of patches, of which every second, third ... along y and x is taken.
_MOST_PATCHES = 70_000
# Number of directions of least variance that do not count for the choice of flat patches; at most
# half of all directions.
_QUIET = 8
# An image is saturated if this share of its pixels has the brightest value. The noise of a patch
# is then clipped if its mean is less than this many standard deviations below that value.
_SATURATED, _BELOW_SATURATION = 1e-3, 3.0


def patches_of(planes: NDArray[Any], side: int) -> _Values:
    """Return patches (side * side, N) of planes (P, Y, X) that hold noise, spread over all planes.

    Patches that are constant, saturated or not finite are left out. `side` is in pixels.
    """
    if min(planes.shape[-2:]) < side:
        return np.empty((side * side, 0))
    step = max(1, int(np.ceil(np.sqrt(planes.size / _MOST_PATCHES))))
    windows = sliding_window_view(planes, (side, side), axis=(-2, -1))[:, ::step, ::step]
    # Each pixel of all patches in one row, which is twice as fast as each patch in one.
    patches = np.moveaxis(windows, (-2, -1), (0, 1)).astype(np.float64, order="C")
    patches = patches.reshape(side * side, -1)
    if not finite_mask(planes).all():
        patches = patches[:, finite_mask(patches).all(axis=0)]
    if not patches.size:
        return patches
    kept = (patches != patches[0]).any(axis=0)  # not constant
    brightest = patches.max()
    if np.mean(patches == brightest) > _SATURATED:
        kept &= patches.mean(axis=0) + _BELOW_SATURATION * patches.std(axis=0) < brightest
    return patches if kept.all() else patches[:, kept]  # a choice is a copy


def components_of(centred: _Values) -> tuple[_Values, _Values]:
    """Return what patches (D, N) without their mean hold along the directions of least variance.

    Returns
    -------
    (Q, N) array
        Components along Q zero-mean unit vectors, the first of which has the least variance.
    (N,) array
        Mean square along all other zero-mean directions.
    """
    import torch  # its products take no seconds while another program works on a core, as NumPy's

    patches = torch.from_numpy(centred)
    variances, vectors = torch.linalg.eigh(patches @ patches.T)
    # Vector 0 is the mean, which was subtracted.
    quiet = min(_QUIET, (len(variances) - 1) // 2)
    components = (vectors[:, 1 : 1 + quiet].T @ patches).numpy()
    rest = power_of(centred) - power_of(components)
    # By rounding errors the difference may be negative.
    return components, np.maximum(rest, 0.0) / (len(variances) - 1 - quiet)


def power_of(values: _Values) -> _Values:
    """Return the sums of squares (N,) of the columns of values (D, N)."""
    return np.asarray(np.einsum("ij,ij->j", values, values))
