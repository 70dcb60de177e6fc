"""Info: what this machine offers, what is missing and how to get it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any

import psutil
import torch

from napari_dip.core.device import available_devices, find_runtime
from napari_dip.core.report import versions
from napari_dip.extras import LIBRARIES, installed, remedy

_QT_BINDINGS = ("PyQt6", "PySide6", "PyQt5", "PySide2")
_GET_NAPARI = 'napari: pip install "napari[pyqt6]"'
_GET_QT = "a Qt binding, which napari's window needs: pip install pyqt6"


def describe_machine() -> dict[str, Any]:
    """Return versions, devices, precision, threads and free memory as JSON values.

    Examples
    --------
    >>> "cpu" in describe_machine()["devices"]
    True
    """
    runtime = find_runtime()
    napari = _installed("napari")
    bindings = {name: found for name in _QT_BINDINGS if (found := _installed(name))}
    missing = [] if napari else [_GET_NAPARI]
    if napari and not bindings:
        missing.append(_GET_QT)
    missing += [
        f"{name}, {library.purpose}: {remedy(name)}"
        for name, library in LIBRARIES.items()
        if not installed(name)
    ]
    return {
        "versions": versions(),
        "devices": list(available_devices()),
        "device": str(runtime.device),
        "precision": runtime.precision,
        "threads": torch.get_num_threads(),
        "free_memory_bytes": _free_memory(runtime.device),
        "napari": napari,
        "qt": bindings,
        "missing": missing,
    }


def _free_memory(device: torch.device) -> dict[str, int]:
    free = {"cpu": int(psutil.virtual_memory().available)}
    if device.type == "cuda":
        free[str(device)] = int(torch.cuda.mem_get_info(device)[0])
    return free


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
