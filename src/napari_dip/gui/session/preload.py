"""Imports of the first run, in the background. No Qt."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from importlib import import_module
from threading import Thread

import numpy as np

# Imports of a run.
_LIBRARIES = ("torch", "napari_dip.core.restoration.restore")
# Side of a plane with as many patches as large planes have [pixels].
_USUAL = 256


def preload(libraries: Sequence[str] = _LIBRARIES) -> Thread | None:
    """Start a thread that imports libraries and computes what every run needs.

    Parameters
    ----------
    libraries : sequence of str
        Modules to import (default: those of a run).

    Returns
    -------
    Thread or None
        The thread; None if all libraries are imported.
    """
    missing = [library for library in libraries if library not in sys.modules]
    if not missing:
        return None
    thread = Thread(target=_prepare, args=(missing,), daemon=True)
    thread.start()
    return thread


def _prepare(libraries: Sequence[str]) -> None:
    for library in libraries:
        import_module(library)
    from napari_dip.core.hardware.device import find_runtime
    from napari_dip.core.noise.levels import measure_levels

    # The results are cached: the fastest precision, and the bias of a measured noise level.
    find_runtime()
    measure_levels(np.random.default_rng(0).normal(size=(1, _USUAL, _USUAL)))
    # The imports made many objects. Python would search them for garbage during the first run,
    # which stops the window and the run for a quarter of a second.
    gc.collect()
