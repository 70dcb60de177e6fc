"""Info: what this machine offers, what is missing and how to get it."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from shutil import disk_usage, which
from tempfile import gettempdir
from typing import Any

import psutil
import torch

from napari_dip.core.hardware.device import available_devices, find_runtime
from napari_dip.core.hardware.versions import versions
from napari_dip.logs import can_log, log_folder
from napari_dip.optional import LIBRARIES, install_command, installed

_QT_BINDINGS = ("PyQt6", "PySide6", "PyQt5", "PySide2")
# Each signal gives away a reference to True, until the interpreter stops.
_FATAL_PYSIDE = "6.12.0"
_LITTLE_MEMORY, _LITTLE_SPACE = 1e9, 1e8  # bytes
_GET_NAPARI = 'napari: pip install "napari[pyqt6]"'
_GET_QT = "a Qt binding, which napari's window needs: pip install pyqt6"


def describe_machine() -> dict[str, Any]:
    """Return versions, devices, memory, what is missing or wrong, and where logs are.

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
        f"{name}, {library.purpose}: {install_command(name)}"
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
        "wrong": _wrong(runtime.device, bindings),
        "logs": str(log_folder()),
    }


def _wrong(device: torch.device, bindings: dict[str, str]) -> list[str]:
    """Return what will be in the way of a run, and what to do about each."""
    found = []
    if device.type == "cpu" and which("nvidia-smi") and not torch.version.cuda:
        found.append(
            "an NVIDIA GPU, but torch without CUDA: install the torch that "
            "https://pytorch.org/get-started/locally names"
        )
    free = psutil.virtual_memory().available
    if free < _LITTLE_MEMORY:
        found.append(f"only {free / 1e6:.0f} MB of memory are free: close programs, or use --tile")
    if len(bindings) > 1:
        found.append(
            f"{' and '.join(bindings)}: napari takes the one that QT_API names: uninstall others"
        )
    if bindings.get("PySide6") == _FATAL_PYSIDE and sys.version_info < (3, 12):
        found.append(
            f"PySide6 {_FATAL_PYSIDE}, which ends napari after some time on Python before 3.12: "
            f'pip install "pyside6<{_FATAL_PYSIDE}"'
        )
    place = Path(gettempdir())
    if disk_usage(place).free < _LITTLE_SPACE:
        found.append(
            f"{place} is full, where a result is kept that cannot be written: free some space, or "
            "set TMPDIR"
        )
    if not can_log():
        found.append(f"no log can be written to {log_folder()}: set NAPARI_DIP_LOGS")
    return found


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
