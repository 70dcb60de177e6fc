"""Memory of a run: peak, free memory, and the behaviour of the allocator."""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil
import torch

from napari_dip.errors import InputError

# Parameters of mallopt in glibc, from malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_ALL, _LARGE = 2**31 - 1, 2**30
# Thresholds that glibc itself reaches in a program with large arrays [bytes].
_USUAL_TRIM, _USUAL_MMAP = 2**26, 2**25


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Keep freed memory for the next iteration, within a context.

    By default glibc returns the large tensors of an iteration to the system at once, which then
    clears the same pages for the next iteration: this takes a fifth of the time. All memory is
    returned when the context ends. Other allocators keep freed memory by default.
    """
    if platform.libc_ver()[0] != "glibc":
        yield
        return
    libc = ctypes.CDLL(None)
    libc.mallopt(_MMAP_THRESHOLD, _LARGE)
    libc.mallopt(_TRIM_THRESHOLD, _ALL)
    try:
        yield
    finally:
        libc.mallopt(_MMAP_THRESHOLD, _USUAL_MMAP)
        libc.mallopt(_TRIM_THRESHOLD, _USUAL_TRIM)
        libc.malloc_trim(0)


def peak_memory(device: torch.device) -> int:
    """Return the peak memory [bytes] of a CUDA device, or of this process for other devices."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    return process_peak_memory()


def process_peak_memory() -> int:
    """Return the peak resident memory of this process [bytes]."""
    # On Linux this file is right; getrusage starts with the peak of the parent process.
    with suppress(OSError), open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    try:
        import resource
    except ImportError:  # Windows has no resource module, but psutil has the peak there
        return int(psutil.Process().memory_info().peak_wset)
    import sys

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak) if sys.platform == "darwin" else int(peak) * 1024


def free_memory(device: torch.device) -> int:
    """Return the free memory [bytes] of a CUDA device, or of this machine for other devices."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)


def check_room(pixels: int) -> None:
    """Raise InputError, before any work, if a result exceeds the free memory.

    Parameters
    ----------
    pixels : int
        Number of float32 pixels of the result.

    Raises
    ------
    InputError
        The result exceeds the free memory; for example, that of a lazy array.
    """
    needed, free = 4 * pixels, int(psutil.virtual_memory().available)
    if needed > free:
        raise InputError(
            f"Got an image whose result needs {needed / 1e9:.1f} GB; expected at most the "
            f"{free / 1e9:.1f} GB of free memory. Crop it, or restore its parts one by one."
        )
