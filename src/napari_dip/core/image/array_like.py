"""Array-likes: what counts as an array of real numbers, and how it becomes one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_dip.errors import InputError


def as_array(data: Any) -> Any:
    """Return an array-like as an array; a lazy one stays as it is, masked pixels become NaN."""
    if isinstance(data, np.ma.MaskedArray):
        return np.ma.filled(data.astype(np.float64), np.nan)
    if hasattr(data, "detach"):  # a tensor, perhaps of a graph or of another device
        return _as_numpy(data)
    lazy = hasattr(data, "shape") and hasattr(data, "dtype") and hasattr(data, "__getitem__")
    if lazy:
        return data
    try:
        return np.asarray(data)
    except ValueError as error:  # ragged nested sequences
        raise InputError(
            f"Got a nested sequence that is no array ({error}); expected a rectangular array."
        ) from error


def _as_numpy(tensor: Any) -> NDArray[Any]:
    tensor = tensor.detach().cpu()
    try:
        return np.asarray(tensor)
    except TypeError:  # bfloat16
        return np.asarray(tensor.float())


def check_array(data: Any) -> None:
    """Refuse what is no image of real numbers of at least two dimensions."""
    dtype = np.dtype(data.dtype)
    if dtype.kind not in "biuf":
        hint = " Restore its real and imaginary parts separately." if dtype.kind == "c" else ""
        raise InputError(
            f"Got an array of {dtype.name if dtype.names is None else 'structured'} values; "
            f"expected whole numbers, floats or booleans.{hint}"
        )
    shape = tuple(data.shape)
    if len(shape) < 2:
        raise InputError(
            f"Got a {len(shape)}-dimensional array; expected an image with at least the axes Y, X."
        )
    if any(size != size for size in shape):
        raise InputError(
            f"Got a lazy array whose shape {shape} is not known yet; expected numbers. Call its "
            "compute_chunk_sizes()."
        )
    if 0 in shape:
        raise InputError(f"Got an empty array of shape {shape}; expected at least one pixel.")
