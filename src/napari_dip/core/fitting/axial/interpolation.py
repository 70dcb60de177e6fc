"""Cubic interpolation of rows, and the smallest change that makes fine rows explain coarse ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage, sparse
from scipy.sparse.linalg import splu

if TYPE_CHECKING:
    from napari_dip.core.operators.downsample import Downsample


def interpolate(coarse: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Return a cubic spline through coarse rows (N, H, X), at fine rows (N, factor * H, X).

    Coarse row j lies at the centre of its fine rows. Beyond the border the outermost row is
    repeated.

    Examples
    --------
    >>> interpolate(np.ones((1, 3, 2), np.float32), 2).shape
    (1, 6, 2)
    """
    return np.asarray(
        ndimage.zoom(coarse, (1, factor, 1), order=3, grid_mode=True, mode="nearest"), np.float32
    )


class Consistency:
    """The smallest change of fine rows after which they explain the coarse rows.

    Parameters
    ----------
    operator : Downsample
        Operator of slices, from fine to coarse rows.
    rows : int
        Number of coarse rows.

    Examples
    --------
    >>> from napari_dip.core.operators.downsample import Downsample
    >>> rows = np.array([[[1.0], [3.0]]], np.float32)
    >>> fine = Consistency(Downsample((2, 1), "box"), 2).change(rows)
    >>> fine.ravel().tolist()
    [1.0, 1.0, 3.0, 3.0]
    """

    def __init__(self, operator: Downsample, rows: int) -> None:
        factor = operator.factors[0]
        unit = torch.eye(factor * rows)[:, None, :, None]  # one fine row each
        matrix = operator(unit)[:, 0, :, 0].double().numpy().T
        self._transposed = sparse.csr_array(matrix.T)
        self._solve = splu(sparse.csc_array(matrix @ matrix.T)).solve

    def change(self, missing: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the change (N, factor * H, X) that adds `missing` (N, H, X) to coarse rows."""
        count, rows, columns = missing.shape
        flat = missing.transpose(1, 0, 2).reshape(rows, -1).astype(np.float64)
        change = self._transposed @ self._solve(flat)
        return np.asarray(change.reshape(-1, count, columns).transpose(1, 0, 2), np.float32)
