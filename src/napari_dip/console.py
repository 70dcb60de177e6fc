"""Console: what a run in a terminal shows, and how Ctrl-C reaches it."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

    from napari_dip.core.restore import Progress

Follower = Callable[["Progress"], None]

# A log file is read afterwards, so a line now and then is enough [seconds].
_LINE_INTERVAL = 10.0


def say(sentence: str) -> None:
    """Print one line on stderr, which leaves stdout to results."""
    print(f"napari-dip: {sentence}", file=sys.stderr, flush=True)


@contextmanager
def interruption() -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl-C or SIGTERM into a request to stop; a second aborts at once.

    Yields
    ------
    callable
        True once somebody asked to stop.
    """
    asked = threading.Event()

    def ask(number: int, frame: FrameType | None) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()
        # A handler may run inside a print, where another print would fail.
        os.write(2, b"\nnapari-dip: stopping; once more to abort without a result\n")

    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, ask) for number in signals]
    try:
        yield asked.is_set
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


@contextmanager
def progress_display() -> Iterator[Follower]:
    """Show progress on stderr: a moving bar on a terminal, else a line now and then."""
    with _bar() if sys.stderr.isatty() else _lines() as follow:
        yield follow


@contextmanager
def _bar() -> Iterator[Follower]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[numbers]}"),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None, numbers="")

        def follow(progress: Progress) -> None:
            bar.update(
                task,
                description=_block(progress),
                completed=progress.iteration,
                total=progress.max_iterations,
                numbers=_numbers(progress),
            )

        yield follow


@contextmanager
def _lines() -> Iterator[Follower]:
    last = time.monotonic()

    def follow(progress: Progress) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _LINE_INTERVAL:
            last = now
            of = f"iteration {progress.iteration}/{progress.max_iterations}"
            say(f"{_block(progress)}, {of}, {_numbers(progress)}")

    yield follow


def _block(progress: Progress) -> str:
    return f"block {progress.block + 1}/{progress.blocks}"


def _numbers(progress: Progress) -> str:
    parts = [f"loss {progress.loss:.4g}"]
    if progress.heldout_error is not None:
        parts.append(f"held out {progress.heldout_error:.4g}")
    if progress.psnr is not None:
        parts.append(f"psnr {progress.psnr:.2f} dB")
    if progress.seconds_left is not None:
        parts.append(f"at most {_duration(progress.seconds_left)} left")
    return ", ".join(parts)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
