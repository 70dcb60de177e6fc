"""Versions of the packages that decide a result."""

from __future__ import annotations

import platform
from importlib.metadata import version


def versions() -> dict[str, str]:
    """Return the version of each package that decides a result, and of Python."""
    names = ("napari-dip", "torch", "numpy", "scipy", "scikit-image")
    found = {name.replace("-", "_"): version(name) for name in names}
    return {**found, "python": platform.python_version(), "platform": platform.platform()}
