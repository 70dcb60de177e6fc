"""Device, precision and threads of a fit."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from napari_dip.errors import (
    DeviceError,
    Hint,
    MemoryExhaustedError,
    NapariDipError,
    first_line,
)

if TYPE_CHECKING:
    from napari_dip.config import Precision

# Instructions of a processor that multiply in bfloat16.
_BFLOAT16 = ("amx_bf16", "avx512_bf16")
# Up to this size a second thread saves less than a sixth of the time [pixels].
_SMALL_PLANE = 128 * 128
# Iterations between two assessments: reading a number from an accelerator waits for it.
_ASSESS_EVERY = {"cpu": 1}
_ASSESS_EVERY_ACCELERATOR = 10
# Pixels of the glimpses of a large plane, which take a fraction of a second: in float32, where the
# first is very coarse, and with faster instructions.
_GLIMPSES, _GLIMPSES_IF_FAST = (256**2, 512**2), (1024**2,)


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

    @property
    def glimpses(self) -> tuple[int, ...]:
        """Pixels of each glimpse of a large plane, before the network maps all of it."""
        slow = self.device.type == "cpu" and self.dtype is torch.float32
        return _GLIMPSES if slow else _GLIMPSES_IF_FAST

    def autocast(self) -> torch.autocast:
        """Return the autocast context in which the body of the network runs."""
        return torch.autocast(self.device.type, self.dtype, enabled=self.dtype is not torch.float32)


def find_runtime(device: str = "auto", precision: Precision = "auto") -> Runtime:
    """Resolve the device and the precision of a configuration.

    Parameters
    ----------
    device : str
        Name of the device: "auto", "cpu", "cuda", "cuda:1", "mps" and so on. Default "auto".
    precision : {"auto", "float32", "bfloat16"}
        Precision of the network. Default "auto": the fastest one on this device.

    Raises
    ------
    DeviceError
        The device is not available.

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
    """Return the names of the available devices, in order of preference."""
    cuda = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    mps = ["mps"] if torch.backends.mps.is_available() else []
    return (*cuda, *mps, "cpu")


def find_device(name: str) -> torch.device:
    """Return the torch device with a name; "auto" chooses CUDA, then MPS, then the CPU."""
    available = available_devices()
    if name == "auto":
        return torch.device(available[0])
    wanted = "cuda:0" if name == "cuda" else name
    if wanted not in available:
        raise DeviceError(
            f"Got device {name!r}; expected an available device: {', '.join(available)}, or auto."
        )
    return torch.device(wanted)


def _fastest_precision(device: torch.device) -> torch.dtype:
    """Return bfloat16 where the device multiplies in it, else float32.

    A device always gives the same answer, so that a run can be repeated; timing both would not.
    """
    if device.type == "cuda":
        multiplies = torch.cuda.is_bf16_supported()
    else:
        multiplies = device.type == "cpu" and _cpu_multiplies_bfloat16()
    return torch.bfloat16 if multiplies else torch.float32


def _cpu_multiplies_bfloat16() -> bool:
    get_capabilities = getattr(torch.cpu, "get_capabilities", None)  # torch 2.4 has none yet
    known = {} if get_capabilities is None else get_capabilities()
    return any(known.get(name, False) for name in _BFLOAT16)


@contextmanager
def device_errors() -> Iterator[None]:
    """Convert RuntimeErrors of torch to NapariDipErrors, which name a remedy."""
    try:
        yield
    except NapariDipError:  # some of them are also MemoryErrors
        raise
    except (MemoryError, RuntimeError) as error:
        text = first_line(error)
        if is_out_of_memory(error):
            raise MemoryExhaustedError(
                f"Got no more memory ({text}); expected enough for the network of a plane "
                "or tile. Close other programs, choose smaller tiles or the fast preset, or run on "
                "the CPU.",
                Hint("tile", "256"),
                Hint("preset", "fast"),
                Hint("device", "cpu"),
            ) from error
        if "deterministic" in text:
            raise DeviceError(
                f"Got an operation that is not deterministic ({text.split(',')[0]}); expected a "
                "device with deterministic operations. Choose the CPU, or leave out deterministic."
            ) from error
        raise DeviceError(
            f"Got an error of the device ({text}); expected a result. Try the CPU, or float32."
        ) from error


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether torch or Python ran out of memory; False for NapariDipErrors."""
    if isinstance(error, NapariDipError) or not isinstance(error, MemoryError | RuntimeError):
        return False
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "memory" in first_line(error)


def useful_threads(pixels: int) -> int:
    """Return the number of CPU threads for a plane of this many pixels.

    Threads wait actively for each other: on a busy machine two threads can be a hundred times
    slower than one. On a small plane they gain nothing.
    """
    return 1 if pixels <= _SMALL_PLANE else torch.get_num_threads()


@contextmanager
def torch_settings(threads: int, *, deterministic: bool = False) -> Iterator[None]:
    """Set the number of CPU threads and flush denormal numbers to zero, within a context.

    Vanishing squared gradients become denormal numbers, on which the square root in Adam is a
    hundred times slower.

    Parameters
    ----------
    threads : int
        Number of CPU threads.
    deterministic : bool
        Raise an error for operations that are not deterministic. Default False.
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
    # Without this setting torch refuses every matrix product on CUDA.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warn_only)
