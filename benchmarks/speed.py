"""Measure the time of an iteration by operation, and the time to a given quality.

    python -m benchmarks.speed TABLE [--presets balanced] [--sizes 128 256] [--precision bfloat16]
                               [--device cuda] [--data FOLDER_OF_DATA] [--threads 1]
                               [--images House fish]

TABLE is one of the functions below. Seconds are those of the processor, so that other
programs disturb them less (on a GPU, wall time until it has finished). Variants are measured
alternately. `published` is the published configuration: eager, float32, channels first, one
kernel after the other.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import wraps
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from benchmarks.rows import curve, in_own_process, mean, show
from benchmarks.tables import CACHE, denoising, microscopy
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from napari_dip import DipConfig, Image, forecast, restore
from napari_dip.api import finish
from napari_dip.config import preset_of
from napari_dip.core.fitting import trainer
from napari_dip.core.fitting.fit import fit
from napari_dip.core.hardware.device import Runtime, find_runtime, torch_settings
from napari_dip.core.hardware.memory import freed_memory_kept, peak_memory
from napari_dip.core.networks.build import PriorNetwork
from napari_dip.core.noise.model import NoiseModel
from napari_dip.core.optim.optimisers import Optimisers
from napari_dip.core.problem import Problem, make_problem

Step = Callable[[], object]
# Until the window of the variance rule is full, an iteration is cheaper than later ones.
SETTLED = 110
KINDS = {
    "convolution": "convolutions",
    "addmm_": "gradients of kernels by tap",
    "batch_norm": "batch norm",
    "upsample": "interpolation",
    "pad": "borders",
    "leaky_relu": "activations",
    "copy": "copies",
    "clone": "copies",
    "cat": "copies",
    "adam": "optimiser",
}


def clock() -> float:
    """Return the time of the processor, or the time when all GPUs have finished [seconds]."""
    if not torch.cuda.is_initialized():
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def published(size: int, device: torch.device) -> Step:
    """Return an iteration of the published network and loop, from torch's own layers alone."""

    def block(inputs: int, outputs: int, kernel: int, stride: int = 1) -> list[nn.Module]:
        pad = [nn.ReflectionPad2d(kernel // 2)] if kernel > 1 else []
        convolution = nn.Conv2d(inputs, outputs, kernel, stride)
        return [*pad, convolution, nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2, inplace=True)]

    class Scale(nn.Module):
        def __init__(self, inputs: int, below: nn.Module) -> None:
            super().__init__()
            self.skip = nn.Sequential(*block(inputs, 4, 1))
            down = [*block(inputs, 128, 3, 2), *block(128, 128, 3)]
            self.deep = nn.Sequential(*down, below, nn.Upsample(scale_factor=2, mode="bilinear"))
            merged = [nn.BatchNorm2d(132), *block(132, 128, 3), *block(128, 128, 1)]
            self.up = nn.Sequential(*merged)

        def forward(self, values: Tensor) -> Tensor:
            return self.up(torch.cat([self.skip(values), self.deep(values)], 1))

    body: nn.Module = nn.Identity()
    for inputs in (128, 128, 128, 128, 32):
        body = Scale(inputs, body)
    network = nn.Sequential(body, nn.Conv2d(128, 3, 1), nn.Sigmoid()).to(device)
    latent = torch.rand(1, 32, size, size, device=device) / 10
    observed = torch.rand(1, 3, size, size, device=device)
    noise, average = torch.empty_like(latent), torch.zeros_like(observed)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)

    def step() -> None:
        optimiser.zero_grad()
        estimate = network(latent + noise.normal_() / 30)
        average.mul_(0.99).add_(estimate.detach(), alpha=0.01)
        nn.functional.mse_loss(estimate, observed).backward()
        optimiser.step()

    return step


def whole(preset: str, size: int, runtime: Runtime) -> Step:
    """Return an iteration of a colour fit, with all work outside the network."""
    chosen = preset_of(preset)
    endless = chosen.stopping.model_copy(update={"heldout_patience": 10**6})
    chosen = chosen.model_copy(update={"max_iterations": 10**6, "stopping": endless})
    config = DipConfig(fit=chosen)
    problem = problem_of(size, runtime)
    return fit(problem, config, runtime=runtime, interval=0.0).__next__


def problem_of(size: int, runtime: Runtime) -> Problem:
    picture = np.random.default_rng(0).random((3, size, size)).astype(np.float32)
    noise = [NoiseModel(0.0, 0.01, 0.0)] * 3
    known = np.ones(picture.shape, bool)
    return make_problem(picture, known, noise, (-0.2, 1.2), runtime.device)


@contextmanager
def timed_within(functions: Sequence[tuple[Any, str]]) -> Iterator[list[float]]:
    """Collect the seconds of each call of some functions during a fit."""
    seconds: list[float] = []

    def timing(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            start, learning = clock(), torch.is_grad_enabled()
            result = function(*args, **kwargs)
            if learning:
                seconds.append(clock() - start)
            return result

        return call

    with ExitStack() as patches:
        for owner, name in functions:
            patches.enter_context(patch.object(owner, name, timing(getattr(owner, name))))
        yield seconds


def in_turn(steps: dict[str, Step], rounds: int = 5, each: int = 3) -> dict[str, float]:
    """Return the median seconds of steps that run alternately."""
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for _, (name, step) in itertools.product(range(rounds), steps.items()):
        step()  # what was in the caches belongs to another
        for _ in range(each):
            start = clock()
            step()
            seconds[name].append(clock() - start)
    return {name: median(values) for name, values in seconds.items()}


class Operations(TorchDispatchMode):
    """Adds up seconds, arithmetic and memory traffic of each kind of operation."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0, 0.0])

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        start = clock()
        result = function(*args, **(kwargs or {}))
        seconds = clock() - start
        name = function.overloadpacket.__name__
        kind = next((kind for word, kind in KINDS.items() if word in name), "others")
        # Operations in place count as their other form.
        count = flop_registry.get(getattr(torch.ops.aten, name.removesuffix("_"), None))
        work = count(*args, **(kwargs or {}), out_val=result) if count else 0
        traffic = sum(map(_bytes, (*args, *(result if isinstance(result, tuple) else (result,)))))
        for column, value in enumerate((1, seconds, work, traffic if seconds > 1e-5 else 0)):
            self.rows[kind][column] += value
        return result


def _bytes(value: object) -> int:
    return value.nbytes if isinstance(value, Tensor) else 0


def breakdown(options: argparse.Namespace) -> Iterator[dict[str, object]]:
    """Print milliseconds of an iteration by operation, and the limits of the machine."""
    runtime = runtime_of(options)
    rate, bandwidth = matrix_rate(runtime.device, runtime.dtype), memory_bandwidth(runtime.device)
    for preset, size in itertools.product(options.presets, options.sizes):
        step, repeats = whole(preset, size, runtime), 4
        for _ in range(SETTLED if size <= 128 else 3):
            step()
        seconds = median(timed(step) for _ in range(2 * repeats))
        with Operations() as operations:
            for _ in range(repeats):
                step()
        rows = {kind: [n / repeats for n in row] for kind, row in operations.rows.items()}
        total = [sum(column) for column in zip(*rows.values(), strict=True)]
        for kind, row in (*sorted(rows.items(), key=lambda row: -row[1][1]), ("all", total)):
            calls, spent, work, traffic = row
            spent = seconds if kind == "all" else spent
            yield {
                "preset": preset, "pixels": size, "operations": kind, "calls": round(calls),
                "ms": 1e3 * spent, "GFLOP/s": work / spent / 1e9,
                "of the matrix rate [%]": 100 * work / spent / rate,
                "GB/s": traffic / spent / 1e9,
                "of the bandwidth [%]": 100 * traffic / spent / bandwidth,
            }  # fmt: skip
    yield {"preset": f"matrix rate {rate / 1e9:.0f} GFLOP/s, copies {bandwidth / 1e9:.0f} GB/s"}


def timed(step: Step) -> float:
    start = clock()
    step()
    return clock() - start


def matrix_rate(device: torch.device, dtype: torch.dtype) -> float:
    """Return the arithmetic of a large matrix product [FLOP/s]."""
    size = 1024
    left, right = (torch.rand(size, size).to(device, dtype) for _ in range(2))
    return 2 * size**3 / min(timed(lambda: left @ right) for _ in range(8))


def memory_bandwidth(device: torch.device) -> float:
    """Return the bandwidth of a copy between arrays larger than the cache [bytes/s]."""
    source = torch.rand(2**25, device=device)
    target = torch.empty_like(source)
    return 2 * source.nbytes / min(timed(lambda: target.copy_(source)) for _ in range(5))


def pace(options: argparse.Namespace) -> Iterator[dict[str, object]]:
    """Print seconds and memory of an iteration, and of the published one in the same run."""
    runtime = runtime_of(options)
    for size in options.sizes:
        steps = {"published": published(size, runtime.device)}
        steps |= {preset: whole(preset, size, runtime) for preset in options.presets}
        rounds = 5 if size <= 256 else 2
        seconds = in_turn(steps, rounds, 3 if size <= 256 else 1)
        del steps
        for name, value in seconds.items():
            peak = memory_of(name, size, runtime)
            yield {
                "configuration": name, "pixels": size, "ms": 1e3 * value,
                "times as fast": seconds["published"] / value,
                "MB": peak / 1e6, "bytes for each pixel": round(peak / size**2),
            }  # fmt: skip


def memory_of(name: str, size: int, runtime: Runtime) -> int:
    """Return the memory of three iterations in a process of their own [bytes]."""
    words = ("memory", "--presets", name, "--sizes", size)
    choices = ("--precision", runtime.precision, "--device", runtime.device)
    return int(in_own_process("speed", *words, *choices)["bytes"])


def memory(options: argparse.Namespace) -> Iterator[dict[str, object]]:
    """Print, as JSON alone, the growth of peak memory in three iterations [bytes]."""
    (name,), (size,), runtime = options.presets, options.sizes, runtime_of(options)

    def make(size: int) -> Step:
        return (
            published(size, runtime.device) if name == "published" else whole(name, size, runtime)
        )

    make(64)()  # libraries are loaded by now
    before = peak_memory(runtime.device)
    step = make(size)
    for _ in range(3):
        step()
    print(json.dumps({"bytes": peak_memory(runtime.device) - before}))
    yield from ()


def quality(options: argparse.Namespace) -> Iterator[dict[str, object]]:
    """Print the time until a preset has nearly the best PSNR of the published configuration.

    Curves of psnr are those of the moving averages, from the cache of tables.py.
    """
    runtime = runtime_of(options)
    for size in options.sizes:
        steps = {"published": published(size, runtime.device)}
        steps |= {preset: whole(preset, size, runtime) for preset in options.presets}
        seconds = in_turn(steps)
        cases = (*denoising(options.data, size), *microscopy(options.data, size))
        for case in cases:
            if not any(name in case.name for name in options.images):
                continue
            reference = curve(case, DipConfig(preset="paper"), CACHE)
            peak = max(psnr for _, psnr in reference)
            whole_time = reached(reference, peak - 0.1) * seconds["published"]
            for preset in options.presets:
                ours = curve(case, DipConfig(preset=preset), CACHE)
                near, far = reached(ours, peak - 0.1), reached(ours, peak - 1)
                yield {
                    "image": case.name, "pixels": size, "published peak": peak,
                    "published s": whole_time, "preset": preset,
                    "its peak": max(psnr for _, psnr in ours), "iteration": near,
                    "times as fast": near and whole_time / near / seconds[preset],
                    "to 1 dB less": far and whole_time / far / seconds[preset],
                }  # fmt: skip


def reached(points: list[tuple[int, float]], level: float) -> int | None:
    """Return the first iteration that is at least as good as a level."""
    return next((iteration for iteration, psnr in points if psnr >= level), None)


def overhead(options: argparse.Namespace) -> Iterator[dict[str, object]]:
    """Print the cost of an iteration outside forward with the loss, backward and optimiser.

    Each iteration is compared with itself: two of them differ by more than what is looked for.
    """
    forward = (PriorNetwork, "forward"), (Problem, "nll"), (trainer, "weighted_mean")
    learning = (*forward, (Tensor, "backward"), (Optimisers, "step"))
    for preset, size in itertools.product(options.presets, options.sizes):
        step = whole(preset, size, runtime_of(options))
        for _ in range(SETTLED):
            step()
        rows = []
        with timed_within(learning) as within:
            for _ in range(60):
                within.clear()
                rows.append((timed(step), sum(within)))
        seconds, inside = (median(column) for column in zip(*rows, strict=True))
        yield {
            "preset": preset, "pixels": size, "whole [ms]": 1e3 * seconds,
            "network and optimiser [ms]": 1e3 * inside,
            "beside [%]": 100 * median(1 - inside / seconds for seconds, inside in rows),
        }  # fmt: skip


def estimate(options: argparse.Namespace) -> Iterator[dict[str, object]]:
    """Print the forecast of time and memory of a run, and the measured values."""
    for preset, size in itertools.product(options.presets, options.sizes):
        picture = np.random.default_rng(0).random((size, size, 3)).astype(np.float32)
        config = DipConfig(
            preset=preset, stop="none", device=options.device, precision=options.precision,
            threads=options.threads, max_iterations=200,
        )  # fmt: skip
        image = Image(picture, "YXS")
        predicted = forecast(image, config=config)
        assert predicted is not None
        report = finish(restore(image, config=config)).report
        yield {
            "preset": preset, "pixels": size,
            "s predicted": predicted.seconds, "s taken": report.seconds,
            "predicted over taken": predicted.seconds / report.seconds,
            "GB predicted": predicted.memory / 1e9,
            "GB taken": report.peak_memory_bytes / 1e9,
        }  # fmt: skip


def runtime_of(options: argparse.Namespace) -> Runtime:
    return find_runtime(options.device, options.precision)


TABLES = {one.__name__: one for one in (breakdown, pace, memory, quality, overhead, estimate)}


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("--presets", nargs="+", default=["balanced"])
    parser.add_argument("--sizes", nargs="+", type=int, default=[128])
    parser.add_argument("--precision", default="auto", choices=("auto", "float32", "bfloat16"))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--images", nargs="+", default=[""], help="parts of names; default: all")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    rows = []
    with torch_settings(options.threads), freed_memory_kept():
        for row in TABLES[options.table](options):
            show(row, header=not rows)
            rows.append(row)
    if options.table == "quality":
        show(mean(rows))


if __name__ == "__main__":
    main()
