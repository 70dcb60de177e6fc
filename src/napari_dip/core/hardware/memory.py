"""Memory of a run: how much it took, and what the allocator does with what is freed."""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil
import torch

from napari_dip.errors import InputError

# Torch, which reads it once, then aligns large tensors with the system's large pages: what is
# freed fits what comes next, and the peak is a tenth lower (docs/performance.md).
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

# Parameters of glibc's mallopt, from malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_ALL, _LARGE = 2**31 - 1, 2**30
# Where glibc's own thresholds end up in a program with large arrays [bytes].
_USUAL_TRIM, _USUAL_MMAP = 2**26, 2**25


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Keep freed memory for the next iteration instead of giving it back to the system.

    The tensors of an iteration are freed at its end. By default glibc returns
    large ones at once, and the system hands out the same memory again in the
    next iteration, cleared and page by page: a fifth of the time. In the end all
    of it is given back. Other allocators keep it by themselves.
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
    """Return the highest memory use so far [bytes]: the device's, or this process's."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    return process_peak_memory()


def process_peak_memory() -> int:
    """Return the highest resident memory of this process so far [bytes]."""
    # Linux tells it here too; getrusage begins with what the process had that started this one.
    with suppress(OSError), open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    try:
        import resource
    except ImportError:  # Windows has no resource module, but psutil knows there
        return int(psutil.Process().memory_info().peak_wset)
    import sys

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak) if sys.platform == "darwin" else int(peak) * 1024


def free_memory(device: torch.device) -> int:
    """Return how much memory a device, or this machine, has to give [bytes]."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)


def check_room(pixels: int) -> None:
    """Refuse a result that this machine's free memory does not hold, before the work.

    Raises
    ------
    InputError
        So many float32 pixels are too many, such as of a lazy array.
    """
    needed, free = 4 * pixels, int(psutil.virtual_memory().available)
    if needed > free:
        raise InputError(
            f"Got an image whose result takes {needed / 1e9:.1f} GB; expected at most the "
            f"{free / 1e9:.1f} GB of free memory. Crop it, or restore its parts one by one."
        )
