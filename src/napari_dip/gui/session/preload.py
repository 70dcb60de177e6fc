"""What the first run of a session would have to wait for, done beforehand. No Qt."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from threading import Thread

# What a run imports.
_LIBRARIES = ("torch", "napari_dip.core.restoration.restore")


def warm_up(libraries: Sequence[str] = _LIBRARIES) -> Thread | None:
    """Begin what the first run would have to wait for: imports, and a look at the processor.

    None if that is done.
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

    find_runtime()  # remembers which precision is the fastest here
