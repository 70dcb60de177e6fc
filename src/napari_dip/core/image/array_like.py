"""Array-likes: conversion to arrays, and the check that an array is a real image."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_dip.errors import InputError


def as_array(data: Any) -> Any:
    """Convert an array-like to an array; lazy arrays stay lazy, masked pixels become NaN."""
    if isinstance(data, np.ma.MaskedArray):
        return np.ma.filled(data.astype(np.float64), np.nan)
    if hasattr(data, "detach"):  # a tensor, possibly with a gradient or on another device
        return _as_numpy(data)
    lazy = hasattr(data, "shape") and hasattr(data, "dtype") and hasattr(data, "__getitem__")
    if lazy:
        return data
    try:
        return np.asarray(data)
    except ValueError as error:  # ragged nested sequences
        raise InputError(
            f"Got a nested sequence that is not an array ({error}); expected a rectangular array."
        ) from error


def _as_numpy(tensor: Any) -> NDArray[Any]:
    tensor = tensor.detach().cpu()
    try:
        return np.asarray(tensor)
    except TypeError:  # bfloat16
        return np.asarray(tensor.float())


def check_array(data: Any) -> None:
    """Raise InputError unless the array is real, not empty and at least two-dimensional."""
    dtype = np.dtype(data.dtype)
    if dtype.kind not in "biuf":
        hint = " Restore its real and imaginary parts separately." if dtype.kind == "c" else ""
        raise InputError(
            f"Got an array of {dtype.name if dtype.names is None else 'structured'} values; "
            f"expected integers, floats or booleans.{hint}"
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
