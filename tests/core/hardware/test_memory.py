"""Memory: the allocator keeps freed memory, and the peak is that of this process."""

from __future__ import annotations

import platform
import resource
import subprocess
import sys
import threading

import pytest
import torch

from napari_dip.core.hardware.memory import freed_memory_kept, peak_memory, process_peak_memory

_BYTES = 2**20


def _page_faults() -> int:
    """Return the number of page faults while large tensors are allocated repeatedly."""
    with freed_memory_kept():
        for _ in range(20):  # let the heap grow first
            torch.ones(_BYTES // 4)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(10):
            torch.ones(_BYTES // 4)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is configured")
def test_large_tensors_reuse_freed_memory():
    assert _page_faults() < _BYTES // resource.getpagesize()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is configured")
def test_large_tensors_reuse_freed_memory_in_a_thread():
    faults = []
    thread = threading.Thread(target=lambda: faults.append(_page_faults()))
    thread.start()
    thread.join()
    assert faults[0] < _BYTES // resource.getpagesize()


def test_peak_includes_freed_memory():
    before = peak_memory(torch.device("cpu"))
    torch.ones(before // 4)  # the same number of bytes again
    assert peak_memory(torch.device("cpu")) > before


def test_peak_excludes_the_parent_process():
    large = torch.ones(process_peak_memory() // 4)  # the same number of bytes again
    code = "from napari_dip.core.hardware.memory import process_peak_memory as p; import psutil; "
    code += "print(p() / psutil.Process().memory_info().rss)"
    ratio = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert large.any()
    assert float(ratio) < 1.5
