"""Provenance: a task's parameters as JSON; arrays become shape, type and checksum."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from napari_dip.core.image.array_like import as_array
from napari_dip.core.image.image import Image

# Largest size of an array that is written out, such as a quantisation table or a small PSF.
_FEW = 256


def recorded(value: Any) -> Any:
    """Return a value as plain JSON; larger arrays become shape, type and checksum.

    Parameters
    ----------
    value : object
        Number, string, mapping, sequence, array, `Image`, dataclass or module.

    Examples
    --------
    >>> recorded({"y": 2, "labels": (1, 2)})
    {'y': 2, 'labels': [1, 2]}
    >>> recorded(np.zeros((512, 512), np.uint8))["shape"]
    [512, 512]
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if hasattr(value, "detach"):  # a tensor
        value = as_array(value)
    if isinstance(value, Image):
        sizes = {"voxel_size": dict(value.voxel_size), "units": dict(value.units)}
        return {
            "source": value.source,
            "axes": value.axes,
            **(sizes if value.voxel_size else {}),
            **_fingerprint(value.data),
        }
    if isinstance(value, Mapping):
        return {str(key): recorded(item) for key, item in value.items()}
    if is_dataclass(value):
        return {field.name: recorded(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Sequence):
        value = np.asarray(value)
    if not hasattr(value, "shape"):  # a network module of the user
        return f"{type(value).__module__}.{type(value).__qualname__}"
    is_small = isinstance(value, (np.ndarray, np.generic)) and value.size <= _FEW
    if is_small and value.dtype.kind in "biuf" and np.isfinite(value).all():
        return value.tolist()
    return _fingerprint(value)


def sha256_of_pixels(data: Any) -> str | None:
    """Return the checksum of an array in memory; None for a lazy array, which is not read."""
    if not isinstance(data, np.ndarray):
        return None
    return hashlib.sha256(np.ascontiguousarray(data).tobytes()).hexdigest()


def _fingerprint(data: Any) -> dict[str, Any]:
    """Return shape, type, checksum and the share of nonzero values, the area of a mask."""
    fingerprint: dict[str, Any] = {
        "shape": [int(n) for n in data.shape],
        "dtype": np.dtype(data.dtype).name,
        "sha256": sha256_of_pixels(data),
    }
    if isinstance(data, np.ndarray):
        fingerprint["nonzero"] = np.count_nonzero(data) / max(data.size, 1)
    return fingerprint
