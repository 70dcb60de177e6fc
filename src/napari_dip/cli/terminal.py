"""Terminal: messages, progress, results, and requests to stop."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from cyclopts import CycloptsError
from pydantic import ValidationError

from napari_dip.cli.options import option
from napari_dip.config.messages import explain
from napari_dip.errors import UNEXPECTED, Hint, NapariDipError, UsageError, describe_error
from napari_dip.io.json_values import json_values
from napari_dip.logs import note

if TYPE_CHECKING:
    from types import FrameType

    from napari_dip.core.image.image import Image
    from napari_dip.core.restoration.progress import Follower, Progress

# Interval of progress lines where stderr is not a terminal, such as a log file [seconds].
_LINE_INTERVAL = 10.0


def print_line(sentence: str, *, logged: bool = True) -> None:
    """Print one line on stderr, because stdout is for results, and log it.

    Parameters
    ----------
    sentence : str
        Text of the line.
    logged : bool
        Whether the log file gets the line, too.
    """
    if logged:
        note(sentence)
    # The run continues if the terminal was closed.
    with suppress(OSError):
        print(f"napari-dip: {sentence}", file=sys.stderr, flush=True)


def print_warnings(*images: Image) -> None:
    """Print the warnings of file readers on stderr, for images without a report."""
    for image in images:
        for warning in image.warnings:
            print_line(f"warning: {image.source}: {warning}")


def print_result(values: Mapping[str, Any], as_json: bool) -> None:
    """Print named values on stdout: one line each, or as one JSON object."""
    if as_json:
        print(json.dumps(json_values(values)))
        return
    for name, value in values.items():
        print(f"{name:24} {_readable(value)}")


def _readable(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_readable(part)}" for name, part in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_readable, value)) or "none"
    if isinstance(value, float):
        return f"{value:.6g}"
    return "none" if value is None else str(value)


def explain_error(error: BaseException) -> tuple[str, int]:
    """Return the message for the user and the exit code."""
    if isinstance(error, CycloptsError):
        cause = error.__cause__
        if isinstance(cause, ValidationError):
            return explain(cause, option), UsageError.exit_code
        return str(error), UsageError.exit_code
    sentence, code = describe_error(error)
    if isinstance(error, NapariDipError) and error.hints:
        sentence = f"{sentence} ({', '.join(map(_hint, error.hints))})"
    return f"{sentence} (--traceback shows more.)" if code == UNEXPECTED else sentence, code


def _hint(hint: Hint) -> str:
    return " ".join([option(hint.setting), hint.value]).rstrip()


@contextmanager
def interruption() -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl-C, SIGTERM or loss of the terminal into a request to stop.

    A second one aborts at once.

    Yields
    ------
    callable
        True once a stop was requested.
    """
    stop = threading.Event()

    def request_stop(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        # A handler may interrupt a print, and a print inside another one would fail.
        with suppress(OSError):
            os.write(2, b"\nnapari-dip: stopping; press Ctrl-C again to abort without a result\n")

    # Python delivers signals only to the main thread.
    in_main_thread = threading.current_thread() is threading.main_thread()
    signals = [signal.SIGINT, signal.SIGTERM] if in_main_thread else []
    # Windows has no SIGHUP; nohup ignores it, and a run under nohup must continue.
    hangup = getattr(signal, "SIGHUP", None)
    if in_main_thread and hangup is not None and signal.getsignal(hangup) != signal.SIG_IGN:
        signals.append(hangup)
    handlers = [signal.signal(number, request_stop) for number in signals]
    try:
        yield stop.is_set
    finally:
        for number, handler in zip(signals, handlers, strict=True):
            signal.signal(number, handler)


@contextmanager
def progress_display() -> Iterator[Follower]:
    """Show progress on stderr: a progress bar on a terminal, else a line every 10 seconds."""
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
            iteration = f"iteration {progress.iteration}/{progress.max_iterations}"
            print_line(f"{_block(progress)}, {iteration}, {_numbers(progress)}")

    yield follow


def _block(progress: Progress) -> str:
    return f"block {progress.block + 1}/{progress.blocks}"


def _numbers(progress: Progress) -> str:
    from napari_dip.render.text import duration

    parts = [f"loss {progress.loss:.4g}"]
    if progress.heldout_error is not None:
        parts.append(f"held out {progress.heldout_error:.4g}")
    if progress.psnr is not None:
        parts.append(f"psnr {progress.psnr:.2f} dB")
    if progress.seconds_left is not None:
        parts.append(f"at most {duration(progress.seconds_left)} left")
    return ", ".join(parts)
