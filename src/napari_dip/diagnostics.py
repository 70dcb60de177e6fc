"""Report on this machine: versions, devices, missing libraries and problems."""

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
# Each signal drops a reference to True, until the interpreter crashes.
_CRASHING_PYSIDE = "6.12.0"
_MIN_MEMORY, _MIN_DISK_SPACE = 1e9, 1e8  # bytes
_INSTALL_NAPARI = 'napari: pip install "napari[pyqt6]"'
_INSTALL_QT = "a Qt binding, which napari's window needs: pip install pyqt6"


def describe_machine() -> dict[str, Any]:
    """Return versions, devices, free memory, missing libraries, problems and the log folder.

    Examples
    --------
    >>> "cpu" in describe_machine()["devices"]
    True
    """
    runtime = find_runtime()
    napari = _version("napari")
    bindings = {name: number for name in _QT_BINDINGS if (number := _version(name))}
    missing = [] if napari else [_INSTALL_NAPARI]
    if napari and not bindings:
        missing.append(_INSTALL_QT)
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
        "wrong": _problems(runtime.device, bindings),
        "logs": str(log_folder()),
    }


def _problems(device: torch.device, bindings: dict[str, str]) -> list[str]:
    """Return the problems that can stop a run, each with its solution."""
    problems = []
    if device.type == "cpu" and which("nvidia-smi") and not torch.version.cuda:
        problems.append(
            "torch cannot use the NVIDIA GPU because it has no CUDA: install torch as described on "
            "https://pytorch.org/get-started/locally"
        )
    free = psutil.virtual_memory().available
    if free < _MIN_MEMORY:
        problems.append(
            f"only {free / 1e6:.0f} MB of memory are free: close programs, or use --tile"
        )
    if len(bindings) > 1:
        problems.append(
            f"{' and '.join(bindings)} are installed: set QT_API to the one to use, or uninstall "
            "the others"
        )
    if bindings.get("PySide6") == _CRASHING_PYSIDE and sys.version_info < (3, 12):
        problems.append(
            f"PySide6 {_CRASHING_PYSIDE} crashes napari after some time on Python before 3.12: "
            f'pip install "pyside6<{_CRASHING_PYSIDE}"'
        )
    temporary = Path(gettempdir())
    if disk_usage(temporary).free < _MIN_DISK_SPACE:
        problems.append(
            f"{temporary} is full; a result that cannot be written elsewhere is saved there: free "
            "some space, or set TMPDIR"
        )
    if not can_log():
        problems.append(f"no log can be written to {log_folder()}: set NAPARI_DIP_LOGS to a folder")
    return problems


def _free_memory(device: torch.device) -> dict[str, int]:
    free = {"cpu": int(psutil.virtual_memory().available)}
    if device.type == "cuda":
        free[str(device)] = int(torch.cuda.mem_get_info(device)[0])
    return free


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
