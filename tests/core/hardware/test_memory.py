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
    """Return how often memory had to be asked for while a large tensor was made anew."""
    with freed_memory_kept():
        for _ in range(20):  # until the heap has grown
            torch.ones(_BYTES // 4)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(10):
            torch.ones(_BYTES // 4)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators are left alone")
def test_a_large_tensor_is_made_again_in_the_same_memory():
    assert _page_faults() < _BYTES // resource.getpagesize()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators are left alone")
def test_so_it_is_in_a_thread_of_its_own():
    faults = []
    thread = threading.Thread(target=lambda: faults.append(_page_faults()))
    thread.start()
    thread.join()
    assert faults[0] < _BYTES // resource.getpagesize()


def test_the_peak_includes_what_was_freed():
    before = peak_memory(torch.device("cpu"))
    torch.ones(before // 4)  # as many bytes again
    assert peak_memory(torch.device("cpu")) > before


def test_the_peak_is_not_that_of_the_process_that_started_this_one():
    large = torch.ones(process_peak_memory() // 4)  # as many bytes again
    code = "from napari_dip.core.hardware.memory import process_peak_memory as p; import psutil; "
    code += "print(p() / psutil.Process().memory_info().rss)"
    ratio = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert large.any()
    assert float(ratio) < 1.5
