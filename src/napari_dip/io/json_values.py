"""Conversion of values to those that JSON supports."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def json_values(value: Any) -> Any:
    """Return a value with tuples as lists, and NaN and infinity as None.

    Examples
    --------
    >>> json_values({"psnr": float("inf"), "shape": (2, 3)})
    {'psnr': None, 'shape': [2, 3]}
    """
    if isinstance(value, Mapping):
        return {name: json_values(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [json_values(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
