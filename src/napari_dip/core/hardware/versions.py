"""Versions of the packages that affect a result."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import version

_version = cache(version)  # which reads files


def versions() -> dict[str, str]:
    """Return the versions of Python and of each package that affects a result, by name."""
    names = ("napari-dip", "torch", "numpy", "scipy", "scikit-image")
    found = {name.replace("-", "_"): _version(name) for name in names}
    return {**found, "python": platform.python_version(), "platform": platform.platform()}
