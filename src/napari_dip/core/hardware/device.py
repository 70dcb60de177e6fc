"""Where and how precisely a fit runs: device, precision, threads."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import torch
from torch import nn

from napari_dip.errors import DeviceError, Hint, MemoryExhaustedError, NapariDipError

if TYPE_CHECKING:
    from napari_dip.config import Precision

# bfloat16 must win by this factor, so that a noisy machine does not flip a choice.
_PROBE_MARGIN = 1.2
_PROBE_REPEATS = 8
# Up to here a second thread saves less than a sixth of the time [pixels].
_SMALL_PLANE = 128 * 128
# Reading a number from an accelerator waits for it: do so only now and then.
_ASSESS_EVERY = {"cpu": 1}
_ASSESS_EVERY_ACCELERATOR = 10


@dataclass(frozen=True, slots=True)
class Runtime:
    """A resolved device and precision."""

    device: torch.device
    dtype: torch.dtype

    @property
    def precision(self) -> str:
        return str(self.dtype).removeprefix("torch.")

    @property
    def assess_every(self) -> int:
        """Iterations between two assessments, which wait for the device."""
        return _ASSESS_EVERY.get(self.device.type, _ASSESS_EVERY_ACCELERATOR)

    def autocast(self) -> torch.autocast:
        """Return the context the network's body runs in."""
        return torch.autocast(self.device.type, self.dtype, enabled=self.dtype is not torch.float32)


def find_runtime(device: str = "auto", precision: Precision = "auto") -> Runtime:
    """Resolve the words of the configuration.

    Raises
    ------
    DeviceError
        When the device is not there.

    Examples
    --------
    >>> find_runtime("cpu", "float32").precision
    'float32'
    """
    found = find_device(device)
    if precision == "auto":
        dtype = _fastest_precision(found)
    else:
        dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    return Runtime(found, dtype)


def available_devices() -> tuple[str, ...]:
    """Return the names that `find_device` accepts on this machine, best first."""
    cuda = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    mps = ["mps"] if torch.backends.mps.is_available() else []
    return (*cuda, *mps, "cpu")


def find_device(name: str) -> torch.device:
    """Return the torch device of a name; "auto" is CUDA, else MPS, else the CPU."""
    available = available_devices()
    if name == "auto":
        return torch.device(available[0])
    wanted = "cuda:0" if name == "cuda" else name
    if wanted not in available:
        raise DeviceError(
            f"Got device {name!r}; expected one that this machine has: "
            f"{', '.join(available)}, or auto."
        )
    return torch.device(wanted)


@cache
def _fastest_precision(device: torch.device) -> torch.dtype:
    """Time one small convolution in both precisions: processors' names do not tell."""
    if device.type == "mps":
        return torch.float32
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    convolution = nn.Conv2d(32, 32, 3).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    image = torch.rand(1, 32, 96, 96).contiguous(memory_format=torch.channels_last)

    def seconds(dtype: torch.dtype) -> float:
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype is not torch.float32):
            convolution(image).sum().backward()
        return time.perf_counter() - start

    # In turn, so that whatever else the machine does disturbs both alike.
    pairs = [(seconds(torch.float32), seconds(torch.bfloat16)) for _ in range(_PROBE_REPEATS)]
    single, half = (min(times) for times in zip(*pairs, strict=True))
    return torch.bfloat16 if single > _PROBE_MARGIN * half else torch.float32


@contextmanager
def device_errors() -> Iterator[None]:
    """Turn torch's RuntimeErrors into ours, which say what to do."""
    try:
        yield
    except NapariDipError:  # some are MemoryErrors too
        raise
    except (MemoryError, RuntimeError) as error:
        text = first_line(error)
        if is_out_of_memory(error):
            raise MemoryExhaustedError(
                f"Got no more memory ({text}); expected room for the network of a plane "
                "or tile. Close other programs, choose smaller tiles or the fast preset, or run on "
                "the CPU.",
                Hint("tile", "256"),
                Hint("preset", "fast"),
                Hint("device", "cpu"),
            ) from error
        if "deterministic" in text:
            raise DeviceError(
                f"Got a device that cannot give the same bits each time ({text.split(',')[0]}); "
                "expected one that can. Choose the CPU, or leave out deterministic."
            ) from error
        raise DeviceError(
            f"Got a failure of the device ({text}); expected it to compute. "
            "Try the CPU, or float32."
        ) from error


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether torch, or Python, had no more memory; our own errors say what to do."""
    if isinstance(error, NapariDipError) or not isinstance(error, MemoryError | RuntimeError):
        return False
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "memory" in first_line(error)


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def useful_threads(pixels: int) -> int:
    """Return how many CPU threads a plane is worth.

    Threads wait actively for one another: on a busy machine two of them can be
    a hundred times slower than one, for nothing where the plane is small.
    """
    return 1 if pixels <= _SMALL_PLANE else torch.get_num_threads()


@contextmanager
def torch_settings(threads: int, *, deterministic: bool = False) -> Iterator[None]:
    """Compute with so many CPU threads, and with denormals as zero, for a while.

    Squared gradients that fade away become denormal numbers, on which the
    square root in Adam is a hundred times slower.

    Parameters
    ----------
    threads : int
        Of the CPU.
    deterministic : bool
        An operation without an order of its own is an error.
    """
    before = torch.get_num_threads()
    torch.set_flush_denormal(True)
    torch.set_num_threads(threads)
    try:
        with _only_deterministic() if deterministic else nullcontext():
            yield
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(before)


@contextmanager
def _only_deterministic() -> Iterator[None]:
    # Without it torch refuses each matrix product on CUDA.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warn_only)
